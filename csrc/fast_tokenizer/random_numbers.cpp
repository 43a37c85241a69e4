#include "fast_tokenizer/random_numbers.hpp"

#include <cstddef>

namespace fast_tokenizer {
namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;

std::uint64_t absorb(std::uint64_t state, std::uint64_t word) { return split_mix((state ^ word) + kGolden); }

}  // namespace

std::uint64_t split_mix(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EB;
  return word ^ (word >> 31);
}

void fill_uniforms(std::uint64_t seed, std::uint64_t purpose, std::uint64_t round,
                   std::span<double> numbers) {
  const std::uint64_t state = absorb(absorb(absorb(0, seed), purpose), round);
  for (std::size_t position = 0; position < numbers.size(); ++position)
    numbers[position] = static_cast<double>(absorb(state, position) >> 11) * 0x1p-53;
}

}  // namespace fast_tokenizer
