#include "fast_tokenizer/bpe_model.hpp"

#include <algorithm>
#include <array>
#include <queue>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include "fast_tokenizer/errors.hpp"

namespace fast_tokenizer {

// Remembers which tokens may stand side by side. Each entry carries its whole key, so that threads may read and
// write it without a lock: what is read is either right or about another pair.
class BpeModel::PairCache {
 public:
  std::optional<bool> find(TokenId left, TokenId right) const {
    const std::uint64_t key = key_of(left, right);
    const std::uint64_t entry = entries_[slot_of(key)].load(std::memory_order_relaxed);
    if ((entry | 1U) != key) return std::nullopt;
    return (entry & 1U) != 0;
  }

  void put(TokenId left, TokenId right, bool stands) {
    const std::uint64_t key = key_of(left, right);
    entries_[slot_of(key)].store(stands ? key : key & ~std::uint64_t{1}, std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned kBits = 17;

  // The highest bit tells an entry from an empty one, the lowest holds the answer.
  static std::uint64_t key_of(TokenId left, TokenId right) {
    return std::uint64_t{1} << 63 | static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint64_t>(right) << 1 | 1U;
  }
  static std::size_t slot_of(std::uint64_t key) {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> (64 - kBits));
  }

  std::array<std::atomic<std::uint64_t>, std::size_t{1} << kBits> entries_{};
};

BpeModel::BpeModel(const std::vector<Units>& pieces, const std::vector<Merge>& merges)
    : merges_(merges), steps_(pieces.size()), derivations_(pieces.size()), cache_(std::make_unique<PairCache>()) {
  std::unordered_map<std::u16string_view, TokenId> id_of;
  std::vector<TokenId> letters(std::size_t{1} << 16, -1);
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const Units& piece = pieces[id];
    if (piece.empty()) continue;
    const auto [other, fresh] = id_of.emplace(piece, static_cast<TokenId>(id));
    if (!fresh)
      throw FormatError("ids " + std::to_string(other->second) + " and " + std::to_string(id) + " spell the same token");
    if (piece.size() == 1) letters[piece[0]] = static_cast<TokenId>(id);
  }
  const auto piece_of = [&](TokenId id) -> std::u16string_view {
    return id < 0 || static_cast<std::size_t>(id) >= pieces.size() ? std::u16string_view() : pieces[static_cast<std::size_t>(id)];
  };
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::u16string_view left = piece_of(merges[rank].left);
    const std::u16string_view right = piece_of(merges[rank].right);
    const std::u16string_view result = piece_of(merges[rank].result);
    if (left.empty() || right.empty() || result.size() != left.size() + right.size() || !result.starts_with(left) ||
        !result.ends_with(right))
      throw FormatError("merge " + std::to_string(rank) + " does not spell its result: ids " +
                        std::to_string(merges[rank].left) + " and " + std::to_string(merges[rank].right) + " give " +
                        std::to_string(merges[rank].result));
    std::int32_t& as_left = derivations_[static_cast<std::size_t>(merges[rank].left)].first_as_left;
    std::int32_t& as_right = derivations_[static_cast<std::size_t>(merges[rank].right)].first_as_right;
    as_left = std::min(as_left, static_cast<std::int32_t>(rank));
    as_right = std::min(as_right, static_cast<std::int32_t>(rank));
  }

  // Shorter tokens first: a token's parts are then known when it is derived.
  std::vector<TokenId> by_length;
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    steps_[id].length = static_cast<std::int32_t>(pieces[id].size());
    if (!pieces[id].empty()) by_length.push_back(static_cast<TokenId>(id));
  }
  std::stable_sort(by_length.begin(), by_length.end(),
                   [&](TokenId a, TokenId b) { return piece_of(a).size() < piece_of(b).size(); });
  std::vector<TokenTrie::Entry> entries;
  for (const TokenId id : by_length) {
    derive(id, piece_of(id), letters);
    if (derivations_[static_cast<std::size_t>(id)].reachable) entries.push_back({piece_of(id), id});
  }
  trie_.emplace(entries);
  for (const auto& [piece, id] : entries) {
    steps_[static_cast<std::size_t>(id)].shorter =
        piece.size() == 1 ? -1 : trie_->longest_match(piece.substr(0, piece.size() - 1));
  }
}

BpeModel::~BpeModel() = default;

