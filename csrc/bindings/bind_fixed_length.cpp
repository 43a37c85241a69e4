// The codecs that write one id a value: bins, and coefficients of the lowest frequencies.
#include <pybind11/stl.h>

#include "bindings.hpp"
#include "fast_tokenizer/binning.hpp"
#include "fast_tokenizer/frequency_decoder.hpp"
#include "fast_tokenizer/parallel.hpp"

namespace fast_tokenizer::bindings {
namespace {

using Table = DenseArray<double>;

// low and high [D], thresholds [D, bins - 1], values [D, bins].
BinTable table_of(const Table& low, const Table& high, const Table& thresholds, const Table& values) {
  const py::ssize_t axes = low.size();
  if (low.ndim() != 1 || high.ndim() != 1 || thresholds.ndim() != 2 || values.ndim() != 2 || axes < 1 ||
      high.size() != axes || thresholds.shape(0) != axes || values.shape(0) != axes || values.shape(1) < 1 ||
      thresholds.shape(1) != values.shape(1) - 1)
    throw py::value_error("expected low and high [axes], thresholds [axes, bins - 1], values [axes, bins]");
  const auto bins = static_cast<std::size_t>(values.shape(1));
  BinTable table;
  for (std::size_t i = 0; i < static_cast<std::size_t>(axes); ++i)
    table.axes.emplace_back(low.data()[i], high.data()[i],
                            span_of(thresholds).subspan(i * (bins - 1), bins - 1),
                            span_of(values).subspan(i * bins, bins));
  return table;
}

void require_axes(const BinTable& table, std::size_t action_dim) {
  if (table.axes.size() != 1 && table.axes.size() != action_dim)
    throw py::value_error("expected an axis for each dimension, or one for all");
}

template <class Real>
py::tuple encode(const BinTable& table, py::array_t<Real> actions, int num_threads) {
  const auto view = view_of(actions);
  require_axes(table, view.action_dim);
  py::array_t<TokenId> ids(static_cast<py::ssize_t>(view.batch * view.horizon * view.action_dim));
  py::array_t<bool> clipped(static_cast<py::ssize_t>(view.batch));
  {
    TokenId* const id_cells = ids.mutable_data();
    bool* const clipped_cells = clipped.mutable_data();
    const py::gil_scoped_release release;
    encode_bins(table, view, num_threads, id_cells, clipped_cells);
  }
  return py::make_tuple(std::move(ids), std::move(clipped));
}

// Calls decode(sequences, actions, outcomes) for parts of a batch, on several threads.
template <class Decode>
py::tuple decode_in_parts(const DenseArray<TokenId>& ids, const DenseArray<std::int64_t>& offsets,
                          ChunkShape shape, int num_threads, const Decode& decode) {
  if (shape.horizon < 1 || shape.action_dim < 1)
    throw py::value_error("horizon and action_dim must be at least 1");
  const IdSequences sequences = sequences_of(ids, offsets);
  py::array_t<double> actions({sequences.size(), shape.horizon, shape.action_dim});
  std::vector<DecodeOutcome> outcomes(sequences.size());
  {
    double* const cells = actions.mutable_data();
    const py::gil_scoped_release release;
    parallel_for(sequences.size(), decoding_grain(shape), num_threads,
                 [&](std::size_t begin, std::size_t end) {
                   decode(sequences.range(begin, end), cells + begin * shape.horizon * shape.action_dim,
                          outcomes.data() + begin);
                 });
  }
  return decoding_result(std::move(actions), outcomes);
}

py::tuple decode(const BinTable& table, const DenseArray<TokenId>& ids,
                 const DenseArray<std::int64_t>& offsets, std::size_t horizon, std::size_t action_dim,
                 TokenId size, bool keep_prefix, int num_threads) {
  const ChunkShape shape{horizon, action_dim};
  require_axes(table, action_dim);
  return decode_in_parts(ids, offsets, shape, num_threads,
                         [&](const IdSequences& sequences, double* actions, DecodeOutcome* outcomes) {
                           decode_bins(table, size, sequences, shape, keep_prefix, actions, outcomes);
                         });
}

py::tuple decode_lowest_frequencies(const DenseArray<TokenId>& ids, const DenseArray<std::int64_t>& offsets,
                                    std::size_t horizon, std::size_t action_dim, std::size_t frequencies,
                                    TokenId size, std::int32_t min_coefficient, double scale,
                                    bool keep_prefix, int num_threads) {
  const ChunkShape shape{horizon, action_dim};
  const FrequencyCode code{size, min_coefficient, frequencies, scale};
  return decode_in_parts(ids, offsets, shape, num_threads,
                         [&](const IdSequences& sequences, double* actions, DecodeOutcome* outcomes) {
                           decode_frequencies(code, sequences, shape, keep_prefix, actions, outcomes);
                         });
}

}  // namespace

void bind_fixed_length(py::module_& module) {
  using namespace py::literals;
  // noconvert: float32 is not to be widened into the overload for float64.
  py::class_<BinTable>(module, "BinTable")
      .def(py::init(&table_of), "low"_a, "high"_a, "thresholds"_a, "values"_a)
      .def("encode", &encode<float>, "actions"_a.noconvert(), "num_threads"_a = 0)
      .def("encode", &encode<double>, "actions"_a.noconvert(), "num_threads"_a = 0)
      .def("decode", &decode, "ids"_a, "offsets"_a, "horizon"_a, "action_dim"_a, "size"_a, "keep_prefix"_a,
           "num_threads"_a = 0);
  module.def("decode_frequencies", &decode_lowest_frequencies, "ids"_a, "offsets"_a, "horizon"_a,
             "action_dim"_a, "frequencies"_a, "size"_a, "min_coefficient"_a, "scale"_a, "keep_prefix"_a,
             "num_threads"_a = 0);
}

}  // namespace fast_tokenizer::bindings
