// Ragged ids: flat arrays with offsets to Python lists and back.
#include <limits>

#include "bindings.hpp"

namespace fast_tokenizer::bindings {
namespace {

// An int that no vocabulary holds stands for one that does not fit 32 bits.
constexpr TokenId kNoId = std::numeric_limits<TokenId>::min();

py::list to_lists(const DenseArray<TokenId>& ids, const DenseArray<std::int64_t>& offsets) {
  const IdSequences sequences = sequences_of(ids, offsets);
  const TokenId highest = ids.size() == 0 ? 0 : *std::max_element(sequences.ids.begin(), sequences.ids.end());
  IntsOfIds ints(sequences.ids.size(), static_cast<std::size_t>(std::max(highest, 0)) + 1);
  py::list lists(sequences.size());
  for (std::size_t i = 0; i < sequences.size(); ++i) lists[i] = ints.list_of(sequences[i]);
  return lists;
}

TokenId id_of(py::handle item) {
  py::object number;  // keeps what __index__ returned
  if (!PyLong_Check(item.ptr())) {
    const auto held = py::reinterpret_borrow<py::object>(item);  // __index__ may run any code
    number = py::reinterpret_steal<py::object>(PyNumber_Index(item.ptr()));
    if (!number) throw py::error_already_set();
    item = number;
  }
  int overflow = 0;
  const long value = PyLong_AsLongAndOverflow(item.ptr(), &overflow);
  const bool fits = overflow == 0 && value >= std::numeric_limits<TokenId>::min() &&
                    value <= std::numeric_limits<TokenId>::max();
  return fits ? static_cast<TokenId>(value) : kNoId;
}

py::tuple from_lists(const py::sequence& lists) {
  ListedIds listed;
  for (const py::handle list : lists) listed.append(list);
  return py::make_tuple(to_array(listed.ids), to_array(listed.offsets));
}

}  // namespace

IntsOfIds::IntsOfIds(std::size_t count, std::size_t size) {
  if (count > 2 * size) shared_.resize(size);
}

PyObject* IntsOfIds::new_int(TokenId id) {
  if (id < 0 || static_cast<std::size_t>(id) >= shared_.size()) return PyLong_FromLong(id);
  py::object& number = shared_[static_cast<std::size_t>(id)];
  if (!number) number = py::int_(id);
  return number.inc_ref().ptr();
}

py::list IntsOfIds::list_of(std::span<const TokenId> ids) {
  py::list list(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i)
    PyList_SET_ITEM(list.ptr(), static_cast<py::ssize_t>(i), new_int(ids[i]));
  return list;
}

void ListedIds::append(py::handle list) {
  if (!PySequence_Check(list.ptr()))
    throw py::type_error("expected a sequence of token ids for each chunk, got " +
                         std::string(py::str(py::type::handle_of(list))));
  const auto items = py::reinterpret_steal<py::object>(
      PySequence_Fast(list.ptr(), "expected a sequence of token ids for each chunk"));
  if (!items) throw py::error_already_set();
  if (ids.empty()) ids.reserve(static_cast<std::size_t>(PySequence_Fast_GET_SIZE(items.ptr())));
  // The size is read anew each time, as that code may change the list.
  for (py::ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.ptr()); ++i)
    ids.push_back(id_of(PySequence_Fast_GET_ITEM(items.ptr(), i)));
  offsets.push_back(static_cast<std::int64_t>(ids.size()));
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
