// Which ids may come next: for batches of sequences.
#include <pybind11/stl.h>

#include "bindings.hpp"
#include "fast_tokenizer/length_automaton.hpp"

namespace fast_tokenizer::bindings {
namespace {

// int32 [batch, 3]: history, state, remaining.
using Places = DenseArray<std::int32_t>;
constexpr py::ssize_t kCells = 3;

std::size_t rows_of(const Places& places) {
  if (places.ndim() != 2 || places.shape(1) != kCells) throw py::value_error("expected places [batch, 3]");
  return static_cast<std::size_t>(places.shape(0));
}

SequencePlace place_at(const Places& places, std::size_t row) {
  const std::int32_t* const cells = places.data() + row * kCells;
  return {cells[0], cells[1], cells[2]};
}

// Places come back from Python, where anything may have become of them.
SequencePlace checked_place_at(const LengthAutomaton& automaton, const Places& places, std::size_t row) {
  const SequencePlace place = place_at(places, row);
  if (!automaton.knows(place)) throw py::value_error("not a place of this automaton");
  return place;
}

class PlaceWriter {
 public:
  explicit PlaceWriter(std::size_t rows) : places_({static_cast<py::ssize_t>(rows), kCells}) {}
  void put(std::size_t row, const SequencePlace& place) {
    std::int32_t* const cells = places_.mutable_data() + row * kCells;
    cells[0] = place.history;
    cells[1] = place.state;
    cells[2] = place.remaining;
  }
  Places take() { return std::move(places_); }

 private:
  Places places_;
};

Places start(const LengthAutomaton& automaton, std::size_t rows) {
  PlaceWriter places(rows);
  for (std::size_t row = 0; row < rows; ++row) places.put(row, automaton.start());
  return places.take();
}

// Follows each row through its ids. Also gives the position of the first id that is not allowed, or -1; there
// the row stays.
py::tuple follow(const LengthAutomaton& automaton, const Places& places, const DenseArray<TokenId>& ids,
                 const DenseArray<std::int64_t>& offsets) {
  const IdSequences sequences = sequences_of(ids, offsets);
  if (rows_of(places) != sequences.size()) throw py::value_error("expected as many sequences as places");
  PlaceWriter after(sequences.size());
  py::array_t<std::int64_t> refused(static_cast<py::ssize_t>(sequences.size()));
  for (std::size_t row = 0; row < sequences.size(); ++row) {
    SequencePlace place = checked_place_at(automaton, places, row);
    const auto sequence = sequences[row];
    std::size_t at = 0;
    while (at < sequence.size() && automaton.advance(place, sequence[at])) ++at;
    refused.mutable_data()[row] = at == sequence.size() ? -1 : static_cast<std::int64_t>(at);
    after.put(row, place);
  }
  return py::make_tuple(after.take(), std::move(refused));
}

py::array_t<bool> allowed(const LengthAutomaton& automaton, const Places& places) {
  const std::size_t rows = rows_of(places);
  py::array_t<bool> mask({rows, automaton.ids()});
  auto* const cells = reinterpret_cast<std::uint8_t*>(mask.mutable_data());
  IdSet set;
  for (std::size_t row = 0; row < rows; ++row) {
    automaton.allowed(checked_place_at(automaton, places, row), set);
    spread(set, automaton.ids(), cells + row * automaton.ids());
  }
  return mask;
}

void write_bitmask(const BitmaskPlaces& bits, const LengthAutomaton& automaton, const Places& places,
                   py::array_t<std::int32_t, py::array::c_style>& bitmask) {
  const std::size_t rows = rows_of(places);
  if (bits.ids() != automaton.ids()) throw py::value_error("expected a place for each id");
  if (bitmask.ndim() != 2 || static_cast<std::size_t>(bitmask.shape(0)) != rows ||
      static_cast<std::size_t>(bitmask.shape(1)) < bits.words())
    throw py::value_error("expected a bitmask [" + std::to_string(rows) + ", at least " +
                          std::to_string(bits.words()) + "]");
  auto* const words = reinterpret_cast<std::uint32_t*>(bitmask.mutable_data());
  IdSet set;
  for (std::size_t row = 0; row < rows; ++row) {
    automaton.allowed(checked_place_at(automaton, places, row), set);
    bits.write(set, words + row * static_cast<std::size_t>(bitmask.shape(1)));
  }
}

}  // namespace

void bind_generation(py::module_& module) {
  using namespace py::literals;
  py::class_<TokenGrammar, std::shared_ptr<TokenGrammar>>(module, "TokenGrammar")
      .def(py::init<std::size_t>(), "size"_a)
      .def(py::init<const CoefficientCoder&, bool, std::int32_t, int>(),
           py::call_guard<py::gil_scoped_release>(), "coder"_a, "canonical"_a, "largest"_a,
           "num_threads"_a = 0);
  py::class_<LengthAutomaton>(module, "LengthAutomaton")
      .def(py::init([](std::shared_ptr<TokenGrammar> grammar, std::size_t length) {
             const py::gil_scoped_release release;
             return std::make_unique<LengthAutomaton>(std::move(grammar), length);
           }),
           "grammar"_a, "length"_a)
      .def_property_readonly("possible", &LengthAutomaton::possible)
      .def("start", &start, "rows"_a)
      .def("follow", &follow, "places"_a, "ids"_a, "offsets"_a)
      .def("allowed", &allowed, "places"_a);
  py::class_<BitmaskPlaces>(module, "BitmaskPlaces")
      .def(py::init([](const DenseArray<std::int64_t>& places) {
             const auto span = span_of(places);
             return std::make_unique<BitmaskPlaces>(std::vector<std::int64_t>(span.begin(), span.end()));
           }),
           "places"_a)
      .def("write", &write_bitmask, "automaton"_a, "places"_a, "bitmask"_a.noconvert());
}

}  // namespace fast_tokenizer::bindings
