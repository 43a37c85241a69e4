// Token ids to actions.
#pragma once

#include <cstddef>

#include "fast_tokenizer/coefficient_coder.hpp"

namespace fast_tokenizer {

// What the actions of a decoded chunk are.
struct ChunkShape {
  std::size_t horizon;
  std::size_t action_dim;
};

// Chunks of this shape that are worth a thread of their own.
std::size_t decoding_grain(ChunkShape shape);

// actions [sequences, horizon, action_dim], outcomes [sequences]: what each sequence decodes to, divided by
// the scale and transformed back to time. Of a sequence that fails, the coefficients before its error are
// kept, or none of them. Both numbers of the shape are at least 1. On the calling thread alone.
void decode_chunks(const CoefficientCoder& coder, const IdSequences& sequences, ChunkShape shape,
                   double scale, bool keep_prefix, double* actions, DecodeOutcome* outcomes);

}  // namespace fast_tokenizer
