// The loops over the logits of a position. Compiled once for each instruction set, as kernels_impl.cpp is,
// under the same rule: no function of the standard library.
#include <type_traits>

#include "fast_tokenizer/logit_kernels.hpp"

namespace fast_tokenizer::FAST_TOKENIZER_ISA {
namespace {

constexpr std::size_t kLanes = 8;
using Lanes = double __attribute__((vector_size(kLanes * sizeof(double)), may_alias));
using Bits = std::uint64_t __attribute__((vector_size(kLanes * sizeof(std::uint64_t)), may_alias));

constexpr double kInfinity = __builtin_inf();
constexpr double kLargest = 0x1.fffffffffffffp1023;

// What is lower counts as this: the last whose exponential is a normal number.
constexpr double kLowest = -708.0;
// Above exp(kLowest), and below anything that could ever be drawn.
constexpr double kNothing = 1e-300;

template <class Cell>
inline constexpr std::size_t kCells = 64 / sizeof(Cell);
template <class Cell, std::size_t kBytes = 64>
using Cells __attribute__((vector_size(kBytes))) = Cell;

template <class Cell, std::size_t kBytes>
struct Halves {
  explicit Halves(Cells<Cell, kBytes> whole) { __builtin_memcpy(this, &whole, kBytes); }
  Cells<Cell, kBytes / 2> low;
  Cells<Cell, kBytes / 2> high;
};

// One value of a vector's: halves are laid onto each other, as one lane after the other would be as many
// steps that wait for each other.
template <class Cell, std::size_t kBytes, class Operation>
Cell folded(Cells<Cell, kBytes> whole, Operation operation) {
  if constexpr (kBytes == sizeof(Cell)) {
    return whole[0];
  } else {
    const Halves<Cell, kBytes> halves(whole);
    return folded<Cell, kBytes / 2>(operation(halves.low, halves.high), operation);
  }
}

// Neighbouring values, at whatever alignment.
template <class Vector, class Cell>
Vector unaligned(const Cell* values) {
  Vector vector;
  __builtin_memcpy(&vector, values, sizeof vector);
  return vector;
}

using FloatLanes = float __attribute__((vector_size(kLanes * sizeof(float))));
Lanes lanes_at(const float* values) { return __builtin_convertvector(unaligned<FloatLanes>(values), Lanes); }
Lanes lanes_at(const double* values) { return unaligned<Lanes>(values); }

// exp(x) for kLowest <= x <= 0: x = k ln 2 + r with |r| <= ln(2) / 2, exp(x) = 2^k exp(r) (Cody and Waite,
// "Software Manual for the Elementary Functions", 1980), and exp(r) by its Taylor series up to r^8, in pairs
// of pairs (Estrin's scheme), so that the processor need not wait for eight steps in a row. Relative error
// below 3e-10, and exp(0) = 1: orders of magnitude below what distributions are compared by.
// Always inline: as a call it would load its constants anew for every eight values.
__attribute__((always_inline)) inline Lanes exponential(Lanes x) {
  constexpr double kShift = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves k in the lowest bits
  constexpr double kLog2E = 1.4426950408889634;
  constexpr double kLn2 = 0.6931471805599453;
  const Lanes shifted = x * kLog2E + kShift;
  const Lanes r = x - (shifted - kShift) * kLn2;
  const Lanes r2 = r * r;
  const Lanes r4 = r2 * r2;
  const Lanes low = (r + 1.0) + (r * (1.0 / 6) + 0.5) * r2;
  const Lanes high = (r * (1.0 / 120) + 1.0 / 24) + (r * (1.0 / 5040) + 1.0 / 720) * r2 + r4 * (1.0 / 40320);
  const Lanes series = low + high * r4;
  return reinterpret_cast<Lanes>(reinterpret_cast<Bits>(series) + (reinterpret_cast<Bits>(shifted) << 52));
}

double sum_of(Lanes lanes) {
  return folded<double, sizeof lanes>(lanes, [](auto low, auto high) { return low + high; });
}

// The candidates' logits in a row, up to whole vectors: where they lie, if they do; else in scratch, with
// minus infinity for those that may not come.
template <class Cell>
const Cell* candidates(const Cell* logits, const LogitQuery& query, std::size_t padded, Cell* scratch) {
  if (query.columns == nullptr && query.allowed == nullptr && query.ids == padded) return logits;
  constexpr auto kBanned = static_cast<Cell>(-kInfinity);
  if (query.columns == nullptr) {
    __builtin_memcpy(scratch, logits, query.ids * sizeof(Cell));
  } else {
    for (std::size_t id = 0; id < query.ids; ++id) scratch[id] = logits[query.columns[id]];
  }
  if (query.allowed != nullptr) {
    for (std::size_t id = 0; id < query.ids; ++id)
      scratch[id] = query.allowed[id] != 0 ? scratch[id] : kBanned;
  }
  for (std::size_t id = query.ids; id < padded; ++id) scratch[id] = kBanned;
  return scratch;
}

// The two largest of values that are in `first`, and of the next one of each lane.
template <class Cell, std::size_t kBytes>
void fold_top_two(Cells<Cell, kBytes> first, Cells<Cell, kBytes> next, double& largest, double& second) {
  if constexpr (kBytes == sizeof(Cell)) {
    largest = first[0];
    second = next[0];
  } else {
    const Halves<Cell, kBytes> firsts(first);
    const Halves<Cell, kBytes> nexts(next);
    const auto larger = firsts.high > firsts.low ? firsts.high : firsts.low;
    const auto smaller = firsts.high > firsts.low ? firsts.low : firsts.high;
    const auto second_best = nexts.high > nexts.low ? nexts.high : nexts.low;
    fold_top_two<Cell, kBytes / 2>(larger, smaller > second_best ? smaller : second_best, largest, second);
  }
}

// The two largest values; false if one is NaN or plus infinity.
template <class Cell>
bool top_two(const Cell* values, std::size_t padded, double& largest, double& second) {
  using Vector = Cells<Cell>;
  Vector first = Vector{} - static_cast<Cell>(kInfinity);
  Vector next = first;
  decltype(first < next) strange{};
  for (std::size_t i = 0; i < padded; i += kCells<Cell>) {
    const auto value = unaligned<Vector>(values + i);
    strange |= ~(value < static_cast<Cell>(kInfinity));
    const Vector smaller = value < first ? value : first;
    next = smaller > next ? smaller : next;
    first = value > first ? value : first;
  }
  fold_top_two<Cell, sizeof first>(first, next, largest, second);
  using Lane = std::remove_reference_t<decltype(strange[0])>;
  return folded<Lane, sizeof strange>(strange, [](auto low, auto high) { return low | high; }) == 0;
}

// The first id whose value is the largest, one of which is.
template <class Cell>
std::int64_t first_equal(const Cell* values, std::size_t padded, Cell largest) {
  using Vector = Cells<Cell>;
  using Place = std::conditional_t<sizeof(Cell) == 4, std::uint32_t, std::uint64_t>;
  using Places = Cells<Place>;
  Places lanes;
  for (std::size_t j = 0; j < kCells<Cell>; ++j) lanes[j] = static_cast<Place>(j);
  Places first = Places{} - 1;
  for (std::size_t i = padded; i > 0;) {  // backwards, so that the first is what stays
    i -= kCells<Cell>;
    const auto equal = unaligned<Vector>(values + i) == largest;
    first = equal ? lanes + static_cast<Place>(i) : first;
  }
  return static_cast<std::int64_t>(
      folded<Place, sizeof first>(first, [](auto low, auto high) { return low < high ? low : high; }));
}

// exp of (logit - largest) * factor, and the two sums.
template <class Cell>
void weigh(const Cell* values, std::size_t padded, double largest, double factor, double* weights,
           double& sum, double& weighted) {
  auto* const out = reinterpret_cast<Lanes*>(weights);
  Lanes sums{};
  Lanes products{};
  for (std::size_t i = 0; i < padded; i += kLanes) {
    const Lanes difference = (lanes_at(values + i) - largest) * factor;
    const Lanes held = difference > kLowest ? difference : Lanes{} + kLowest;
    const Lanes weight = exponential(held);
    sums += weight;
    products += weight * held;
    out[i / kLanes] = weight;
  }
  sum = sum_of(sums);
  weighted = sum_of(products);
}

// The first id whose cumulative weight exceeds `uniform` of the total. It is one that may come.
std::int64_t draw(const double* weights, std::size_t padded, double uniform, double total) {
  constexpr std::size_t kBlock = 64;  // so many are added up at once, before each is looked at
  // Not zero: ids that may not come have a weight too, of exp(kLowest).
  const double target = (uniform > 0x1p-54 ? uniform : 0x1p-54) * total;
  double cumulative = 0.0;
  for (std::size_t begin = 0; begin < padded; begin += kBlock) {
    const std::size_t end = begin + kBlock < padded ? begin + kBlock : padded;
    Lanes lanes{};
    for (std::size_t i = begin; i < end; i += kLanes) lanes += unaligned<Lanes>(weights + i);
    const double sum = sum_of(lanes);
    if (cumulative + sum > target) {
      for (std::size_t id = begin; id < end; ++id) {
        cumulative += weights[id];
        if (cumulative > target) return static_cast<std::int64_t>(id);
      }
    } else {
      cumulative += sum;
    }
  }
  // Sums in another order may end just short of the target.
  std::size_t last = padded - 1;
  while (last > 0 && weights[last] < kNothing) --last;
  return static_cast<std::int64_t>(last);
}

template <class Cell>
LogitSums sum_row(const Cell* logits, const LogitQuery& query, double* scratch) {
  const std::size_t padded = logit_scratch(query.ids) / 2;
  double* const weights = scratch + padded;
  const Cell* const values = candidates(logits, query, padded, reinterpret_cast<Cell*>(scratch));

  LogitSums found{};
  found.comparable = top_two(values, padded, found.largest, found.second);
  if (!found.comparable || found.largest == -kInfinity) return found;
  weigh(values, padded, found.largest, 1.0, weights, found.sum, found.weighted);

  if (query.temperature == 0.0) {
    found.id = first_equal(values, padded, static_cast<Cell>(found.largest));
  } else {
    double total = found.sum;
    if (query.temperature != 1.0) {
      // Not infinite, so that the largest logit keeps its weight of one at any temperature.
      const double inverse = 1.0 / query.temperature;
      double unused = 0.0;
      weigh(values, padded, found.largest, inverse < kLargest ? inverse : kLargest, weights, total, unused);
    }
    found.id = draw(weights, padded, query.uniform, total);
  }
  found.chosen = static_cast<double>(values[query.kept < 0 ? found.id : query.kept]);
  return found;
}

}  // namespace

LogitSums sum_logits(const float* logits, const LogitQuery& query, double* scratch) {
  return sum_row(logits, query, scratch);
}
LogitSums sum_logits(const double* logits, const LogitQuery& query, double* scratch) {
  return sum_row(logits, query, scratch);
}

}  // namespace fast_tokenizer::FAST_TOKENIZER_ISA
