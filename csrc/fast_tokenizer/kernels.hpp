// The loops where encoding and decoding spend their time, compiled for several instruction sets.
//
// A panel holds kPanelColumns columns side by side: row t is the value of each column at time (or frequency)
// t.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fast_tokenizer/bpe_types.hpp"
#include "fast_tokenizer/byte_level.hpp"
#include "fast_tokenizer/dct.hpp"
#include "fast_tokenizer/logit_reduction.hpp"

namespace fast_tokenizer {

// One function a loop. Every panel and scratch pointer is aligned to kPanelAlignment.
struct Kernels {
  // Reads column j from columns[j], its rows `time_stride` apart. False if a value is NaN or infinite.
  bool (*load_float)(const float* const* columns, std::ptrdiff_t time_stride, std::size_t rows,
                     double* panel);
  bool (*load_double)(const double* const* columns, std::ptrdiff_t time_stride, std::size_t rows,
                      double* panel);
  bool (*load_int)(const std::int32_t* const* columns, std::ptrdiff_t time_stride, std::size_t rows,
                   double* panel);

  // Writes column j to columns[j], its rows `row_stride` apart.
  void (*store_float)(const double* panel, std::size_t rows, float* const* columns, std::size_t row_stride);
  void (*store_double)(const double* panel, std::size_t rows, double* const* columns, std::size_t row_stride);
  void (*store_int)(const std::int32_t* panel, std::size_t rows, std::int32_t* const* columns,
                    std::size_t row_stride);

  void (*dense_forward)(const DenseTables& tables, double* panel, double* scratch);
  void (*dense_inverse)(const DenseTables& tables, double* panel, double* scratch);
  void (*fourier_forward)(const FourierTables& tables, double* panel, double* scratch);
  void (*fourier_inverse)(const FourierTables& tables, double* panel, double* scratch);

  // panel *= factor
  void (*multiply)(double* panel, std::size_t rows, double factor);

  // rounded = round half to even (panel * scale), held inside +-kCoefficientLimit. Bit j of the result is set
  // where a value of column j lies within tolerance * max(1, largest magnitude of the column) of a tie, or is
  // not a number.
  unsigned (*quantize)(const double* panel, std::size_t rows, double scale, double tolerance,
                       std::int32_t* rounded);

  // letters[i] = min(max(coefficients[i], low), high) - low. True if every coefficient was in range.
  bool (*narrow)(const std::int32_t* coefficients, std::size_t count, std::int32_t low, std::int32_t high,
                 Unit* letters);

  // letters[2i], letters[2i + 1] = the UTF-8 bytes of the character coefficients[i] - low. True if all
  // characters are of the run of letters kFirstWordLetter..kLastWordLetter; if not, the letters mean nothing.
  bool (*narrow_utf8)(const std::int32_t* coefficients, std::size_t count, std::int32_t low, Unit* letters);

  // The logits of one position; scratch is of logit_scratch(query.ids) doubles.
  LogitSums (*sum_logits_float)(const float* logits, const LogitQuery& query, double* scratch);
  LogitSums (*sum_logits_double)(const double* logits, const LogitQuery& query, double* scratch);
};

// Scaled coefficients beyond this are held at it; every alphabet ends far below.
inline constexpr double kCoefficientLimit = 1 << 30;

// The best set for this processor.
const Kernels& kernels();

}  // namespace fast_tokenizer
