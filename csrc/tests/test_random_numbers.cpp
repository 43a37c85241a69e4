#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "fast_tokenizer/random_numbers.hpp"

namespace fast_tokenizer {
namespace {

TEST_CASE("the hash is SplitMix64, whose first numbers from 1234567 its author's program prints") {
  std::uint64_t state = 1234567;
  for (const std::uint64_t wanted :
       {6457827717110365317U, 3203168211198807973U, 9817491932198370423U, 4593380528125082431U}) {
    state += 0x9E3779B97F4A7C15;
    CHECK(split_mix(state) == wanted);
  }
}

TEST_CASE("a number depends on every part of its key, and on the position but not on how many there are") {
  const auto numbers = [](std::uint64_t seed, std::uint64_t purpose, std::uint64_t round,
                          std::size_t length) {
    std::vector<double> found(length);
    fill_uniforms(seed, purpose, round, found);
    return found;
  };
  const std::vector<double> some = numbers(1, 2, 3, 4);
  CHECK(numbers(1, 2, 3, 7)[3] == some[3]);
  CHECK(some[0] != some[1]);
  CHECK(numbers(5, 2, 3, 1)[0] != some[0]);
  CHECK(numbers(1, 5, 3, 1)[0] != some[0]);
  CHECK(numbers(1, 2, 5, 1)[0] != some[0]);
}

}  // namespace
}  // namespace fast_tokenizer
