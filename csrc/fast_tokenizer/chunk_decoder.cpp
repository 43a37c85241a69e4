#include "fast_tokenizer/chunk_decoder.hpp"

#include <algorithm>

#include "fast_tokenizer/dct.hpp"
#include "fast_tokenizer/quantizer.hpp"
#include "fast_tokenizer/scratch_buffer.hpp"

namespace fast_tokenizer {

std::size_t decoding_grain(ChunkShape shape) {
  constexpr std::size_t kCoefficientsWorthAThread = 1 << 16;
  return kCoefficientsWorthAThread / (shape.horizon * shape.action_dim) + 1;
}

void decode_chunks(const CoefficientCoder& coder, const IdSequences& sequences, ChunkShape shape,
                   double scale, bool keep_prefix, double* actions, DecodeOutcome* outcomes) {
  const std::size_t length = shape.horizon * shape.action_dim;
  // The coefficients of a block are transformed while they are still in the cache. Chunks of few dimensions
  // share the panels of the transform, and so their block is as many as fill them.
  const std::size_t block = std::min(shape.action_dim >= kPanelColumns ? 1 : kPanelColumns, sequences.size());
  ScratchBuffer<std::int32_t, 4096> coefficients(block * length);
  for (std::size_t first = 0; first < sequences.size(); first += block) {
    const std::size_t count = std::min(block, sequences.size() - first);
    for (std::size_t i = 0; i < count; ++i) {
      const std::span chunk(coefficients.data() + i * length, length);
      DecodeOutcome& outcome = outcomes[first + i];
      outcome = coder.decode(sequences[first + i], chunk);
      if (outcome.status != DecodeStatus::ok && !keep_prefix) std::fill(chunk.begin(), chunk.end(), 0);
    }
    dequantize(coefficients.data(), count, shape.horizon, shape.action_dim, scale, actions + first * length);
  }
}

}  // namespace fast_tokenizer
