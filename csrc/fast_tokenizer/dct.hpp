// The orthonormal discrete cosine transform over time (DCT-II) and its inverse (DCT-III).
//
//   X[k] = s_k * sum_t x[t] cos(pi (2t + 1) k / (2H)),   s_0 = sqrt(1/H), s_k = sqrt(2/H)
//
// Computed in float64 on panels: H rows of kPanelColumns columns side by side, so that every step of the
// algorithm is a vector operation. Dense for short chunks, by an FFT in O(H log H) for long ones.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "fast_tokenizer/actions.hpp"
#include "fast_tokenizer/fft_plan.hpp"

namespace fast_tokenizer {

inline constexpr std::size_t kPanelColumns = 8;
inline constexpr std::size_t kPanelAlignment = 64;

// What the kernels of a dense transform read: the cosines that act on the sums (even frequencies) and on the
// differences (odd frequencies) of mirrored values, row-major.
struct DenseTables {
  std::size_t even_size;          // ceil(H / 2)
  std::size_t odd_size;           // floor(H / 2)
  const double* even;             // [frequency, time]
  const double* odd;              // [frequency, time]
  const double* even_transposed;  // [time, frequency]
  const double* odd_transposed;   // [time, frequency]
};

// What the kernels of a transform by FFT read (Makhoul 1980, "A fast cosine transform in one and two
// dimensions").
struct FourierTables {
  FftTables fft;
  const Complex* forward_twist;  // s_k / 2 * exp(i pi k / 2H)
  const Complex* inverse_twist;  // exp(i pi k / 2H) / (H s_k)
};

// Tables of one horizon. Immutable, so threads share them.
class DctPlan {
 public:
  explicit DctPlan(std::size_t horizon);

  // The plan of a horizon, kept for the next call on the same thread. horizon >= 1.
  static std::shared_ptr<const DctPlan> of(std::size_t horizon);

  std::size_t horizon() const noexcept { return horizon_; }

  // Rows of scratch, of kPanelColumns doubles each, that the transforms need.
  std::size_t scratch_rows() const noexcept;

  // In place on a panel [horizon, kPanelColumns]; panel and scratch are aligned to kPanelAlignment.
  void forward(double* panel, double* scratch) const;
  void inverse(double* panel, double* scratch) const;

 private:
  void build_dense();
  void build_fourier();

  std::size_t horizon_;
  std::vector<double> cosines_;
  std::vector<Complex> twists_;
  std::optional<FftPlan> fft_;
  std::variant<DenseTables, FourierTables> tables_;
};

// out [batch, horizon, action_dim] in C order = DCT-II (or DCT-III) of `actions` over time, computed in
// float64. Throws EncodeError where a value is not finite.
template <class Real>
void dct(const ActionsView<Real>& actions, Real* out, int num_threads);
template <class Real>
void idct(const ActionsView<Real>& coefficients, Real* out, int num_threads);

}  // namespace fast_tokenizer
