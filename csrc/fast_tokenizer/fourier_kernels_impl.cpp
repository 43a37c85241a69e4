// The transform by FFT, for long chunks. Compiled once for each instruction set, as kernels_impl.cpp is,
// under the same rule: no function of the standard library.
#include "fast_tokenizer/fourier_kernels.hpp"

namespace fast_tokenizer::FAST_TOKENIZER_ISA {
namespace {

// For the FFT a row is four complex numbers: the first four columns are real parts, the others imaginary.
using Half = double __attribute__((vector_size(kPanelColumns / 2 * sizeof(double))));
struct __attribute__((may_alias)) ComplexRow {
  Half re;
  Half im;
};

ComplexRow operator+(ComplexRow a, ComplexRow b) { return {a.re + b.re, a.im + b.im}; }
ComplexRow operator-(ComplexRow a, ComplexRow b) { return {a.re - b.re, a.im - b.im}; }
ComplexRow operator*(ComplexRow a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
ComplexRow times_minus_i(ComplexRow a) { return {a.im, -a.re}; }
ComplexRow swapped(ComplexRow a) { return {a.im, a.re}; }

// One step of Stockham's self-sorting transform: `length` points left, `stride` interleaved transforms.
void fft_step_2(const FftTables& plan, std::size_t length, std::size_t stride, const ComplexRow* x,
                ComplexRow* y) {
  const std::size_t m = length / 2;
  for (std::size_t p = 0; p < m; ++p) {
    const Complex w = plan.roots[p * stride];
    for (std::size_t q = 0; q < stride; ++q) {
      const ComplexRow a = x[q + stride * p];
      const ComplexRow b = x[q + stride * (p + m)];
      y[q + stride * 2 * p] = a + b;
      y[q + stride * (2 * p + 1)] = (a - b) * w;
    }
  }
}

void fft_step_4(const FftTables& plan, std::size_t length, std::size_t stride, const ComplexRow* x,
                ComplexRow* y) {
  const std::size_t m = length / 4;
  for (std::size_t p = 0; p < m; ++p) {
    const Complex w1 = plan.roots[p * stride];
    const Complex w2 = plan.roots[2 * p * stride];
    const Complex w3 = plan.roots[3 * p * stride];
    for (std::size_t q = 0; q < stride; ++q) {
      const ComplexRow* in = x + q + stride * p;
      ComplexRow* out = y + q + stride * 4 * p;
      const ComplexRow a = in[0] + in[2 * m * stride];
      const ComplexRow b = in[0] - in[2 * m * stride];
      const ComplexRow c = in[m * stride] + in[3 * m * stride];
      const ComplexRow d = times_minus_i(in[m * stride] - in[3 * m * stride]);
      out[0] = a + c;
      out[stride] = (b + d) * w1;
      out[2 * stride] = (a - c) * w2;
      out[3 * stride] = (b - d) * w3;
    }
  }
}

void fft_step_odd(const FftTables& plan, std::size_t radix, std::size_t length, std::size_t stride,
                  const ComplexRow* x, ComplexRow* y) {
  const std::size_t m = length / radix;
  const std::size_t turn = plan.size / radix;
  for (std::size_t p = 0; p < m; ++p) {
    for (std::size_t k = 0; k < radix; ++k) {
      const Complex w = plan.roots[p * k * stride];
      for (std::size_t q = 0; q < stride; ++q) {
        const ComplexRow* in = x + q + stride * p;
        ComplexRow sum = in[0];
        std::size_t angle = 0;
        for (std::size_t j = 1; j < radix; ++j) {
          angle += k;
          if (angle >= radix) angle -= radix;
          sum = sum + in[j * m * stride] * plan.roots[angle * turn];
        }
        y[q + stride * (radix * p + k)] = sum * w;
      }
    }
  }
}

// Transforms `data`; the result lies in the buffer that is returned, `data` or `spare`.
ComplexRow* stockham(const FftTables& plan, ComplexRow* data, ComplexRow* spare) {
  std::size_t length = plan.size;
  std::size_t stride = 1;
  for (std::size_t step = 0; step < plan.radix_count; ++step) {
    const std::size_t radix = plan.radices[step];
    if (radix == 4)
      fft_step_4(plan, length, stride, data, spare);
    else if (radix == 2)
      fft_step_2(plan, length, stride, data, spare);
    else
      fft_step_odd(plan, radix, length, stride, data, spare);
    length /= radix;
    stride *= radix;
    ComplexRow* const result = spare;
    spare = data;
    data = result;
  }
  return data;
}

// Bluestein: jk = (j^2 + k^2 - (k - j)^2) / 2 turns a transform of any length into a convolution.
ComplexRow* fft(const FftTables& plan, ComplexRow* data, ComplexRow* spare) {
  if (plan.convolution == nullptr) return stockham(plan, data, spare);
  const FftTables& padded = *plan.convolution;
  for (std::size_t j = 0; j < plan.size; ++j) data[j] = data[j] * plan.chirp[j];
  for (std::size_t j = plan.size; j < padded.size; ++j) data[j] = ComplexRow{};
  ComplexRow* const spectrum = stockham(padded, data, spare);
  // Swapping real and imaginary parts before and after makes the forward transform the inverse one.
  for (std::size_t j = 0; j < padded.size; ++j) spectrum[j] = swapped(spectrum[j] * plan.chirp_spectrum[j]);
  ComplexRow* const result = stockham(padded, spectrum, spectrum == data ? spare : data);
  for (std::size_t j = 0; j < plan.size; ++j) result[j] = swapped(result[j]) * plan.chirp[j];
  return result;
}

}  // namespace

// Two real columns ride in one complex one.

void fourier_forward(const FourierTables& tables, double* panel, double* scratch) {
  const std::size_t horizon = tables.fft.size;
  auto* x = reinterpret_cast<ComplexRow*>(panel);
  auto* v = reinterpret_cast<ComplexRow*>(scratch);
  for (std::size_t t = 0; t < (horizon + 1) / 2; ++t) v[t] = x[2 * t];
  for (std::size_t t = 0; t < horizon / 2; ++t) v[horizon - 1 - t] = x[2 * t + 1];
  const ComplexRow* z = fft(tables.fft, v, v + tables.fft.buffer_rows());
  for (std::size_t k = 0; k < horizon; ++k) {
    const ComplexRow here = z[k];
    const ComplexRow mirror = z[k == 0 ? 0 : horizon - k];
    const Complex w = tables.forward_twist[k];
    x[k] = {(here.re + mirror.re) * w.re + (here.im - mirror.im) * w.im,
            (here.im + mirror.im) * w.re + (mirror.re - here.re) * w.im};
  }
}

void fourier_inverse(const FourierTables& tables, double* panel, double* scratch) {
  const std::size_t horizon = tables.fft.size;
  auto* x = reinterpret_cast<ComplexRow*>(panel);
  auto* z = reinterpret_cast<ComplexRow*>(scratch);
  z[0] = swapped(x[0] * tables.inverse_twist[0]);
  for (std::size_t k = 1; k < horizon; ++k) {
    const ComplexRow here = x[k];
    const ComplexRow mirror = x[horizon - k];
    z[k] = swapped(ComplexRow{here.re + mirror.im, here.im - mirror.re} * tables.inverse_twist[k]);
  }
  const ComplexRow* v = fft(tables.fft, z, z + tables.fft.buffer_rows());
  for (std::size_t t = 0; t < (horizon + 1) / 2; ++t) x[2 * t] = swapped(v[t]);
  for (std::size_t t = 0; t < horizon / 2; ++t) x[2 * t + 1] = swapped(v[horizon - 1 - t]);
}

}  // namespace fast_tokenizer::FAST_TOKENIZER_ISA
