// Coefficients to token ids and back.
#include <pybind11/stl.h>

#include "bindings.hpp"
#include "fast_tokenizer/coefficient_coder.hpp"
#include "fast_tokenizer/quantizer.hpp"

namespace fast_tokenizer::bindings {
namespace {

std::vector<Merge> merges_of(const DenseArray<TokenId>& merges) {
  if (merges.ndim() != 2 || merges.shape(1) != 3) throw py::value_error("expected merges [count, 3]");
  std::vector<Merge> result;
  const auto ids = span_of(merges);
  for (std::size_t i = 0; i + 2 < ids.size(); i += 3) result.push_back({ids[i], ids[i + 1], ids[i + 2]});
  return result;
}

py::tuple encode(const CoefficientCoder& coder, const DenseArray<std::int32_t>& coefficients,
                 int num_threads) {
  if (coefficients.ndim() < 1) throw py::value_error("expected coefficients [batch, ...]");
  const auto batch = static_cast<std::size_t>(coefficients.shape(0));
  const std::size_t length = batch == 0 ? 0 : static_cast<std::size_t>(coefficients.size()) / batch;
  EncodedBatch encoded;
  {
    const py::gil_scoped_release release;
    encoded = coder.encode(coefficients.data(), batch, length, num_threads);
  }
  py::array_t<bool> clipped(static_cast<py::ssize_t>(batch));
  std::copy(encoded.clipped.begin(), encoded.clipped.end(), clipped.mutable_data());
  return py::make_tuple(to_array(encoded.ids), to_array(encoded.offsets), std::move(clipped));
}

// Coefficients and actions in one call: for a single chunk, the border of Python costs as much as the work.
py::tuple decode(const CoefficientCoder& coder, const IdSequences& sequences, std::size_t horizon,
                 std::size_t action_dim, double scale, bool keep_prefix, int num_threads) {
  const std::size_t count = sequences.size();
  const std::size_t length = horizon * action_dim;
  const auto rows = static_cast<py::ssize_t>(count);
  py::array_t<double> actions(
      {rows, static_cast<py::ssize_t>(horizon), static_cast<py::ssize_t>(action_dim)});
  std::vector<std::int64_t> outcomes(3 * count);  // statuses, positions, numbers of decoded coefficients
  py::ssize_t first_failure = -1;
  {
    const py::gil_scoped_release release;
    std::vector<std::int32_t> coefficients(count * length);
    std::vector<std::int8_t> status(count);
    coder.decode(
        sequences,
        {length, coefficients.data(), status.data(), outcomes.data() + count, outcomes.data() + 2 * count},
        num_threads);
    std::copy(status.begin(), status.end(), outcomes.begin());
    for (std::size_t index = count; index-- > 0;) {
      if (status[index] == 0) continue;
      first_failure = static_cast<py::ssize_t>(index);
      if (!keep_prefix)
        std::fill_n(coefficients.begin() + static_cast<std::ptrdiff_t>(index * length), length, 0);
    }
    dequantize(coefficients.data(), count, horizon, action_dim, scale, num_threads, actions.mutable_data());
  }
  if (first_failure < 0) return py::make_tuple(std::move(actions), py::none(), first_failure);
  py::array_t<std::int64_t> outcome({py::ssize_t{3}, rows});
  std::copy(outcomes.begin(), outcomes.end(), outcome.mutable_data());
  return py::make_tuple(std::move(actions), std::move(outcome), first_failure);
}

py::tuple decode_lists(const CoefficientCoder& coder, const py::sequence& lists, std::size_t horizon,
                       std::size_t action_dim, double scale, bool keep_prefix, int num_threads) {
  const ListedIds listed(lists);
  return decode(coder, {listed.ids, listed.offsets}, horizon, action_dim, scale, keep_prefix, num_threads);
}

py::tuple decode_arrays(const CoefficientCoder& coder, const DenseArray<TokenId>& ids,
                        const DenseArray<std::int64_t>& offsets, std::size_t horizon, std::size_t action_dim,
                        double scale, bool keep_prefix, int num_threads) {
  return decode(coder, sequences_of(ids, offsets), horizon, action_dim, scale, keep_prefix, num_threads);
}

}  // namespace

Scheme scheme_of(const std::string& name) {
  if (name == "bytes") return Scheme::bytes;
  if (name == "symbols") return Scheme::symbols;
  throw py::value_error("scheme is '" + name + "': expected 'bytes' or 'symbols'");
}

void bind_coder(py::module_& module) {
  using namespace py::literals;
  py::class_<CoefficientCoder>(module, "CoefficientCoder")
      .def(py::init([](const std::string& scheme, std::int32_t min_coefficient,
                       const std::vector<std::u32string>& tokens, const DenseArray<TokenId>& merges) {
             return std::make_unique<CoefficientCoder>(scheme_of(scheme), min_coefficient, tokens,
                                                       merges_of(merges));
           }),
           "scheme"_a, "min_coefficient"_a, "tokens"_a, "merges"_a)
      .def("encode", &encode, "coefficients"_a, "num_threads"_a = 0)
      .def("decode_lists", &decode_lists, "lists"_a, "horizon"_a, "action_dim"_a, "scale"_a, "keep_prefix"_a,
           "num_threads"_a = 0)
      .def("decode_arrays", &decode_arrays, "ids"_a, "offsets"_a, "horizon"_a, "action_dim"_a, "scale"_a,
           "keep_prefix"_a, "num_threads"_a = 0)
      .def_property_readonly("size", &CoefficientCoder::size)
      .def_property_readonly("min_coefficient", &CoefficientCoder::min_coefficient)
      .def_property_readonly("max_coefficient", &CoefficientCoder::max_coefficient);
}

}  // namespace fast_tokenizer::bindings
