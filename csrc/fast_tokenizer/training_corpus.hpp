// The words that a BPE vocabulary is trained on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"

namespace fast_tokenizer {

// Distinct words and how often each was seen. A word is a text that no merge crosses: a whole chunk (scheme
// "symbols") or a piece of the GPT-2 split (scheme "bytes"). Its letters are ids of the initial alphabet.
class TrainingCorpus {
 public:
  TrainingCorpus() = default;
  TrainingCorpus(TrainingCorpus&&) = default;
  TrainingCorpus& operator=(TrainingCorpus&&) = default;

  // Adds `count` sightings of a word; an empty word is ignored. Throws TrainingError if `count` < 1.
  void add(std::span<const TokenId> word, std::int64_t count = 1);

  // Distinct words, in the order in which they were first seen.
  std::size_t size() const noexcept { return counts_.size(); }
  std::span<const TokenId> word(std::size_t index) const { return words_[index]; }
  std::int64_t count(std::size_t index) const { return counts_[index]; }

  // Letters of all distinct words together.
  std::size_t letters() const noexcept { return letters_; }

 private:
  // A place in the hash table of words.
  struct Slot {
    std::size_t hash = 0;
    std::size_t word_plus_one = 0;  // 0: free
  };

  Slot& find(std::span<const TokenId> word, std::size_t hash);
  std::span<const TokenId> store(std::span<const TokenId> word);
  void grow();

  std::vector<std::vector<TokenId>> blocks_;     // of letters, each with room that it never exceeds
  std::vector<std::span<const TokenId>> words_;  // in the blocks
  std::vector<std::int64_t> counts_;
  std::size_t letters_ = 0;
  std::vector<Slot> slots_;  // a power of two, at most half of them taken; linear probing
};

}  // namespace fast_tokenizer
