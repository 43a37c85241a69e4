// What the files of the bindings share: one registration function a topic, and numpy arrays as views.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fast_tokenizer/actions.hpp"
#include "fast_tokenizer/coefficient_coder.hpp"

namespace fast_tokenizer::bindings {

namespace py = pybind11;

void bind_byte_level(py::module_& module);
void bind_coder(py::module_& module);
void bind_dct(py::module_& module);
void bind_diffusion(py::module_& module);
void bind_errors(py::module_& module);
void bind_generation(py::module_& module);
void bind_sequences(py::module_& module);
void bind_training(py::module_& module);

// A dense array that is converted to where it is not one already.
template <class T>
using DenseArray = py::array_t<T, py::array::c_style | py::array::forcecast>;

template <class T>
std::span<const T> span_of(const DenseArray<T>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

template <class T>
py::array_t<T> to_array(const std::vector<T>& values) {
  py::array_t<T> array(static_cast<py::ssize_t>(values.size()));
  std::copy(values.begin(), values.end(), array.mutable_data());
  return array;
}

Scheme scheme_of(const std::string& name);

// Ids read from Python lists, one a sequence.
struct ListedIds {
  // TypeError where something in the list is not an integer.
  void append(py::handle list);

  IdSequences sequences() const { return {ids, offsets}; }

  std::vector<TokenId> ids;
  std::vector<std::int64_t> offsets{0};
};

// Python's ints of ids. A large batch repeats few ids many times: one int then serves all places of an id.
class IntsOfIds {
 public:
  // For about `count` ids below `size`.
  IntsOfIds(std::size_t count, std::size_t size);

  // A list of ids.
  py::list list_of(std::span<const TokenId> ids);

 private:
  PyObject* new_int(TokenId id);

  std::vector<py::object> shared_;  // by id
};

// Sequences of ids; ValueError where the offsets do not divide them.
IdSequences sequences_of(const DenseArray<TokenId>& ids, const DenseArray<std::int64_t>& offsets);

}  // namespace fast_tokenizer::bindings
