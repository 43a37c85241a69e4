// What masked decoding wants to know of a model's logits, and what a canvas leaves open.
#include <pybind11/stl.h>

#include <optional>

#include "bindings.hpp"
#include "fast_tokenizer/canvas_constraint.hpp"
#include "fast_tokenizer/logit_reduction.hpp"

namespace fast_tokenizer::bindings {
namespace {

using Indices = DenseArray<std::int64_t>;

void require_below(const Indices& values, std::int64_t lowest, std::size_t end, const char* name) {
  for (const std::int64_t value : span_of(values)) {
    if (value < lowest || value >= static_cast<std::int64_t>(end))
      throw py::value_error(std::string(name) + " holds " + std::to_string(value) + " of " +
                            std::to_string(end));
  }
}

// logits [M, V]; columns [A] or none; allowed [K, A] or none; the others [n]. Gives ids [n] and, as float64
// [4, n], the largest probability, the second largest, entropy, and the probability of `kept` or of ids.
template <class Cell>
py::tuple reduce_logits_of(const py::array_t<Cell, py::array::c_style>& logits, const Indices& rows,
                           const std::optional<Indices>& columns,
                           const std::optional<DenseArray<bool>>& allowed, const Indices& allowed_rows,
                           const Indices& kept, const DenseArray<double>& temperatures,
                           const DenseArray<double>& uniforms) {
  if (logits.ndim() != 2) throw py::value_error("expected logits [rows, ids]");
  const auto width = static_cast<std::size_t>(logits.shape(1));
  const std::size_t ids = columns ? static_cast<std::size_t>(columns->size()) : width;
  if (ids == 0) throw py::value_error("expected an id at least");
  for (const py::ssize_t size : {allowed_rows.size(), kept.size(), temperatures.size(), uniforms.size()}) {
    if (size != rows.size()) throw py::value_error("expected one of each for every row");
  }
  require_below(rows, 0, static_cast<std::size_t>(logits.shape(0)), "rows");
  require_below(kept, -1, ids, "kept");
  if (columns) require_below(*columns, 0, width, "columns");
  if (allowed) {
    if (allowed->ndim() != 2 || static_cast<std::size_t>(allowed->shape(1)) != ids)
      throw py::value_error("expected allowed [.., " + std::to_string(ids) + "]");
    require_below(allowed_rows, 0, static_cast<std::size_t>(allowed->shape(0)), "allowed_rows");
  }
  py::array_t<std::int64_t> chosen(rows.size());
  py::array_t<double> figures({py::ssize_t{4}, rows.size()});
  const auto* const allowed_bytes =
      allowed ? reinterpret_cast<const std::uint8_t*>(allowed->data()) : nullptr;
  const LogitRows<Cell> asked{logits.data(),
                              width,
                              span_of(rows),
                              ids,
                              columns ? columns->data() : nullptr,
                              allowed_bytes,
                              span_of(allowed_rows),
                              span_of(kept),
                              span_of(temperatures),
                              span_of(uniforms)};
  double* const out = figures.mutable_data();
  const std::size_t count = asked.rows.size();
  const LogitAnswers answers{chosen.mutable_data(), out, out + count, out + 2 * count, out + 3 * count};
  {
    const py::gil_scoped_release release;
    reduce_logits(asked, answers);
  }
  return py::make_tuple(std::move(chosen), std::move(figures));
}

template <class Cell>
void define(py::module_& module) {
  using namespace py::literals;
  // noconvert: float32 is not to be widened into the overload for float64, nor a large array copied.
  module.def("reduce_logits", &reduce_logits_of<Cell>, "logits"_a.noconvert(), "rows"_a, "columns"_a,
             "allowed"_a, "allowed_rows"_a, "kept"_a, "temperatures"_a, "uniforms"_a);
}

// canvases [A, L]; rows [N] and positions [N] of them. Gives bool [N, ids].
py::array_t<bool> allowed_on(const CanvasConstraint& constraint, const Indices& canvases, const Indices& rows,
                             const Indices& positions) {
  if (canvases.ndim() != 2 || static_cast<std::size_t>(canvases.shape(1)) != constraint.length())
    throw py::value_error("expected canvases [batch, " + std::to_string(constraint.length()) + "]");
  if (rows.size() != positions.size()) throw py::value_error("expected a position for every row");
  require_below(rows, 0, static_cast<std::size_t>(canvases.shape(0)), "rows");
  require_below(positions, 0, constraint.length(), "positions");
  const auto cells = span_of(canvases);
  const auto asked_rows = span_of(rows);
  const auto asked = span_of(positions);
  py::array_t<bool> mask({asked.size(), constraint.ids()});
  auto* const out = reinterpret_cast<std::uint8_t*>(mask.mutable_data());
  {
    const py::gil_scoped_release release;
    for (std::size_t i = 0; i < asked.size(); ++i)
      constraint.allowed(
          cells.subspan(static_cast<std::size_t>(asked_rows[i]) * constraint.length(), constraint.length()),
          static_cast<std::size_t>(asked[i]), out + i * constraint.ids());
  }
  return mask;
}

}  // namespace

void bind_diffusion(py::module_& module) {
  using namespace py::literals;
  define<float>(module);
  define<double>(module);
  py::class_<CanvasConstraint>(module, "CanvasConstraint")
      .def(py::init<const TokenGrammar&, std::size_t, std::size_t>(),
           py::call_guard<py::gil_scoped_release>(), "grammar"_a, "length"_a, "total"_a)
      .def_property_readonly("possible", &CanvasConstraint::possible)
      .def("allowed", &allowed_on, "canvases"_a, "rows"_a, "positions"_a);
}

}  // namespace fast_tokenizer::bindings
