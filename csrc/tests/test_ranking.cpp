#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "fast_tokenizer/ranking.hpp"

namespace fast_tokenizer {
namespace {

std::vector<std::int64_t> places(const std::vector<std::uint8_t>& eligible,
                                 const std::vector<std::vector<double>>& keys) {
  std::vector<const double*> columns;
  for (const auto& key : keys) columns.push_back(key.data());
  std::vector<std::int64_t> found(eligible.size());
  RowRanking(eligible.size()).rank(eligible.data(), columns, found.data());
  return found;
}

TEST_CASE("larger keys first, then the next key, then the position; who is not eligible last") {
  using Places = std::vector<std::int64_t>;
  CHECK(places({}, {}).empty());
  CHECK(places({1, 1, 1}, {}) == Places{0, 1, 2});
  CHECK(places({1, 1, 1, 1}, {{2, 5, 2, 9}}) == Places{2, 1, 3, 0});
  CHECK(places({1, 0, 1, 0}, {{2, 5, 3, 9}}) == Places{1, 2, 0, 3});
  CHECK(places({1, 1, 1, 1}, {{1, 1, 0, 0}, {3, 4, 7, 7}}) == Places{1, 0, 2, 3});
}

}  // namespace
}  // namespace fast_tokenizer
