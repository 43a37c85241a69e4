// UTF-8 and the GPT-2 split, for tests that hold them against Python's codec and the `tokenizers` library.
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bindings.hpp"
#include "fast_tokenizer/byte_level.hpp"

namespace fast_tokenizer::bindings {
namespace {

// Unlike DenseArray without forcecast: what does not fit into int32 is refused, not cut off.
using CodePoints = py::array_t<std::int32_t, py::array::c_style>;

std::span<const std::int32_t> checked_text(const CodePoints& code_points) {
  if (code_points.ndim() != 1) {
    throw py::value_error("code_points: expected an array of 1 axis, got " +
                          std::to_string(code_points.ndim()));
  }
  const std::span text(code_points.data(), static_cast<std::size_t>(code_points.size()));
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_scalar_value(text[i])) {
      throw py::value_error("code_points[" + std::to_string(i) +
                            "]: expected 0 to 0x10FFFF without the surrogates 0xD800 to 0xDFFF, got " +
                            std::to_string(text[i]));
    }
  }
  return text;
}

py::array_t<std::int64_t> split(const CodePoints& code_points) {
  std::vector<std::size_t> ends;
  gpt2_split(checked_text(code_points), ends);
  return to_array(std::vector<std::int64_t>(ends.begin(), ends.end()));
}

py::bytes encode(const CodePoints& code_points) {
  Units units;
  append_utf8(checked_text(code_points), units);
  return py::bytes(std::string(units.begin(), units.end()));
}

std::optional<py::array_t<std::int32_t>> decode(const py::bytes& data) {
  std::vector<std::int32_t> code_points;
  Utf8Decoder decoder;
  for (const char byte : std::string_view(data)) {
    const Utf8Decoder::Step step = decoder.push(static_cast<std::uint8_t>(byte));
    if (step == Utf8Decoder::Step::invalid) return std::nullopt;
    if (step == Utf8Decoder::Step::complete) code_points.push_back(decoder.code_point());
  }
  if (decoder.pending()) return std::nullopt;
  return to_array(code_points);
}

}  // namespace

void bind_byte_level(py::module_& module) {
  module.def("gpt2_split", &split, py::arg("code_points"),
             "Returns where each word of the GPT-2 split ends, as int64.\n\n"
             "Raises:\n    ValueError: A code point is no Unicode scalar value.");
  module.def("utf8_encode", &encode, py::arg("code_points"),
             "Returns the UTF-8 bytes of int32 code points.\n\n"
             "Raises:\n    ValueError: A code point is no Unicode scalar value.");
  module.def("utf8_decode_strict", &decode, py::arg("data"),
             "Returns the code points as int32, or None where the bytes are not valid UTF-8.");
}

}  // namespace fast_tokenizer::bindings
