#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "fast_tokenizer/ranking.hpp"

namespace fast_tokenizer {
namespace {

using Places = std::vector<std::int64_t>;

Places places(const std::vector<std::uint8_t>& eligible, const std::vector<std::vector<double>>& keys,
              std::size_t count) {
  std::vector<const double*> columns;
  for (const auto& key : keys) columns.push_back(key.data());
  Places found(eligible.size());
  RowRanking(eligible.size()).rank(eligible.data(), columns, count, found.data());
  return found;
}

TEST_CASE("larger keys first, then the next key, then the position; who is not eligible has no place") {
  CHECK(places({}, {}, 3).empty());
  CHECK(places({1, 1, 1}, {}, 3) == Places{0, 1, 2});
  CHECK(places({1, 1, 1, 1}, {{2, 5, 2, 9}}, 4) == Places{2, 1, 3, 0});
  CHECK(places({1, 0, 1, 0}, {{2, 5, 3, 9}}, 9) == Places{1, 4, 0, 4});
  CHECK(places({1, 1, 1, 1}, {{1, 1, 0, 0}, {3, 4, 7, 7}}, 4) == Places{1, 0, 2, 3});
}

TEST_CASE("only so many have a place") {
  CHECK(places({1, 1, 1, 1}, {{2, 5, 2, 9}}, 3) == Places{2, 1, 4, 0});
  CHECK(places({1, 1, 1, 1}, {{2, 5, 2, 9}}, 0) == Places{4, 4, 4, 4});
}

}  // namespace
}  // namespace fast_tokenizer
