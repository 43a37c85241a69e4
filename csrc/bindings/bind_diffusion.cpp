// What masked decoding wants to know of a model's logits, what it commits first, and what a canvas leaves
// open.
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "bindings.hpp"
#include "fast_tokenizer/canvas_commits.hpp"
#include "fast_tokenizer/canvas_constraint.hpp"
#include "fast_tokenizer/logit_reduction.hpp"
#include "fast_tokenizer/random_numbers.hpp"
#include "fast_tokenizer/ranking.hpp"

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

// The data of an array that may be missing, and has one value for each cell of a canvas [A, L] if not.
template <class T>
const T* of_canvas(const std::optional<DenseArray<T>>& values, const DenseArray<bool>& canvas,
                   const char* name) {
  if (!values) return nullptr;
  if (values->size() != canvas.size())
    throw py::value_error(std::string("expected ") + name + " of the size of asked");
  return values->data();
}

// logits [A, L, V]; asked [A, L]; columns [ids]; allowed [K, ids]; allowed_rows, kept and uniforms [A, L];
// temperatures [A]. Gives ids [A, L]; as float64 [4, A, L] the largest probability, the second largest,
// entropy, and the probability of `kept` or of ids; and the first cell that has no answer, or -1.
template <class Cell>
py::tuple reduce_logits_of(const py::array_t<Cell, py::array::c_style>& logits, const DenseArray<bool>& asked,
                           const std::optional<Indices>& columns,
                           const std::optional<DenseArray<bool>>& allowed,
                           const std::optional<Indices>& allowed_rows, const std::optional<Indices>& kept,
                           const std::optional<DenseArray<double>>& temperatures,
                           const std::optional<DenseArray<double>>& uniforms) {
  if (logits.ndim() != 3) throw py::value_error("expected logits [rows, length, ids]");
  if (asked.ndim() != 2 || asked.shape(0) != logits.shape(0) || asked.shape(1) != logits.shape(1))
    throw py::value_error("expected asked [rows, length] of the logits");
  if (temperatures.has_value() != uniforms.has_value() ||
      (temperatures && temperatures->size() != logits.shape(0)))
    throw py::value_error("expected a temperature for every row, and uniforms with them");
  const auto width = static_cast<std::size_t>(logits.shape(2));
  const std::size_t ids = columns ? static_cast<std::size_t>(columns->size()) : width;
  if (ids == 0) throw py::value_error("expected an id at least");
  if (columns) require_below(*columns, 0, width, "columns");
  if (kept) require_below(*kept, -1, ids, "kept");
  if (allowed) {
    if (allowed->ndim() != 2 || static_cast<std::size_t>(allowed->shape(1)) != ids)
      throw py::value_error("expected allowed [.., " + std::to_string(ids) + "]");
    if (!allowed_rows) throw py::value_error("expected allowed_rows with allowed");
    require_below(*allowed_rows, 0, static_cast<std::size_t>(allowed->shape(0)), "allowed_rows");
  }
  py::array_t<std::int64_t> chosen({asked.shape(0), asked.shape(1)});
  py::array_t<double> figures({py::ssize_t{4}, asked.shape(0), asked.shape(1)});
  const LogitCanvases<Cell> canvases{
      logits.data(),
      static_cast<std::size_t>(logits.shape(0)),
      static_cast<std::size_t>(logits.shape(1)),
      width,
      reinterpret_cast<const std::uint8_t*>(asked.data()),
      ids,
      columns ? columns->data() : nullptr,
      allowed ? reinterpret_cast<const std::uint8_t*>(allowed->data()) : nullptr,
      of_canvas(allowed_rows, asked, "allowed_rows"),
      of_canvas(kept, asked, "kept"),
      temperatures ? temperatures->data() : nullptr,
      of_canvas(uniforms, asked, "uniforms")};
  double* const out = figures.mutable_data();
  const std::size_t cells = canvases.rows * canvases.length;
  const LogitAnswers answers{chosen.mutable_data(), out, out + cells, out + 2 * cells, out + 3 * cells};
  std::ptrdiff_t failed = -1;
  {
    const py::gil_scoped_release release;
    failed = reduce_logits(canvases, answers);
    round_to_probability_grid({out, 4 * cells});
  }
  return py::make_tuple(std::move(chosen), std::move(figures), failed);
}

template <class Cell>
void define(py::module_& module) {
  using namespace py::literals;
  // noconvert: float32 is not to be widened into the overload for float64, nor a large array copied.
  module.def("reduce_logits", &reduce_logits_of<Cell>, "logits"_a.noconvert(), "asked"_a, "columns"_a,
             "allowed"_a, "allowed_rows"_a, "kept"_a, "temperatures"_a, "uniforms"_a);
}

