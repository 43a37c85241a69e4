#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "fast_tokenizer/canvas_commits.hpp"

namespace fast_tokenizer {
namespace {

TEST_CASE("only the cells that are committed change, in the rows that are named") {
  std::vector<std::int64_t> ids{9, 9, 9, 9, 9, 9};
  std::vector<std::uint8_t> masked{1, 1, 1, 1, 1, 1};
  std::vector<double> probability(6, 0.0);
  std::vector<std::int64_t> round(6, -1);
  const std::vector<std::int64_t> rows{2, 0};
  const std::vector<std::int64_t> rounds{4, 7};
  const std::vector<std::uint8_t> committed{0, 1, 1, 0};
  const std::vector<std::int64_t> found{1, 2, 3, 4};
  const std::vector<double> chances{0.1, 0.2, 0.3, 0.4};
  commit({2, rows, rounds, committed.data(), found.data(), chances.data()},
         {ids.data(), masked.data(), probability.data(), round.data()});
  CHECK(ids == std::vector<std::int64_t>{3, 9, 9, 9, 9, 2});
  CHECK(masked == std::vector<std::uint8_t>{0, 1, 1, 1, 1, 0});
  CHECK(probability == std::vector<double>{0.3, 0, 0, 0, 0, 0.2});
  CHECK(round == std::vector<std::int64_t>{7, -1, -1, -1, -1, 4});
}

}  // namespace
}  // namespace fast_tokenizer
