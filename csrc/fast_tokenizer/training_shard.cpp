#include "fast_tokenizer/training_shard.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "fast_tokenizer/errors.hpp"

namespace fast_tokenizer {
namespace {

// A merge changes only pairs with a neighbour of the merged pair, so these are the keys under which it is
// tallied: neighbours on the left even, those on the right odd.
std::uint32_t left_key(TokenId neighbour) { return 2 * static_cast<std::uint32_t>(neighbour); }
std::uint32_t right_key(TokenId neighbour) { return 2 * static_cast<std::uint32_t>(neighbour) + 1; }

// Where the first `pair` begins, or `size` if there is none. Words are often searched in vain, so the search
// goes in blocks that compilers turn into vector instructions.
std::size_t find_pair(const TokenId* tokens, std::size_t size, Pair pair) {
  constexpr std::size_t kBlock = 16;
  std::size_t at = 0;
  for (; at + kBlock < size; at += kBlock) {
    TokenId found = 0;
    for (std::size_t i = at; i < at + kBlock; ++i) {
      found |= static_cast<TokenId>((tokens[i] == pair.left) & (tokens[i + 1] == pair.right));
    }
    if (found != 0) break;
  }
  for (; at + 1 < size; ++at) {
    if (tokens[at] == pair.left && tokens[at + 1] == pair.right) return at;
  }
  return size;
}

}  // namespace

TrainingShard::TrainingShard(TokenId alphabet_size, std::size_t max_token_length)
    : alphabet_size_(std::max(alphabet_size, 0)),
      max_token_length_(max_token_length),
      lengths_(static_cast<std::size_t>(alphabet_size_), 1) {}

void TrainingShard::reserve(std::size_t words, std::size_t letters) {
  words_.reserve(words);
  tokens_.reserve(letters);
}

void TrainingShard::add(std::span<const TokenId> word, std::int64_t count) {
  check_letters(word);
  if (!places_.empty())
    throw TrainingError("Words cannot be added to a shard whose pairs have been counted.");
  if (words_.size() == std::numeric_limits<std::uint32_t>::max()) {
    throw TrainingError("A shard holds 4,294,967,295 words at most: spread the corpus over more shards.");
  }
  const auto index = static_cast<std::uint32_t>(words_.size());
  words_.push_back({tokens_.size(), word.size(), count});
  tokens_.insert(tokens_.end(), word.begin(), word.end());
  live_tokens_ = tokens_.size();

  for (std::size_t i = 1; i < word.size(); ++i) {
    const Pair pair{word[i - 1], word[i]};
    std::uint32_t& key_plus_one = letter_keys_[pair];
    if (key_plus_one == 0) {
      letter_pairs_.push_back(pair);
      key_plus_one = static_cast<std::uint32_t>(letter_pairs_.size());
      tally_.resize(letter_pairs_.size());
    }
    tally_.add(key_plus_one - 1, index, count);
  }
}

void TrainingShard::check_letters(std::span<const TokenId> word) const {
  TokenId lowest = 0;
  TokenId highest = 0;
  for (const TokenId letter : word) {
    lowest = std::min(lowest, letter);
    highest = std::max(highest, letter);
  }
  if (lowest < 0 || (highest >= alphabet_size_ && !word.empty())) {
    throw TrainingError("A word holds the letter " + std::to_string(lowest < 0 ? lowest : highest) +
                        ", but the letters of the alphabet are 0 to " + std::to_string(alphabet_size_ - 1) +
                        ".");
  }
}

std::vector<PairChange> TrainingShard::pair_counts() {
  if (!places_.empty()) throw TrainingError("The pairs of a shard can be counted only once.");
  std::vector<PairChange> counts;
  std::vector<PairPlaces::KeyedPair> arisen;
  for (const std::uint32_t key : tally_.keys()) {
    counts.push_back({letter_pairs_[key], tally_[key].count});
    arisen.push_back({letter_pairs_[key], key});
  }
  places_.emplace_back(std::move(arisen), tally_);

  tally_ = {};
  letter_keys_ = PairTable<std::uint32_t>();
  letter_pairs_ = {};
  return counts;
}

std::vector<PairChange> TrainingShard::apply_merge(Pair pair) {
  const std::span<const std::uint32_t> words = words_of(pair);
  const auto result = static_cast<TokenId>(lengths_.size());
  lengths_.push_back(length_of(pair.left) + length_of(pair.right));
  tally_.resize(2 * lengths_.size());
  for (const std::uint32_t word : words) merge_in_word(word, pair, result);
  if (2 * live_tokens_ < tokens_.size()) close_gaps();
  return report_merge(pair, result);
}

// A pair arises only in the step that makes its newer token; see PairQueue.
std::span<const std::uint32_t> TrainingShard::words_of(Pair pair) const {
  if (places_.empty()) throw TrainingError("The pairs of a shard must be counted before they are merged.");
  const auto [older, newer] = std::minmax(pair.left, pair.right);
  if (older < 0 || static_cast<std::size_t>(newer) >= lengths_.size()) {
    throw TrainingError("The pair (" + std::to_string(pair.left) + ", " + std::to_string(pair.right) +
                        ") cannot be merged: the shard knows the tokens 0 to " +
                        std::to_string(lengths_.size() - 1) + ". A shard must see every merge, in order.");
  }
  const TokenId step = std::max(newer - alphabet_size_ + 1, 0);
  return places_[static_cast<std::size_t>(step)].words_of(pair);
}

void TrainingShard::merge_in_word(std::uint32_t index, Pair pair, TokenId result) {
  Word& word = words_[index];
  TokenId* const tokens = tokens_.data() + word.begin;
  const std::size_t size = word.size;
  const auto pair_begins_at = [&](std::size_t at) {
    return at + 1 < size && tokens[at] == pair.left && tokens[at + 1] == pair.right;
  };
  std::size_t from = find_pair(tokens, size, pair);
  std::size_t to = from;
  std::int64_t side_by_side = 0;  // pairs that follow another one: tallied once, as long runs are common
  while (from < size) {
    if (!pair_begins_at(from)) {
      tokens[to++] = tokens[from++];
      continue;
    }
    if (to > 0) tally_.add(left_key(tokens[to - 1]), index, word.count);
    tokens[to++] = result;
    for (from += 2; pair_begins_at(from); from += 2) {
      tokens[to++] = result;
      ++side_by_side;
    }
    if (from < size) tally_.add(right_key(tokens[from]), index, word.count);
  }
  if (side_by_side > 0) {
    // When pairs are merged from left to right, the one on the left is `result` already, the one on the right
    // still begins with pair.left.
    tally_.add(left_key(result), index, side_by_side * word.count);
    tally_.add(right_key(pair.left), index, side_by_side * word.count);
  }
  live_tokens_ -= size - to;
  word.size = to;
}

// Every neighbour on the left lost (neighbour, pair.left) and gained (neighbour, result); every neighbour on
// the right lost (pair.right, neighbour) and gained (result, neighbour).
std::vector<PairChange> TrainingShard::report_merge(Pair pair, TokenId result) {
  std::vector<PairChange> changes;
  std::vector<PairPlaces::KeyedPair> arisen;
  changes.reserve(2 * tally_.keys().size());
  arisen.reserve(tally_.keys().size());
  for (const std::uint32_t key : tally_.keys()) {
    const auto neighbour = static_cast<TokenId>(key / 2);
    const bool on_left = key == left_key(neighbour);
    const std::int64_t count = tally_[key].count;
    changes.push_back({on_left ? Pair{neighbour, pair.left} : Pair{pair.right, neighbour}, -count});
    if (length_of(neighbour) + length_of(result) >= max_token_length_) continue;
    const Pair gained = on_left ? Pair{neighbour, result} : Pair{result, neighbour};
    changes.push_back({gained, count});
    arisen.push_back({gained, key});
  }
  places_.emplace_back(std::move(arisen), tally_);
  tally_.clear();
  return changes;
}

// Lays the words side by side again, so that they stay in the cache as they become shorter.
void TrainingShard::close_gaps() {
  auto end = tokens_.begin();
  for (Word& word : words_) {
    const auto tokens = tokens_.begin() + static_cast<std::ptrdiff_t>(word.begin);
    word.begin = static_cast<std::size_t>(end - tokens_.begin());
    end = std::copy_n(tokens, word.size, end);
  }
  tokens_.erase(end, tokens_.end());
}

}  // namespace fast_tokenizer
