// From rounded coefficients to the tokens and merges of a new vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fast_tokenizer/bpe_trainer.hpp"
#include "fast_tokenizer/bpe_types.hpp"
#include "fast_tokenizer/coefficient_coder.hpp"

namespace fast_tokenizer {

struct TrainedVocabulary {
  std::vector<std::u32string> tokens;  // by id, as tokenizer.json writes them
  std::vector<Merge> merges;           // by rank
};

// Trains on chunks of symbols, each in [0, num_symbols): chunk b is symbols[offsets[b] .. offsets[b + 1]).
//
// Every symbol has a token, seen or not; under scheme bytes as the character chr(symbol), which the published
// training code adds to the vocabulary although only the bytes that occur are ever used.
// options.alphabet_size is ignored. Throws TrainingError where the alphabet does not fit the vocabulary.
TrainedVocabulary train_vocabulary(Scheme scheme, std::span<const std::int32_t> symbols,
                                   std::span<const std::int64_t> offsets, std::int32_t num_symbols,
                                   TrainingOptions options, const TrainingProgress& progress = {});

}  // namespace fast_tokenizer
