// Training of byte-pair encoding (BPE), with exactly the merges of the Hugging Face `tokenizers` library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"
#include "fast_tokenizer/training_corpus.hpp"

namespace fast_tokenizer {

struct TrainingOptions {
  // Letters are the tokens 0 .. alphabet_size - 1, whether the corpus has them or not.
  TokenId alphabet_size = 256;
  // Training ends when there are so many tokens, or earlier when no pair is frequent enough.
  TokenId vocab_size = 1024;
  // A pair that is seen less often is not merged.
  std::int64_t min_frequency = 2;
  // New tokens have fewer letters than this, except that any two letters may be merged.
  std::size_t max_token_length = 10000;
  // 0: as many as the process may use. The merges are the same for any number.
  int num_threads = 0;
};

// Called now and then on the thread that trains. What it throws ends the training.
using TrainingProgress = std::function<void(std::size_t num_tokens, std::size_t vocab_size)>;

// The merges in the order in which they were made; the results are alphabet_size, alphabet_size + 1 and so
// on. Throws TrainingError if the options contradict each other or a word has letters outside the alphabet.
//
// Each step merges the most frequent pair of the whole corpus, that with the smallest ids among equals. For a
// corpus that lies on several machines, see TrainingShard and PairQueue, of which this function is made.
std::vector<Merge> train_bpe(const TrainingCorpus& corpus, const TrainingOptions& options,
                             const TrainingProgress& progress = {});

}  // namespace fast_tokenizer
