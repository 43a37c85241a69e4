#include "fast_tokenizer/frequency_decoder.hpp"

#include <algorithm>

#include "fast_tokenizer/code_sequence.hpp"
#include "fast_tokenizer/dct.hpp"
#include "fast_tokenizer/quantizer.hpp"
#include "fast_tokenizer/scratch_buffer.hpp"

namespace fast_tokenizer {

void decode_frequencies(const FrequencyCode& code, const IdSequences& sequences, ChunkShape shape,
                        bool keep_prefix, double* actions, DecodeOutcome* outcomes) {
  const std::size_t length = shape.horizon * shape.action_dim;
  const std::size_t told = std::min(code.frequencies, shape.horizon) * shape.action_dim;
  // As in decode_chunks: enough chunks to fill the panels of the transform.
  const std::size_t block = std::min(shape.action_dim >= kPanelColumns ? 1 : kPanelColumns, sequences.size());
  ScratchBuffer<std::int32_t, 4096> coefficients(block * length);
  for (std::size_t first = 0; first < sequences.size(); first += block) {
    const std::size_t count = std::min(block, sequences.size() - first);
    std::fill_n(coefficients.data(), count * length, 0);
    for (std::size_t i = 0; i < count; ++i) {
      const CodeSequence read = read_codes(sequences[first + i], {code.size, code.size}, told);
      outcomes[first + i] = read.outcome;
      if (read.outcome.status != DecodeStatus::ok && !keep_prefix) continue;
      std::transform(read.codes.begin(), read.codes.end(), coefficients.data() + i * length,
                     [&code](TokenId id) { return code.min_coefficient + id; });
    }
    dequantize(coefficients.data(), count, shape.horizon, shape.action_dim, code.scale,
               actions + first * length);
  }
}

}  // namespace fast_tokenizer
