// Tables for the fast Fourier transform that the long DCTs are made of.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace fast_tokenizer {

struct Complex {
  double re;
  double im;
};

// exp(i * pi * numerator / denominator), exact to the last bit or two for integers of any size.
Complex unit_root(std::size_t numerator, std::size_t denominator);

// What the kernels read: plain pointers into an FftPlan.
struct FftTables {
  std::size_t size;
  const std::size_t* radices;  // their product is `size`; none under Bluestein
  std::size_t radix_count;
  const Complex* roots;  // exp(-2 pi i j / size); none under Bluestein

  // Bluestein's convolution, null where every prime factor is small.
  const FftTables* convolution;
  const Complex* chirp;           // exp(-i pi j^2 / size)
  const Complex* chirp_spectrum;  // transform of the conjugate chirp, wrapped around, over its length

  // Rows of each of the two buffers that a transform works in.
  std::size_t buffer_rows() const { return convolution != nullptr ? convolution->size : size; }
};

// A complex transform of any length: Stockham's mixed-radix steps where every prime factor is small, else
// Bluestein's convolution (chirp z-transform) over a power of two.
class FftPlan {
 public:
  explicit FftPlan(std::size_t size);

  const FftTables& tables() const noexcept { return tables_; }

 private:
  std::vector<std::size_t> radices_;
  std::vector<Complex> roots_;
  std::unique_ptr<const FftPlan> convolution_;
  std::vector<Complex> chirp_;
  std::vector<Complex> chirp_spectrum_;
  FftTables tables_;
};

}  // namespace fast_tokenizer
