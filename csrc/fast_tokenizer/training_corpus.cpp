#include "fast_tokenizer/training_corpus.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "fast_tokenizer/errors.hpp"

namespace fast_tokenizer {
namespace {

constexpr std::size_t kBlockLetters = std::size_t{1} << 18;

std::size_t hash_of(std::span<const TokenId> word) {
  // Standard libraries hash a string in blocks of eight bytes or more, which is what long words need.
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(word.data()), word.size_bytes()});
}

}  // namespace

void TrainingCorpus::add(std::span<const TokenId> word, std::int64_t count) {
  if (count < 1) {
    throw TrainingError("A word was given a count of " + std::to_string(count) +
                        "; it must be the number of times that the word was seen, 1 or more.");
  }
  if (word.empty()) return;
  if (2 * (size() + 1) > slots_.size()) grow();

  const std::size_t hash = hash_of(word);
  Slot& slot = find(word, hash);
  if (slot.word_plus_one != 0) {
    counts_[slot.word_plus_one - 1] += count;
    return;
  }
  words_.push_back(store(word));
  counts_.push_back(count);
  letters_ += word.size();
  slot = {hash, size()};
}

// The slot that holds the word, or the free one where it belongs.
TrainingCorpus::Slot& TrainingCorpus::find(std::span<const TokenId> word, std::size_t hash) {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t place = hash & mask;; place = (place + 1) & mask) {
    Slot& slot = slots_[place];
    if (slot.word_plus_one == 0) return slot;
    if (slot.hash == hash && std::ranges::equal(words_[slot.word_plus_one - 1], word)) return slot;
  }
}

std::span<const TokenId> TrainingCorpus::store(std::span<const TokenId> word) {
  if (blocks_.empty() || blocks_.back().capacity() - blocks_.back().size() < word.size()) {
    blocks_.emplace_back().reserve(std::max(kBlockLetters, word.size()));
  }
  std::vector<TokenId>& block = blocks_.back();
  block.insert(block.end(), word.begin(), word.end());
  return std::span(block).last(word.size());
}

void TrainingCorpus::grow() {
  std::vector<Slot> larger(std::max<std::size_t>(16, 2 * slots_.size()));
  const std::size_t mask = larger.size() - 1;
  for (const Slot& slot : slots_) {
    if (slot.word_plus_one == 0) continue;
    std::size_t place = slot.hash & mask;
    while (larger[place].word_plus_one != 0) place = (place + 1) & mask;
    larger[place] = slot;
  }
  slots_ = std::move(larger);
}

}  // namespace fast_tokenizer
