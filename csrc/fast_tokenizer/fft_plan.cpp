#include "fast_tokenizer/fft_plan.hpp"

#include <cmath>
#include <numbers>
#include <utility>

namespace fast_tokenizer {
namespace {

// Above this a prime's dense butterfly costs more than a convolution of four times the length.
constexpr std::size_t kLargestRadix = 31;

std::vector<std::size_t> small_factors(std::size_t length) {
  std::vector<std::size_t> factors;
  for (std::size_t radix : {std::size_t{4}, std::size_t{2}, std::size_t{3}}) {
    while (length % radix == 0) {
      factors.push_back(radix);
      length /= radix;
    }
  }
  for (std::size_t radix = 5; radix <= kLargestRadix && length > 1; radix += 2) {
    while (length % radix == 0) {
      factors.push_back(radix);
      length /= radix;
    }
  }
  if (length > 1) factors.clear();
  return factors;
}

Complex conjugate(Complex value) { return {value.re, -value.im}; }

// Plain radix 2: a signal is transformed once, when a plan is made.
std::vector<Complex> power_of_two_spectrum(std::vector<Complex> signal) {
  const std::size_t size = signal.size();
  std::vector<Complex> next(size);
  for (std::size_t length = size, stride = 1; length > 1; length /= 2, stride *= 2) {
    const std::size_t half = length / 2;
    for (std::size_t p = 0; p < half; ++p) {
      const Complex root = unit_root(2 * p, length);
      for (std::size_t q = 0; q < stride; ++q) {
        const Complex a = signal[q + stride * p];
        const Complex b = signal[q + stride * (p + half)];
        const Complex d{a.re - b.re, a.im - b.im};
        next[q + stride * 2 * p] = {a.re + b.re, a.im + b.im};
        next[q + stride * (2 * p + 1)] = {d.re * root.re + d.im * root.im, d.im * root.re - d.re * root.im};
      }
    }
    signal.swap(next);
  }
  return signal;
}

}  // namespace

Complex unit_root(std::size_t numerator, std::size_t denominator) {
  // Reduced to [0, pi/4], where sine and cosine lose nothing.
  numerator %= 2 * denominator;
  const bool lower = numerator > denominator;
  if (lower) numerator = 2 * denominator - numerator;
  const bool left = 2 * numerator > denominator;
  if (left) numerator = denominator - numerator;
  const bool steep = 4 * numerator > denominator;
  const double angle =
      std::numbers::pi *
      (steep ? static_cast<double>(denominator - 2 * numerator) / 2.0 : static_cast<double>(numerator)) /
      static_cast<double>(denominator);
  const double re = steep ? std::sin(angle) : std::cos(angle);
  const double im = steep ? std::cos(angle) : std::sin(angle);
  return {left ? -re : re, lower ? -im : im};
}

FftPlan::FftPlan(std::size_t size) : radices_(small_factors(size)) {
  if (!radices_.empty() || size == 1) {
    roots_.resize(size);
    for (std::size_t j = 0; j < size; ++j) roots_[j] = conjugate(unit_root(2 * j, size));
  } else {
    std::size_t padded = 1;
    while (padded < 2 * size - 1) padded *= 2;
    convolution_ = std::make_unique<const FftPlan>(padded);
    chirp_.resize(size);
    std::vector<Complex> kernel(padded, Complex{0.0, 0.0});
    for (std::size_t j = 0; j < size; ++j) {
      const Complex root = unit_root(j * j, size);
      chirp_[j] = conjugate(root);
      kernel[j] = {root.re / static_cast<double>(padded), root.im / static_cast<double>(padded)};
      if (j > 0) kernel[padded - j] = kernel[j];
    }
    chirp_spectrum_ = power_of_two_spectrum(std::move(kernel));
  }
  tables_ = {.size = size,
             .radices = radices_.data(),
             .radix_count = radices_.size(),
             .roots = roots_.data(),
             .convolution = convolution_ ? &convolution_->tables() : nullptr,
             .chirp = chirp_.data(),
             .chirp_spectrum = chirp_spectrum_.data()};
}

}  // namespace fast_tokenizer
