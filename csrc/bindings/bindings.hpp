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
void bind_fixed_length(py::module_& module);
void bind_generation(py::module_& module);
void bind_rate_distortion(py::module_& module);
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

// Any strides that are whole elements and any numpy array that is aligned; the rest is copied first.
template <class Real>
ActionsView<Real> view_of(py::array_t<Real>& actions) {
  if (actions.ndim() != 3) throw py::value_error("expected an array [batch, horizon, action_dim]");
  if (actions.shape(1) < 1 || actions.shape(2) < 1)
    throw py::value_error("horizon and action_dim must be at least 1");
  const auto element = static_cast<py::ssize_t>(sizeof(Real));
  const bool whole = actions.strides(0) % element == 0 && actions.strides(1) % element == 0 &&
                     actions.strides(2) % element == 0 &&
                     reinterpret_cast<std::uintptr_t>(actions.data()) % alignof(Real) == 0;
  if (!whole) actions = py::array_t<Real>(actions.request());
  return {actions.data(),
          static_cast<std::size_t>(actions.shape(0)),
          static_cast<std::size_t>(actions.shape(1)),
          static_cast<std::size_t>(actions.shape(2)),
          actions.strides(0) / element,
          actions.strides(1) / element,
          actions.strides(2) / element};
}

Scheme scheme_of(const std::string& name);

// What decoding gives: actions; status, position and number of decoded values [3, count], or None if all are
// well; the first sequence that failed, or -1.
py::tuple decoding_result(py::array_t<double> actions, std::span<const DecodeOutcome> outcomes);

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
