// Ids of single coefficients, of the lowest frequencies only, to actions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fast_tokenizer/chunk_decoder.hpp"

namespace fast_tokenizer {

// How ids stand for coefficients.
struct FrequencyCode {
  TokenId size;                  // ids, each of which is a coefficient
  std::int32_t min_coefficient;  // that of id 0
  std::size_t frequencies;       // that are told, the lowest first; the others are zero
  double scale;
};

// actions [sequences, horizon, action_dim], outcomes [sequences], as decode_chunks gives them. On the calling
// thread alone.
void decode_frequencies(const FrequencyCode& code, const IdSequences& sequences, ChunkShape shape,
                        bool keep_prefix, double* actions, DecodeOutcome* outcomes);

}  // namespace fast_tokenizer
