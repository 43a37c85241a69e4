// A batch of action chunks as the caller holds it in memory.
#pragma once

#include <cstddef>

namespace fast_tokenizer {

// Actions [batch, horizon, action_dim] at any strides, counted in elements; negative ones and zero included.
template <class Real>
struct ActionsView {
  const Real* data;
  std::size_t batch;
  std::size_t horizon;
  std::size_t action_dim;
  std::ptrdiff_t batch_stride;
  std::ptrdiff_t time_stride;
  std::ptrdiff_t dim_stride;

  // A column is one dimension of one chunk over time; they count along the batch: chunk * action_dim +
  // dimension.
  std::size_t columns() const { return batch * action_dim; }

  // The first value of a column; the next ones follow at time_stride.
  const Real* column(std::size_t index) const {
    const auto chunk = static_cast<std::ptrdiff_t>(index / action_dim);
    const auto dimension = static_cast<std::ptrdiff_t>(index % action_dim);
    return data + chunk * batch_stride + dimension * dim_stride;
  }
};

// A dense batch [batch, horizon, action_dim] in C order.
template <class Real>
ActionsView<Real> dense_view(const Real* data, std::size_t batch, std::size_t horizon,
                             std::size_t action_dim) {
  const auto row = static_cast<std::ptrdiff_t>(action_dim);
  return {data, batch, horizon, action_dim, row * static_cast<std::ptrdiff_t>(horizon), row, 1};
}

// Throws the EncodeError that names the first value of column `index` that is NaN or infinite.
// Precondition: there is one.
template <class Real>
[[noreturn]] void throw_not_finite(const ActionsView<Real>& actions, std::size_t index);

}  // namespace fast_tokenizer
