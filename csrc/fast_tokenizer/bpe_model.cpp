#include "fast_tokenizer/bpe_model.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include "fast_tokenizer/errors.hpp"
#include "fast_tokenizer/merge_queue.hpp"

namespace fast_tokenizer {

// Remembers which tokens may stand side by side. Each entry carries its whole key, so that threads may read
// and write it without a lock: what is read is either right or about another pair.
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
    return std::uint64_t{1} << 63 | static_cast<std::uint64_t>(left) << 32 |
           static_cast<std::uint64_t>(right) << 1 | 1U;
  }
  static std::size_t slot_of(std::uint64_t key) {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> (64 - kBits));
  }

  std::array<std::atomic<std::uint64_t>, std::size_t{1} << kBits> entries_{};
};

BpeModel::BpeModel(const std::vector<Units>& pieces, const std::vector<Merge>& merges)
    : merges_(merges),
      steps_(pieces.size()),
      derivations_(pieces.size()),
      cache_(std::make_unique<PairCache>()) {
  read_letters(pieces);
  read_merges(pieces, merges);
  derive_tokens(pieces);
  build_trie(pieces);
}

BpeModel::~BpeModel() = default;

void BpeModel::read_letters(const std::vector<Units>& pieces) {
  std::unordered_map<std::u16string_view, std::size_t> id_of;
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const Units& piece = pieces[id];
    steps_[id].length = static_cast<std::int32_t>(piece.size());
    if (piece.empty()) continue;
    const auto [other, fresh] = id_of.emplace(piece, id);
    if (!fresh) {
      throw FormatError("ids " + std::to_string(other->second) + " and " + std::to_string(id) +
                        " spell the same token");
    }
    if (piece.size() > 1) continue;
    if (letters_.size() <= piece[0]) letters_.resize(std::size_t{piece[0]} + 1, -1);
    letters_[piece[0]] = static_cast<TokenId>(id);
  }
}

void BpeModel::read_merges(const std::vector<Units>& pieces, const std::vector<Merge>& merges) {
  const auto piece_of = [&](TokenId id) {
    const bool known = id >= 0 && static_cast<std::size_t>(id) < pieces.size();
    return known ? std::u16string_view(pieces[static_cast<std::size_t>(id)]) : std::u16string_view();
  };
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const Merge& merge = merges[rank];
    const std::u16string_view left = piece_of(merge.left);
    const std::u16string_view right = piece_of(merge.right);
    const std::u16string_view result = piece_of(merge.result);
    if (left.empty() || right.empty() || result.size() != left.size() + right.size() ||
        !result.starts_with(left) || !result.ends_with(right)) {
      throw FormatError("merge " + std::to_string(rank) + " does not spell its result: ids " +
                        std::to_string(merge.left) + " and " + std::to_string(merge.right) + " give " +
                        std::to_string(merge.result));
    }
    std::int32_t& as_left = derivations_[static_cast<std::size_t>(merge.left)].first_as_left;
    std::int32_t& as_right = derivations_[static_cast<std::size_t>(merge.right)].first_as_right;
    as_left = std::min(as_left, static_cast<std::int32_t>(rank));
    as_right = std::min(as_right, static_cast<std::int32_t>(rank));
  }
}

void BpeModel::derive_tokens(const std::vector<Units>& pieces) {
  std::vector<TokenId> ids;
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id].empty()) continue;
    ids.clear();
    for (const Unit unit : pieces[id]) ids.push_back(letter(unit));
    if (std::find(ids.begin(), ids.end(), -1) != ids.end()) continue;
    const MadeMerge last = merge_by_queue(merges_, ids);
    if (ids.size() > 1) continue;
    Derivation& derivation = derivations_[id];
    derivation.reachable = true;
    derivation.left = last.pair.left;
    derivation.right = last.pair.right;
    derivation.rank = last.rank;
  }
  lone_letters_ = letters_;
  for (TokenId& letter_id : lone_letters_) {
    if (letter_id >= 0 && derivations_[static_cast<std::size_t>(letter_id)].first_as_left != INT32_MAX)
      letter_id = -1;
  }
  for (const Derivation& token : derivations_) {
    if (token.rank < 0) continue;
    ranks_in_order_ &= derivations_[static_cast<std::size_t>(token.left)].rank < token.rank &&
                       derivations_[static_cast<std::size_t>(token.right)].rank < token.rank;
  }
}

