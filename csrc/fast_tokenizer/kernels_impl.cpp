// Compiled once for each instruction set, as namespace FAST_TOKENIZER_ISA. No function of the standard
// library may be called here: the linker keeps one copy of an inline function, and it could be the one for
// AVX-512.
#include "fast_tokenizer/fourier_kernels.hpp"
#include "fast_tokenizer/kernels.hpp"
#include "fast_tokenizer/logit_kernels.hpp"

namespace fast_tokenizer::FAST_TOKENIZER_ISA {
namespace {

// One row of a panel; the compiler maps it to one, two or four registers.
using Row = double __attribute__((vector_size(kPanelColumns * sizeof(double)), may_alias));
using IntRow = std::int32_t __attribute__((vector_size(kPanelColumns * sizeof(std::int32_t)), may_alias));
using Mask = std::int64_t __attribute__((vector_size(kPanelColumns * sizeof(std::int64_t)), may_alias));

// Accumulators enough to hide the latency of a fused multiply-add, few enough to stay in registers.
#if defined(__AVX512F__)
constexpr std::size_t kBlockRows = 8;
#elif defined(__AVX2__)
constexpr std::size_t kBlockRows = 4;
#else
constexpr std::size_t kBlockRows = 2;
#endif

// ---- in and out of panels

using FloatRow = float __attribute__((vector_size(kPanelColumns * sizeof(float))));

// Neighbouring values as they lie in the caller's memory, at whatever alignment.
template <class Vector, class Cell>
Vector unaligned(const Cell* values) {
  Vector vector;
  __builtin_memcpy(&vector, values, sizeof vector);
  return vector;
}

Row row_at(const float* values) { return __builtin_convertvector(unaligned<FloatRow>(values), Row); }
Row row_at(const double* values) { return unaligned<Row>(values); }
Row row_at(const std::int32_t* values) { return __builtin_convertvector(unaligned<IntRow>(values), Row); }

void put(Row row, float* values) {
  const FloatRow converted = __builtin_convertvector(row, FloatRow);
  __builtin_memcpy(values, &converted, sizeof converted);
}
void put(Row row, double* values) { __builtin_memcpy(values, &row, sizeof row); }
void put(IntRow row, std::int32_t* values) { __builtin_memcpy(values, &row, sizeof row); }

template <class Cell>
bool are_adjacent(Cell* const* columns) {
  bool adjacent = true;
  for (std::size_t j = 1; j < kPanelColumns; ++j) adjacent &= columns[j] == columns[0] + j;
  return adjacent;
}

template <class PanelRow, class Cell>
void store(const PanelRow* panel, std::size_t rows, Cell* const* columns, std::size_t row_stride) {
  if (are_adjacent(columns)) {
    for (std::size_t t = 0; t < rows; ++t) put(panel[t], columns[0] + t * row_stride);
    return;
  }
  for (std::size_t t = 0; t < rows; ++t) {
#pragma GCC unroll 8
    for (std::size_t j = 0; j < kPanelColumns; ++j)
      columns[j][t * row_stride] = static_cast<Cell>(panel[t][j]);
  }
}

void store_float(const double* panel, std::size_t rows, float* const* columns, std::size_t row_stride) {
  store(reinterpret_cast<const Row*>(panel), rows, columns, row_stride);
}
void store_double(const double* panel, std::size_t rows, double* const* columns, std::size_t row_stride) {
  store(reinterpret_cast<const Row*>(panel), rows, columns, row_stride);
}
void store_int(const std::int32_t* panel, std::size_t rows, std::int32_t* const* columns,
               std::size_t row_stride) {
  store(reinterpret_cast<const IntRow*>(panel), rows, columns, row_stride);
}

template <class Cell>
bool load(const Cell* const* columns, std::ptrdiff_t time_stride, std::size_t rows, double* panel) {
  const bool adjacent = are_adjacent(columns);
  auto* out = reinterpret_cast<Row*>(panel);
  Row residue{};
  for (std::size_t t = 0; t < rows; ++t) {
    const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(t) * time_stride;
    if (adjacent) {
      out[t] = row_at(columns[0] + offset);
    } else {
      for (std::size_t j = 0; j < kPanelColumns; ++j) out[t][j] = static_cast<double>(columns[j][offset]);
    }
    residue += out[t] * 0.0;  // stays zero unless a value is NaN or infinite
  }
  bool finite = true;
  for (std::size_t j = 0; j < kPanelColumns; ++j) finite &= residue[j] == 0.0;
  return finite;
}

unsigned quantize(const double* panel, std::size_t rows, double scale, double tolerance,
                  std::int32_t* rounded) {
  const auto* in = reinterpret_cast<const Row*>(panel);
  auto* out = reinterpret_cast<IntRow*>(rounded);

  Row largest = Row{} + 1.0;
  for (std::size_t t = 0; t < rows; ++t) {
    const Row value = in[t] * scale;
    const Row magnitude = value < 0.0 ? -value : value;
    largest = magnitude > largest ? magnitude : largest;
  }
  const Row margin = largest * tolerance;

  // Adding 1.5 * 2^52 leaves no bits for a fraction, so the processor's own rounding, half to even, is the
  // rounding wanted. Beyond 2^51 it would not be, but there the margin already exceeds one half.
  constexpr double kShift = 6755399441055744.0;
  Mask near_tie{};
  for (std::size_t t = 0; t < rows; ++t) {
    const Row value = in[t] * scale;
    const Row whole = (value + kShift) - kShift;
    const Row fraction = value < whole ? whole - value : value - whole;
    near_tie |= ~(0.5 - fraction > margin);  // true for NaN too
    const Row not_below = whole > -kCoefficientLimit ? whole : Row{} - kCoefficientLimit;
    out[t] = __builtin_convertvector(not_below < kCoefficientLimit ? not_below : Row{} + kCoefficientLimit,
                                     IntRow);
  }
  unsigned columns = 0;
  for (std::size_t j = 0; j < kPanelColumns; ++j) columns |= near_tie[j] ? 1U << j : 0U;
  return columns;
}

void multiply(double* panel, std::size_t rows, double factor) {
  auto* values = reinterpret_cast<Row*>(panel);
  for (std::size_t t = 0; t < rows; ++t) values[t] *= factor;
}

// ---- dense DCT

template <std::size_t rows>
void multiply_block(const double* matrix, std::size_t size, std::size_t used, const Row* in, Row* out) {
  Row sum[rows] = {};
  for (std::size_t t = 0; t < used; ++t) {
    const Row value = in[t];
#pragma GCC unroll 8
    for (std::size_t r = 0; r < rows; ++r) sum[r] += matrix[r * size + t] * value;
  }
#pragma GCC unroll 8
  for (std::size_t r = 0; r < rows; ++r) out[r] = sum[r];
}

template <std::size_t rows>
void multiply_block_of(std::size_t count, const double* matrix, std::size_t size, std::size_t used,
                       const Row* in, Row* out) {
  if constexpr (rows > 0) {
    if (count == rows)
      multiply_block<rows>(matrix, size, used, in, out);
    else
      multiply_block_of<rows - 1>(count, matrix, size, used, in, out);
  }
}

// out [size] = matrix [size, size] * in [size], of which only the first `used` rows are not zero. In blocks
// of nearly equal height: a block of one row would wait for its own sum at every step.
void multiply(const double* matrix, std::size_t size, std::size_t used, const Row* in, Row* out) {
  const std::size_t blocks = (size + kBlockRows - 1) / kBlockRows;
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t begin = size * block / blocks;
    const std::size_t end = size * (block + 1) / blocks;
    multiply_block_of<kBlockRows>(end - begin, matrix + begin * size, size, used, in, out + begin);
  }
}

// How many rows there are until only zeros follow, rounded up to a few.
std::size_t used_rows(const double* panel, std::size_t rows) {
  constexpr std::size_t kBlock = 4;
  const auto* bits = reinterpret_cast<const Mask*>(panel);  // of an integer, only +0 has none set
  while (rows > 0) {
    const std::size_t begin = rows > kBlock ? rows - kBlock : 0;
    Mask any{};
    for (std::size_t t = begin; t < rows; ++t) any |= bits[t];
    std::int64_t set = 0;
    for (std::size_t j = 0; j < kPanelColumns; ++j) set |= any[j];
    if (set != 0) break;
    rows = begin;
  }
  return rows;
}

// cos(pi (2t+1) k / 2H) is symmetric around the middle of the chunk for even k, antisymmetric for odd k: even
// frequencies need only the sums of mirrored values, odd ones the differences, which halves the work.
void dense_forward(const DenseTables& tables, double* panel, double* scratch) {
  const std::size_t horizon = tables.even_size + tables.odd_size;
  auto* x = reinterpret_cast<Row*>(panel);
  auto* folded = reinterpret_cast<Row*>(scratch);
  Row* sums = folded;
  Row* differences = folded + tables.even_size;
  for (std::size_t t = 0; t < tables.odd_size; ++t) {
    sums[t] = x[t] + x[horizon - 1 - t];
    differences[t] = x[t] - x[horizon - 1 - t];
  }
  if (tables.even_size > tables.odd_size) sums[tables.odd_size] = x[tables.odd_size];

  Row* product = folded + horizon;
  multiply(tables.even, tables.even_size, tables.even_size, sums, product);
  multiply(tables.odd, tables.odd_size, tables.odd_size, differences, product + tables.even_size);
  for (std::size_t k = 0; k < tables.even_size; ++k) x[2 * k] = product[k];
  for (std::size_t k = 0; k < tables.odd_size; ++k) x[2 * k + 1] = product[tables.even_size + k];
}

void dense_inverse(const DenseTables& tables, double* panel, double* scratch) {
  const std::size_t horizon = tables.even_size + tables.odd_size;
  auto* x = reinterpret_cast<Row*>(panel);
  auto* even = reinterpret_cast<Row*>(scratch);
  Row* odd = even + tables.even_size;
  // Actions are smooth: their high frequencies are mostly zero, and need no work.
  const std::size_t used = used_rows(panel, horizon);
  const std::size_t even_used = (used + 1) / 2;
  const std::size_t odd_used = used / 2;
  for (std::size_t k = 0; k < even_used; ++k) even[k] = x[2 * k];
  for (std::size_t k = 0; k < odd_used; ++k) odd[k] = x[2 * k + 1];

  Row* sums = even + horizon;
  Row* differences = sums + tables.even_size;
  multiply(tables.even_transposed, tables.even_size, even_used, even, sums);
  multiply(tables.odd_transposed, tables.odd_size, odd_used, odd, differences);
  for (std::size_t t = 0; t < tables.odd_size; ++t) {
    x[t] = sums[t] + differences[t];
    x[horizon - 1 - t] = sums[t] - differences[t];
  }
  if (tables.even_size > tables.odd_size) x[tables.odd_size] = sums[tables.odd_size];
}

// ---- coefficients to the letters of BPE

bool narrow(const std::int32_t* coefficients, std::size_t count, std::int32_t low, std::int32_t high,
            Unit* letters) {
  std::int32_t changed = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int32_t raised = coefficients[i] < low ? low : coefficients[i];
    const std::int32_t held = raised > high ? high : raised;
    changed |= held ^ coefficients[i];
    letters[i] = static_cast<Unit>(held - low);
  }
  return changed == 0;
}

bool narrow_utf8(const std::int32_t* coefficients, std::size_t count, std::int32_t low, Unit* letters) {
  constexpr bool kLittleEndian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
  // Distances to both bounds, modulo 2^32: outside of them, at least one has its highest bit set.
  std::uint32_t distances = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t character =
        static_cast<std::uint32_t>(coefficients[i]) - static_cast<std::uint32_t>(low);
    distances |= (character - kFirstWordLetter) | (kLastWordLetter - character);
    const std::uint32_t lead = 0xC0U | (character >> 6 & 0x1FU);
    const std::uint32_t continuation = 0x80U | (character & 0x3FU);
    const std::uint32_t both = kLittleEndian ? lead | continuation << 16 : lead << 16 | continuation;
    __builtin_memcpy(letters + 2 * i, &both, sizeof both);  // one store, so that the loop becomes vectors
  }
  return distances >> 31 == 0;
}

}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = {load<float>,     load<double>,    load<std::int32_t>, store_float,
                          store_double,    store_int,       dense_forward,      dense_inverse,
                          fourier_forward, fourier_inverse, multiply,           quantize,
                          narrow,          narrow_utf8,     sum_logits,         sum_logits};

}  // namespace fast_tokenizer::FAST_TOKENIZER_ISA
