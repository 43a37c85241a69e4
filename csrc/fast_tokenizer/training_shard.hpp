// The words of a training corpus, or a part of them, while their letters are merged into tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"
#include "fast_tokenizer/pair_places.hpp"
#include "fast_tokenizer/pair_queue.hpp"
#include "fast_tokenizer/pair_table.hpp"

namespace fast_tokenizer {

// First every word is added, then pair_counts() is called once, then apply_merge() for every merge; another
// order throws TrainingError. How the words are spread over shards changes nothing: only sums over all shards
// matter.
class TrainingShard {
 public:
  // Letters are the tokens 0 .. alphabet_size - 1; every merge makes the next token. Pairs are not merged if
  // the new token would have `max_token_length` letters or more, except that two letters always are.
  TrainingShard(TokenId alphabet_size, std::size_t max_token_length);

  // Optional: makes room for what is going to be added.
  void reserve(std::size_t words, std::size_t letters);

  // Adds a word that was seen `count` times. Throws TrainingError if it has letters outside the alphabet.
  void add(std::span<const TokenId> word, std::int64_t count);

  // How often each pair of neighbouring letters was seen. Pairs may overlap: "aaa" holds "aa" twice.
  std::vector<PairChange> pair_counts();

  // Replaces the pair by a new token wherever it stands, from left to right, and returns how that changes the
  // counts of other pairs, in a fixed order in which a pair may come more than once.
  std::vector<PairChange> apply_merge(Pair pair);

 private:
  // A word's tokens lie at tokens_[begin] and after; they become fewer with every merge.
  struct Word {
    std::size_t begin;
    std::size_t size;
    std::int64_t count;
  };

  std::size_t length_of(TokenId token) const { return lengths_[static_cast<std::size_t>(token)]; }
  void check_letters(std::span<const TokenId> word) const;
  std::span<const std::uint32_t> words_of(Pair pair) const;
  void merge_in_word(std::uint32_t index, Pair pair, TokenId result);
  std::vector<PairChange> report_merge(Pair pair, TokenId result);
  void close_gaps();

  TokenId alphabet_size_;
  std::size_t max_token_length_;
  std::vector<std::size_t> lengths_;  // of every token, in letters

  std::vector<Word> words_;
  std::vector<TokenId> tokens_;  // word after word, with gaps where words have become shorter
  std::size_t live_tokens_ = 0;  // without the gaps

  PlaceTally tally_;                      // of the step at hand
  PairTable<std::uint32_t> letter_keys_;  // of letter pairs in the tally, plus 1, while words are added
  std::vector<Pair> letter_pairs_;        // by key
  std::vector<PairPlaces> places_;  // by step: of the letter pairs, then of the pairs with each new token
};

}  // namespace fast_tokenizer