void BpeModel::build_trie(const std::vector<Units>& pieces) {
  std::vector<TokenTrie::Entry> entries;
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    if (derivations_[id].reachable) entries.push_back({pieces[id], static_cast<TokenId>(id)});
  }
  trie_.emplace(entries);
  for (const auto& [piece, id] : entries)
    steps_[static_cast<std::size_t>(id)].shorter = trie_->longest_match(piece.substr(0, piece.size() - 1));
}

// Whether BPE of the two tokens' text gives these two tokens. Goes back in time from the end: as long as no
// merge crossed the boundary, each side was made as if alone, so the last merge undone is always that of the
// higher rank. A merge across the boundary would have come first if its rank is lower than that of the merge
// that took one of its parts away, or equal and further left.
bool BpeModel::survives_boundary(TokenId left, TokenId right) const {
  std::int32_t first_harmless = INT32_MAX;
  for (;;) {
    const Derivation& a = derivations_[static_cast<std::size_t>(left)];
    const Derivation& b = derivations_[static_cast<std::size_t>(right)];
    if (std::max(a.first_as_left, b.first_as_right) < first_harmless) {
      const auto across = merges_.find({left, right});
      if (across.rank >= 0 && across.rank < first_harmless) return false;
    }
    if (a.rank > b.rank) {
      first_harmless = a.rank;
      left = a.right;
    } else if (b.rank >= 0) {
      first_harmless = b.rank + 1;
      right = b.left;
    } else {
      return true;
    }
  }
}

bool BpeModel::leaves_apart(TokenId left, TokenId right) const {
  if (ranks_in_order_) return survives_boundary(left, right);
  std::vector<TokenId> letters;
  append_letters(left, letters);
  append_letters(right, letters);
  merge_by_queue(merges_, letters);
  return letters.size() == 2 && letters[0] == left && letters[1] == right;
}

void BpeModel::append_letters(TokenId id, std::vector<TokenId>& letters) const {
  const Derivation& token = derivations_[static_cast<std::size_t>(id)];
  if (token.rank < 0) {
    letters.push_back(id);
    return;
  }
  append_letters(token.left, letters);
  append_letters(token.right, letters);
}

bool BpeModel::stands_beside(TokenId left, TokenId right) const {
  if (const auto known = cache_->find(left, right)) return *known;
  const bool stands = survives_boundary(left, right);
  cache_->put(left, right, stands);
  return stands;
}

std::size_t BpeModel::encode_by_queue(std::u16string_view word, std::vector<TokenId>& ids) const {
  std::vector<TokenId> merged;
  for (const Unit unit : word) {
    if (letter(unit) < 0) return merged.size();
    merged.push_back(letter(unit));
  }
  merge_by_queue(merges_, merged);
  ids.insert(ids.end(), merged.begin(), merged.end());
  return word.size();
}

std::size_t BpeModel::encode(std::u16string_view word, std::vector<TokenId>& ids) const {
  if (!ranks_in_order_) return encode_by_queue(word, ids);
  const std::size_t begin = ids.size();
  std::vector<bool> dead_end;  // places from which there was no way on; most words never need it
  std::size_t at = 0;
  const auto step_of = [&](TokenId id) { return steps_[static_cast<std::size_t>(id)]; };
  const auto fits = [&](TokenId id) {
    const std::size_t end = at + static_cast<std::size_t>(step_of(id).length);
    if (!dead_end.empty() && dead_end[end]) return false;
    if (ids.size() != begin && !stands_beside(ids.back(), id)) return false;
    const TokenId next =
        end < word.size() && word[end] < lone_letters_.size() ? lone_letters_[word[end]] : -1;
    return next < 0 || stands_beside(id, next);
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