// Runs BPE on one token's letters, with a queue of merges, and keeps how it ends.
void BpeModel::derive(TokenId id, std::u16string_view piece, const std::vector<TokenId>& letters) {
  Derivation& token = derivations_[static_cast<std::size_t>(id)];
  if (piece.size() == 1) {
    token.reachable = true;
    return;
  }
  struct Part {
    TokenId id;  // -1: merged into the part before it
    std::size_t previous;
    std::size_t next;
  };
  struct Candidate {
    std::int32_t rank;
    std::size_t at;
    Pair pair;
    bool operator>(const Candidate& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
  };
  std::vector<Part> parts(piece.size());
  for (std::size_t i = 0; i < piece.size(); ++i) {
    parts[i] = {letters[piece[i]], i - 1, i + 1};
    if (parts[i].id < 0) return;
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](std::size_t at) {
    if (at >= parts.size() || parts[at].next >= parts.size()) return;
    const Pair pair{parts[at].id, parts[parts[at].next].id};
    if (const auto found = merges_.find(pair); found.rank >= 0) queue.push({found.rank, at, pair});
  };
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) offer(i);
  std::size_t remaining = parts.size();
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Part& left = parts[best.at];
    if (left.id != best.pair.left || left.next >= parts.size() || parts[left.next].id != best.pair.right) continue;
    Part& right = parts[left.next];
    left.id = merges_.find(best.pair).result;
    right.id = -1;
    left.next = right.next;
    if (left.next < parts.size()) parts[left.next].previous = best.at;
    offer(left.previous);
    offer(best.at);
    --remaining;
    token.left = best.pair.left;
    token.right = best.pair.right;
    token.rank = best.rank;
  }
  token.reachable = remaining == 1;
  if (token.reachable) {
    token.made = std::max({token.rank, derivations_[static_cast<std::size_t>(token.left)].made,
                           derivations_[static_cast<std::size_t>(token.right)].made});
  }
}

// Whether BPE of the two tokens' text gives these two tokens. Goes back in time from the end: as long as no merge
// crossed the boundary, each side was made as if alone, so the last merge undone is always that of the side made
// later. A merge across the boundary would have come first if its rank is lower than that of the merge that took
// one of its parts away, or equal and further left.
bool BpeModel::survives_boundary(TokenId left, TokenId right) const {
  std::int32_t first_harmless = INT32_MAX;
  for (;;) {
    const Derivation& a = derivations_[static_cast<std::size_t>(left)];
    const Derivation& b = derivations_[static_cast<std::size_t>(right)];
    if (std::max(a.first_as_left, b.first_as_right) < first_harmless) {
      const auto across = merges_.find({left, right});
      if (across.rank >= 0 && across.rank < first_harmless) return false;
    }
    if (a.made > b.made) {
      first_harmless = a.rank;
      left = a.right;
    } else if (b.made >= 0) {
      first_harmless = b.rank + 1;
      right = b.left;
    } else {
      return true;
    }
  }
}

bool BpeModel::stands_beside(TokenId left, TokenId right) const {
  if (const auto known = cache_->find(left, right)) return *known;
  const bool stands = survives_boundary(left, right);
  cache_->put(left, right, stands);
  return stands;
}

std::size_t BpeModel::encode(std::u16string_view word, std::vector<TokenId>& ids) const {
  const std::size_t begin = ids.size();
  std::vector<bool> dead_end;  // places from which there was no way on; most words never need it
  std::size_t at = 0;
  const auto step_of = [&](TokenId id) { return steps_[static_cast<std::size_t>(id)]; };
  const auto fits = [&](TokenId id) {
    if (!dead_end.empty() && dead_end[at + static_cast<std::size_t>(step_of(id).length)]) return false;
    return ids.size() == begin || stands_beside(ids.back(), id);
  };
  for (TokenId candidate = -1; at < word.size();) {
    if (candidate < 0) candidate = trie_->longest_match(word.substr(at));
    if (candidate < 0) {
      ids.resize(begin);
      return at;
    }
    while (candidate >= 0 && !fits(candidate)) candidate = step_of(candidate).shorter;
    if (candidate >= 0) {
      ids.push_back(candidate);
      at += static_cast<std::size_t>(step_of(candidate).length);
      candidate = -1;
      continue;
    }
    // Step back, past tokens that have no shorter one to try.
    if (dead_end.empty()) dead_end.resize(word.size() + 1);
    do {
      if (ids.size() == begin) throw std::logic_error("BPE found no way through a word that it can spell");
      dead_end[at] = true;
      candidate = step_of(ids.back()).shorter;
      at -= static_cast<std::size_t>(step_of(ids.back()).length);
      ids.pop_back();
    } while (candidate < 0);
  }
  return word.size();
}

}  // namespace fast_tokenizer
