// Actions to bins, one a value, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fast_tokenizer/actions.hpp"
#include "fast_tokenizer/bpe_types.hpp"
#include "fast_tokenizer/chunk_decoder.hpp"

namespace fast_tokenizer {

// The bins of one dimension. A value's bin is how many thresholds it reaches. Immutable.
class BinAxis {
 public:
  // thresholds ascend within [low, high]; values: what each bin decodes to, one more than thresholds.
  BinAxis(double low, double high, std::span<const double> thresholds, std::span<const double> values);

  double low() const noexcept { return low_; }
  double high() const noexcept { return high_; }
  TokenId bins() const noexcept { return static_cast<TokenId>(values_.size()); }
  double value(TokenId bin) const { return values_[static_cast<std::size_t>(bin)]; }

  // The bin of a finite value; one outside [low, high] has that of the nearer end.
  TokenId bin(double value) const;

 private:
  std::size_t cell(double value) const;

  double low_;
  double high_;
  std::vector<double> thresholds_;
  std::vector<double> values_;
  // [low, high] in cells of one width, and how many thresholds lie in the cells before each.
  double cells_per_unit_;
  std::vector<std::uint32_t> thresholds_before_;
};

// The bins of all dimensions, as many in each: an axis for each dimension, or one that serves any number.
struct BinTable {
  std::vector<BinAxis> axes;

  const BinAxis& axis(std::size_t dimension) const { return axes[axes.size() == 1 ? 0 : dimension]; }
};

// ids [batch, horizon, action_dim] in C order; clipped [batch]: which chunks hold a value outside the range
// of its axis, both taken in the precision of the actions. Throws EncodeError where a value is not finite.
template <class Real>
void encode_bins(const BinTable& table, const ActionsView<Real>& actions, int num_threads, TokenId* ids,
                 bool* clipped);

// actions [sequences, horizon, action_dim], outcomes [sequences]. The bins are the first ids of a vocabulary
// of `size`. Of a sequence that fails the complete rows before its error are kept, and the last of them is
// held; if there is none, or if they are not to be kept, the chunk is zeros. On the calling thread alone.
void decode_bins(const BinTable& table, TokenId size, const IdSequences& sequences, ChunkShape shape,
                 bool keep_prefix, double* actions, DecodeOutcome* outcomes);

}  // namespace fast_tokenizer
