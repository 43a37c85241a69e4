// Ragged ids: flat arrays with offsets to Python lists and back.
#include <limits>

#include "bindings.hpp"

namespace fast_tokenizer::bindings {
namespace {

// An int that no vocabulary holds stands for one that does not fit 32 bits.
constexpr TokenId kNoId = std::numeric_limits<TokenId>::min();

py::list to_lists(const DenseArray<TokenId>& ids, const DenseArray<std::int64_t>& offsets) {
  const IdSequences sequences = sequences_of(ids, offsets);
  // A large batch repeats few ids many times: one Python int then serves all places of an id.
  constexpr std::size_t kLarge = 4096;
  constexpr TokenId kShared = 1 << 16;
  std::vector<py::object> shared(sequences.ids.size() < kLarge ? 0 : kShared);
  const auto int_of = [&](TokenId id) -> PyObject* {
    if (shared.empty() || id < 0 || id >= kShared) return PyLong_FromLong(id);
    py::object& number = shared[static_cast<std::size_t>(id)];
    if (!number) number = py::int_(id);
    return py::object(number).release().ptr();
  };
  py::list lists(sequences.size());
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const auto sequence = sequences[i];
    py::list list(sequence.size());
    for (std::size_t j = 0; j < sequence.size(); ++j)
      PyList_SET_ITEM(list.ptr(), static_cast<py::ssize_t>(j), int_of(sequence[j]));
    PyList_SET_ITEM(lists.ptr(), static_cast<py::ssize_t>(i), list.release().ptr());
  }
  return lists;
}

TokenId id_of(py::handle item) {
  py::object number = py::reinterpret_borrow<py::object>(item);
  if (!PyLong_Check(item.ptr())) {
    number = py::reinterpret_steal<py::object>(PyNumber_Index(item.ptr()));
    if (!number) throw py::error_already_set();
  }
  int overflow = 0;
  const long value = PyLong_AsLongAndOverflow(number.ptr(), &overflow);
  const bool fits = overflow == 0 && value >= std::numeric_limits<TokenId>::min() &&
                    value <= std::numeric_limits<TokenId>::max();
  return fits ? static_cast<TokenId>(value) : kNoId;
}

py::tuple from_lists(const py::sequence& lists) {
  const ListedIds listed(lists);
  return py::make_tuple(to_array(listed.ids), to_array(listed.offsets));
}

}  // namespace

ListedIds::ListedIds(const py::sequence& lists) : offsets{0} {
  for (const py::handle list : lists) {
    if (!PySequence_Check(list.ptr()))
      throw py::type_error("expected a sequence of token ids for each chunk, got " +
                           std::string(py::str(py::type::handle_of(list))));
    const auto items = py::reinterpret_steal<py::object>(
        PySequence_Fast(list.ptr(), "expected a sequence of token ids for each chunk"));
    if (!items) throw py::error_already_set();
    if (ids.empty()) ids.reserve(static_cast<std::size_t>(PySequence_Fast_GET_SIZE(items.ptr())));
    // The size is read anew each time: __index__ of an item may run any code.
    for (py::ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.ptr()); ++i)
      ids.push_back(id_of(PySequence_Fast_GET_ITEM(items.ptr(), i)));
    offsets.push_back(static_cast<std::int64_t>(ids.size()));
  }
}

IdSequences sequences_of(const DenseArray<TokenId>& ids, const DenseArray<std::int64_t>& offsets) {
  const IdSequences sequences{span_of(ids), span_of(offsets)};
  bool divides = !sequences.offsets.empty() && sequences.offsets.front() == 0 &&
                 sequences.offsets.back() == static_cast<std::int64_t>(sequences.ids.size());
  for (std::size_t i = 1; divides && i < sequences.offsets.size(); ++i)
    divides = sequences.offsets[i - 1] <= sequences.offsets[i];
  if (!divides) throw py::value_error("offsets must rise from 0 to the number of ids");
  return sequences;
}

void bind_sequences(py::module_& module) {
  using namespace py::literals;
  module.def("to_lists", &to_lists, "ids"_a, "offsets"_a);
  module.def("from_lists", &from_lists, "lists"_a);
}

}  // namespace fast_tokenizer::bindings