// eligible [A, L]; keys, each [A, L], or [L] for all rows; count [A]. Gives places [A, L].
py::array_t<std::int64_t> rank_rows(const DenseArray<bool>& eligible,
                                    const std::vector<DenseArray<double>>& keys, const Indices& count) {
  if (eligible.ndim() != 2) throw py::value_error("expected eligible [rows, length]");
  if (count.size() != eligible.shape(0)) throw py::value_error("expected a count for every row");
  for (const auto& key : keys) {
    if (key.size() != (key.ndim() == 1 ? eligible.shape(1) : eligible.size()))
      throw py::value_error("expected keys of the shape of eligible, or of a row of it");
  }
  const auto length = static_cast<std::size_t>(eligible.shape(1));
  const auto* const marks = reinterpret_cast<const std::uint8_t*>(eligible.data());
  py::array_t<std::int64_t> places({eligible.shape(0), eligible.shape(1)});
  std::int64_t* const out = places.mutable_data();
  std::vector<const double*> of_row(keys.size());
  RowRanking ranking(length);
  std::size_t begin = 0;
  for (const std::int64_t wanted : span_of(count)) {
    for (std::size_t i = 0; i < keys.size(); ++i)
      of_row[i] = keys[i].data() + (keys[i].ndim() == 1 ? 0 : begin);
    ranking.rank(marks + begin, of_row, static_cast<std::size_t>(std::max<std::int64_t>(wanted, 0)),
                 out + begin);
    begin += length;
  }
  return places;
}

// The data of a [batch, length] array that is changed in place.
template <class T>
T* changed(py::array_t<T, py::array::c_style>& cells, std::size_t batch, py::ssize_t length) {
  if (cells.ndim() != 2 || static_cast<std::size_t>(cells.shape(0)) != batch || cells.shape(1) != length)
    throw py::value_error("expected canvases of one shape");
  return cells.mutable_data();
}

// rows and rounds [A]; committed, ids and probability [A, L]. Changes the canvases, each [batch, L].
void commit_ids(const Indices& rows, const Indices& rounds, const DenseArray<bool>& committed,
                const Indices& ids, const DenseArray<double>& probability,
                py::array_t<std::int64_t, py::array::c_style>& canvas_ids,
                py::array_t<bool, py::array::c_style>& masked,
                py::array_t<double, py::array::c_style>& canvas_probability,
                py::array_t<std::int64_t, py::array::c_style>& committed_round) {
  if (committed.ndim() != 2 || canvas_ids.ndim() != 2)
    throw py::value_error("expected canvases [batch, length]");
  if (rows.size() != committed.shape(0) || rounds.size() != rows.size())
    throw py::value_error("expected a row and a round for every canvas");
  const auto batch = static_cast<std::size_t>(canvas_ids.shape(0));
  const py::ssize_t length = committed.shape(1);
  require_below(rows, 0, batch, "rows");
  commit({static_cast<std::size_t>(length), span_of(rows), span_of(rounds),
          reinterpret_cast<const std::uint8_t*>(committed.data()),
          of_canvas<std::int64_t>(ids, committed, "ids"),
          of_canvas<double>(probability, committed, "probability")},
         {changed(canvas_ids, batch, length), reinterpret_cast<std::uint8_t*>(changed(masked, batch, length)),
          changed(canvas_probability, batch, length), changed(committed_round, batch, length)});
}

// seeds [A], rounds [A]. Gives float64 [A, length].
py::array_t<double> uniforms_of(std::uint64_t purpose, const DenseArray<std::uint64_t>& seeds,
                                const DenseArray<std::uint64_t>& rounds, std::size_t length) {
  if (seeds.size() != rounds.size()) throw py::value_error("expected a round for every seed");
  py::array_t<double> numbers({static_cast<std::size_t>(seeds.size()), length});
  double* const out = numbers.mutable_data();
  for (std::size_t row = 0; row < static_cast<std::size_t>(seeds.size()); ++row)
    fill_uniforms(span_of(seeds)[row], purpose, span_of(rounds)[row], {out + row * length, length});
  return numbers;
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
  module.attr("PROBABILITY_GRID") = kProbabilityGrid;
  module.def("commit", &commit_ids, "rows"_a, "rounds"_a, "committed"_a, "ids"_a, "probability"_a,
             "canvas_ids"_a.noconvert(), "masked"_a.noconvert(), "canvas_probability"_a.noconvert(),
             "committed_round"_a.noconvert());
  module.def("rank", &rank_rows, "eligible"_a, "keys"_a, "count"_a);
  module.def("uniforms", &uniforms_of, "purpose"_a, "seeds"_a, "rounds"_a, "length"_a);
  py::class_<CanvasConstraint>(module, "CanvasConstraint")
      .def(py::init<const TokenGrammar&, std::size_t, std::size_t>(),
           py::call_guard<py::gil_scoped_release>(), "grammar"_a, "length"_a, "total"_a)
      .def_property_readonly("possible", &CanvasConstraint::possible)
      .def("allowed", &allowed_on, "canvases"_a, "rows"_a, "positions"_a);
}

}  // namespace fast_tokenizer::bindings
