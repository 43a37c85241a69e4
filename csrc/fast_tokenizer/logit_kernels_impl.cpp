// The loops over the logits of a position. Compiled once for each instruction set, as kernels_impl.cpp is,
// under the same rule: no function of the standard library.
#include "fast_tokenizer/logit_kernels.hpp"

namespace fast_tokenizer::FAST_TOKENIZER_ISA {
namespace {

using Lanes = double __attribute__((vector_size(kLogitLanes * sizeof(double)), may_alias));
using Bits = std::uint64_t __attribute__((vector_size(kLogitLanes * sizeof(std::uint64_t)), may_alias));
using Mask = std::int64_t __attribute__((vector_size(kLogitLanes * sizeof(std::int64_t)), may_alias));

constexpr double kInfinity = __builtin_inf();

// Below this an exponential is taken for zero: exp(-708) is the last that is a normal number.
constexpr double kLowest = -708.0;

// exp(x) for kLowest <= x <= 0: x = k ln 2 + r with |r| <= ln(2) / 2, exp(x) = 2^k exp(r), with ln 2 in two
// parts so that k ln 2 is exact (Cody and Waite, "Software Manual for the Elementary Functions", 1980) and
// exp(r) by its Taylor series, whose first term left out is 4e-18. Relative error below 5e-16, and exp(0)
// = 1.
Lanes exponential(Lanes x) {
  constexpr double kShift = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves k in the lowest bits
  constexpr double kLog2E = 1.4426950408889634;
  constexpr double kLn2High = 0x1.62e42feep-1;  // 33 bits, so that its product with k is exact
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  const Lanes shifted = x * kLog2E + kShift;
  const Lanes k = shifted - kShift;
  const Lanes r = (x - k * kLn2High) - k * kLn2Low;
  Lanes series = Lanes{} + 1.0 / 6227020800.0;
  series = series * r + 1.0 / 479001600.0;
  series = series * r + 1.0 / 39916800.0;
  series = series * r + 1.0 / 3628800.0;
  series = series * r + 1.0 / 362880.0;
  series = series * r + 1.0 / 40320.0;
  series = series * r + 1.0 / 5040.0;
  series = series * r + 1.0 / 720.0;
  series = series * r + 1.0 / 120.0;
  series = series * r + 1.0 / 24.0;
  series = series * r + 1.0 / 6.0;
  series = series * r + 0.5;
  series = series * r + 1.0;
  series = series * r + 1.0;
  return reinterpret_cast<Lanes>(reinterpret_cast<Bits>(series) + (reinterpret_cast<Bits>(shifted) << 52));
}

double sum_of(Lanes lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

template <class Cell>
Lanes lanes_at(const Cell* values) {
  Cell __attribute__((vector_size(kLogitLanes * sizeof(Cell)))) cells;
  __builtin_memcpy(&cells, values, sizeof cells);
  return __builtin_convertvector(cells, Lanes);
}

// The candidates' logits in float64, minus infinity for those that may not come and up to whole lanes.
template <class Cell>
void fill(const Cell* logits, const LogitQuery& query, std::size_t padded, double* values) {
  const std::size_t whole = query.ids - query.ids % kLogitLanes;
  auto* const lanes = reinterpret_cast<Lanes*>(values);
  if (query.columns != nullptr) {
    for (std::size_t id = 0; id < query.ids; ++id)
      values[id] = static_cast<double>(logits[query.columns[id]]);
  } else {
    for (std::size_t id = 0; id < whole; id += kLogitLanes) lanes[id / kLogitLanes] = lanes_at(logits + id);
    for (std::size_t id = whole; id < query.ids; ++id) values[id] = static_cast<double>(logits[id]);
  }
  for (std::size_t id = query.ids; id < padded; ++id) values[id] = -kInfinity;
  if (query.allowed == nullptr) return;
  for (std::size_t id = 0; id < whole; id += kLogitLanes) {
    std::uint8_t __attribute__((vector_size(kLogitLanes))) allowed;
    __builtin_memcpy(&allowed, query.allowed + id, sizeof allowed);
    Lanes& row = lanes[id / kLogitLanes];
    row = __builtin_convertvector(allowed, Mask) != 0 ? row : Lanes{} - kInfinity;
  }
  for (std::size_t id = whole; id < query.ids; ++id) {
    if (query.allowed[id] == 0) values[id] = -kInfinity;
  }
}

// The two largest of all values; false if one is NaN or plus infinity.
bool top_two(const Lanes* values, std::size_t rows, double& largest, double& second) {
  Lanes first = Lanes{} - kInfinity;
  Lanes next = first;
  Mask strange{};
  for (std::size_t i = 0; i < rows; ++i) {
    const Lanes value = values[i];
    strange |= ~(value < kInfinity);
    const Lanes smaller = value < first ? value : first;
    next = smaller > next ? smaller : next;
    first = value > first ? value : first;
  }
  std::int64_t any = 0;
  largest = second = -kInfinity;
  for (std::size_t j = 0; j < kLogitLanes; ++j) {
    any |= strange[j];
    const double pair[] = {first[j], next[j]};
    for (const double value : pair) {
      const double smaller = value < largest ? value : largest;
      second = smaller > second ? smaller : second;
      largest = value > largest ? value : largest;
    }
  }
  return any == 0;
}

std::int64_t first_equal(const double* values, std::size_t count, double wanted) {
  std::size_t id = 0;
  while (id + 1 < count && values[id] != wanted) ++id;
  return static_cast<std::int64_t>(id);
}

// Sums over so many rows of lanes are added up at once: that many columns are looked at one by one at the
// end.
constexpr std::size_t kBlockRows = 8;

double block_sum(const Lanes* weights, std::size_t begin, std::size_t rows) {
  Lanes sum{};
  const std::size_t end = begin + kBlockRows < rows ? begin + kBlockRows : rows;
  for (std::size_t i = begin; i < end; ++i) sum += weights[i];
  return sum_of(sum);
}

// The first id whose cumulative weight exceeds `uniform` of the total. Its weight is not zero.
std::int64_t draw(const double* weights, std::size_t rows, double uniform) {
  const auto* const lanes = reinterpret_cast<const Lanes*>(weights);
  double total = 0.0;
  for (std::size_t block = 0; block < rows; block += kBlockRows) total += block_sum(lanes, block, rows);
  const double target = uniform * total;
  double cumulative = 0.0;
  std::size_t last = 0;  // that could come: sums in another order may end just short of the target
  for (std::size_t block = 0; block < rows; block += kBlockRows) {
    const double sum = block_sum(lanes, block, rows);
    const bool is_here = cumulative + sum > target;
    const std::size_t end = block + kBlockRows < rows ? block + kBlockRows : rows;
    for (std::size_t id = block * kLogitLanes; sum > 0.0 && id < end * kLogitLanes; ++id) {
      if (weights[id] > 0.0) last = id;
      if (!is_here) continue;
      cumulative += weights[id];
      if (cumulative > target) return static_cast<std::int64_t>(id);
    }
    if (is_here) break;
    cumulative += sum;
  }
  return static_cast<std::int64_t>(last);
}

template <class Cell>
LogitSums sum_row(const Cell* logits, const LogitQuery& query, double* scratch) {
  const std::size_t rows = (query.ids + kLogitLanes - 1) / kLogitLanes;
  const std::size_t padded = rows * kLogitLanes;
  double* const values = scratch;
  auto* const lanes = reinterpret_cast<Lanes*>(values);
  auto* const weights = reinterpret_cast<Lanes*>(scratch + padded);
  fill(logits, query, padded, values);

  LogitSums found{};
  found.comparable = top_two(lanes, rows, found.largest, found.second);
  if (!found.comparable || found.largest == -kInfinity) return found;

  Lanes sum{};
  Lanes weighted{};
  for (std::size_t i = 0; i < rows; ++i) {
    const Lanes difference = lanes[i] - found.largest;
    const Lanes held = difference > kLowest ? difference : Lanes{} + kLowest;
    const Lanes weight = difference > kLowest ? exponential(held) : Lanes{};
    sum += weight;
    weighted += weight * held;
    weights[i] = weight;
  }
  found.sum = sum_of(sum);
  found.weighted = sum_of(weighted);

  if (query.temperature != 0.0 && query.temperature != 1.0) {
    for (std::size_t i = 0; i < rows; ++i) {
      const Lanes difference = (lanes[i] - found.largest) / query.temperature;
      const Lanes held = difference > kLowest ? difference : Lanes{} + kLowest;
      weights[i] = difference > kLowest ? exponential(held) : Lanes{};
    }
  }
  found.id = query.temperature == 0.0 ? first_equal(values, query.ids, found.largest)
                                      : draw(scratch + padded, rows, query.uniform);
  found.chosen = values[query.kept < 0 ? found.id : query.kept];
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
