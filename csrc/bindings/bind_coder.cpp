// Coefficients to token ids and back.
#include <pybind11/stl.h>

#include "bindings.hpp"
#include "fast_tokenizer/coefficient_coder.hpp"

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

py::tuple decode(const CoefficientCoder& coder, const DenseArray<TokenId>& ids,
                 const DenseArray<std::int64_t>& offsets, std::size_t length, int num_threads) {
  const IdSequences sequences = sequences_of(ids, offsets);
  const auto count = static_cast<py::ssize_t>(sequences.size());
  py::array_t<std::int32_t> coefficients({count, static_cast<py::ssize_t>(length)});
  py::array_t<std::int8_t> status(count);
  py::array_t<std::int64_t> position(count);
  py::array_t<std::int64_t> decoded(count);
  const DecodedBatch out{length, coefficients.mutable_data(), status.mutable_data(), position.mutable_data(),
                         decoded.mutable_data()};
  {
    const py::gil_scoped_release release;
    coder.decode(sequences, out, num_threads);
  }
  const auto* const statuses = status.data();
  const auto* const failed =
      std::find_if(statuses, statuses + count, [](std::int8_t one) { return one != 0; });
  const py::ssize_t first_failure = failed == statuses + count ? -1 : failed - statuses;
  return py::make_tuple(std::move(coefficients), std::move(status), std::move(position), std::move(decoded),
                        first_failure);
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
      .def("decode", &decode, "ids"_a, "offsets"_a, "length"_a, "num_threads"_a = 0)
      .def_property_readonly("size", &CoefficientCoder::size)
      .def_property_readonly("min_coefficient", &CoefficientCoder::min_coefficient)
      .def_property_readonly("max_coefficient", &CoefficientCoder::max_coefficient);
}

}  // namespace fast_tokenizer::bindings
