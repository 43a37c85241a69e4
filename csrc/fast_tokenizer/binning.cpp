#include "fast_tokenizer/binning.hpp"

#include <algorithm>
#include <cmath>

#include "fast_tokenizer/code_sequence.hpp"
#include "fast_tokenizer/parallel.hpp"

namespace fast_tokenizer {

BinAxis::BinAxis(double low, double high, std::span<const double> thresholds, std::span<const double> values)
    : low_(low),
      high_(high),
      thresholds_(thresholds.begin(), thresholds.end()),
      values_(values.begin(), values.end()),
      cells_per_unit_(0.0),
      thresholds_before_(values.size() + 1) {
  // A range too narrow for its inverse is one cell.
  const double inverse = static_cast<double>(values.size()) / (high - low);
  if (std::isfinite(inverse)) cells_per_unit_ = inverse;
  for (const double threshold : thresholds_) ++thresholds_before_[cell(threshold) + 1];
  for (std::size_t i = 1; i < thresholds_before_.size(); ++i)
    thresholds_before_[i] += thresholds_before_[i - 1];
}

std::size_t BinAxis::cell(double value) const {
  const double place = (value - low_) * cells_per_unit_;
  const std::size_t last = values_.size() - 1;
  if (!(place > 0.0)) return 0;
  return place < static_cast<double>(last) ? static_cast<std::size_t>(place) : last;
}

TokenId BinAxis::bin(double value) const {
  // The cell of a value never falls where the value rises, however its arithmetic rounds. So thresholds in
  // earlier cells are below the value, those in later ones above it, and only its own cell's are compared.
  const std::size_t at = cell(value);
  const double* const begin = thresholds_.data() + thresholds_before_[at];
  const double* const end = thresholds_.data() + thresholds_before_[at + 1];
  constexpr std::ptrdiff_t kFew = 8;
  if (end - begin > kFew)
    return static_cast<TokenId>(std::upper_bound(begin, end, value) - thresholds_.data());
  // Without a branch that the value decides, which the processor could not predict.
  auto reached = static_cast<TokenId>(thresholds_before_[at]);
  for (const double* threshold = begin; threshold != end; ++threshold)
    reached += static_cast<TokenId>(*threshold <= value);
  return reached;
}

template <class Real>
void encode_bins(const BinTable& table, const ActionsView<Real>& actions, int num_threads, TokenId* ids,
                 bool* clipped) {
  constexpr std::size_t kValuesWorthAThread = 1 << 14;
  const std::size_t length = actions.horizon * actions.action_dim;
  parallel_for(
      actions.batch, kValuesWorthAThread / length + 1, num_threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t chunk = begin; chunk < end; ++chunk) {
          bool outside = false;
          TokenId* next = ids + chunk * length;
          for (std::size_t step = 0; step < actions.horizon; ++step) {
            const Real* value = actions.data + static_cast<std::ptrdiff_t>(chunk) * actions.batch_stride +
                                static_cast<std::ptrdiff_t>(step) * actions.time_stride;
            for (std::size_t dim = 0; dim < actions.action_dim; ++dim, value += actions.dim_stride) {
              if (!std::isfinite(*value)) throw_not_finite(actions, chunk * actions.action_dim + dim);
              const BinAxis& axis = table.axis(dim);
              outside |= *value < static_cast<Real>(axis.low()) || static_cast<Real>(axis.high()) < *value;
              *next++ = axis.bin(static_cast<double>(*value));
            }
          }
          clipped[chunk] = outside;
        }
      });
}

template void encode_bins(const BinTable&, const ActionsView<float>&, int, TokenId*, bool*);
template void encode_bins(const BinTable&, const ActionsView<double>&, int, TokenId*, bool*);

void decode_bins(const BinTable& table, TokenId size, const IdSequences& sequences, ChunkShape shape,
                 bool keep_prefix, double* actions, DecodeOutcome* outcomes) {
  const std::size_t dims = shape.action_dim;
  const std::size_t length = shape.horizon * dims;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const CodeSequence read = read_codes(sequences[i], {table.axes[0].bins(), size}, length);
    outcomes[i] = read.outcome;
    const bool keep = read.outcome.status == DecodeStatus::ok || keep_prefix;
    // An action is a whole row: of one that is cut off nothing is used.
    const std::size_t rows = keep ? read.codes.size() / dims : 0;
    double* next = actions + i * length;
    double* const chunk_end = next + length;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t dim = 0; dim < dims; ++dim)
        *next++ = table.axis(dim).value(read.codes[row * dims + dim]);
    }
    if (rows == 0) std::fill(next, chunk_end, 0.0);
    for (; rows > 0 && next != chunk_end; ++next) *next = *(next - dims);
  }
}

}  // namespace fast_tokenizer
