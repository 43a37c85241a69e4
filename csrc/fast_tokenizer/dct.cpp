#include "fast_tokenizer/dct.hpp"

#include <algorithm>
#include <cmath>

#include "fast_tokenizer/column_panels.hpp"
#include "fast_tokenizer/kernels.hpp"

namespace fast_tokenizer {
namespace {

// Where the FFT overtakes the dense product, measured with AVX2 and AVX-512.
constexpr std::size_t kLongestDenseHorizon = 96;

double orthonormal_scale(std::size_t frequency, std::size_t horizon) {
  return std::sqrt((frequency == 0 ? 1.0 : 2.0) / static_cast<double>(horizon));
}

}  // namespace

DctPlan::DctPlan(std::size_t horizon) : horizon_(horizon) {
  if (horizon <= kLongestDenseHorizon)
    build_dense();
  else
    build_fourier();
}

void DctPlan::build_dense() {
  const std::size_t even_size = (horizon_ + 1) / 2;
  const std::size_t odd_size = horizon_ / 2;
  cosines_.resize(2 * (even_size * even_size + odd_size * odd_size));
  double* even = cosines_.data();
  double* odd = even + even_size * even_size;
  double* even_transposed = odd + odd_size * odd_size;
  double* odd_transposed = even_transposed + even_size * even_size;
  for (std::size_t k = 0; k < horizon_; ++k) {
    const std::size_t size = k % 2 == 0 ? even_size : odd_size;
    double* matrix = k % 2 == 0 ? even : odd;
    double* transposed = k % 2 == 0 ? even_transposed : odd_transposed;
    for (std::size_t t = 0; t < size; ++t) {
      const double cosine = orthonormal_scale(k, horizon_) * unit_root((2 * t + 1) * k, 2 * horizon_).re;
      matrix[k / 2 * size + t] = cosine;
      transposed[t * size + k / 2] = cosine;
    }
  }
  tables_ = DenseTables{even_size, odd_size, even, odd, even_transposed, odd_transposed};
}

void DctPlan::build_fourier() {
  fft_.emplace(horizon_);
  twists_.resize(2 * horizon_);
  Complex* forward = twists_.data();
  Complex* inverse = forward + horizon_;
  for (std::size_t k = 0; k < horizon_; ++k) {
    const Complex root = unit_root(k, 2 * horizon_);
    const double scale = orthonormal_scale(k, horizon_);
    const double inverse_scale = 1.0 / (static_cast<double>(horizon_) * scale);
    forward[k] = {root.re * scale / 2.0, root.im * scale / 2.0};
    inverse[k] = {root.re * inverse_scale, root.im * inverse_scale};
  }
  tables_ = FourierTables{fft_->tables(), forward, inverse};
}

std::shared_ptr<const DctPlan> DctPlan::of(std::size_t horizon) {
  // A list for each thread needs no lock, so no fork can leave one held.
  constexpr std::size_t kKept = 8;
  thread_local std::vector<std::shared_ptr<const DctPlan>> recent;
  const auto found = std::find_if(recent.begin(), recent.end(),
                                  [&](const auto& plan) { return plan->horizon() == horizon; });
  if (found != recent.end()) {
    std::rotate(recent.begin(), found, found + 1);
  } else {
    auto plan = std::make_shared<const DctPlan>(horizon);
    if (recent.size() == kKept) recent.pop_back();
    recent.insert(recent.begin(), std::move(plan));
  }
  return recent.front();
}

std::size_t DctPlan::scratch_rows() const noexcept {
  const auto* fourier = std::get_if<FourierTables>(&tables_);
  return 2 * (fourier != nullptr ? fourier->fft.buffer_rows() : horizon_);
}

void DctPlan::forward(double* panel, double* scratch) const {
  const Kernels& table = kernels();
  if (const auto* dense = std::get_if<DenseTables>(&tables_))
    table.dense_forward(*dense, panel, scratch);
  else
    table.fourier_forward(std::get<FourierTables>(tables_), panel, scratch);
}

void DctPlan::inverse(double* panel, double* scratch) const {
  const Kernels& table = kernels();
  if (const auto* dense = std::get_if<DenseTables>(&tables_))
    table.dense_inverse(*dense, panel, scratch);
  else
    table.fourier_inverse(std::get<FourierTables>(tables_), panel, scratch);
}

template <class Real>
void dct(const ActionsView<Real>& actions, Real* out, int num_threads) {
  const auto plan = DctPlan::of(actions.horizon);
  for_each_panel(actions, *plan, num_threads,
                 [&](const ColumnPanel<Real>& columns, double* panel, double* scratch) {
                   plan->forward(panel, scratch);
                   columns.store(panel, out);
                 });
}

template <class Real>
void idct(const ActionsView<Real>& coefficients, Real* out, int num_threads) {
  const auto plan = DctPlan::of(coefficients.horizon);
  for_each_panel(coefficients, *plan, num_threads,
                 [&](const ColumnPanel<Real>& columns, double* panel, double* scratch) {
                   plan->inverse(panel, scratch);
                   columns.store(panel, out);
                 });
}

template void dct(const ActionsView<float>&, float*, int);
template void dct(const ActionsView<double>&, double*, int);
template void idct(const ActionsView<float>&, float*, int);
template void idct(const ActionsView<double>&, double*, int);

}  // namespace fast_tokenizer
