#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "fast_tokenizer/binning.hpp"
#include "fast_tokenizer/errors.hpp"

namespace fast_tokenizer {
namespace {

std::vector<double> numbers(std::size_t count) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<double>(i);
  return values;
}

// Values at, just under and just over thresholds, and anywhere.
std::vector<double> probes(const std::vector<double>& thresholds, double low, double high) {
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> values{low,    high, std::nextafter(low, -infinity), std::nextafter(high, infinity),
                             -1e300, 1e300};
  for (const double threshold : thresholds) {
    values.push_back(threshold);
    values.push_back(std::nextafter(threshold, -infinity));
    values.push_back(std::nextafter(threshold, infinity));
  }
  std::mt19937 random(3);
  std::uniform_real_distribution<double> anywhere(low, high);
  for (int i = 0; i < 1000; ++i) values.push_back(anywhere(random));
  return values;
}

void check_against_search(double low, double high, const std::vector<double>& thresholds) {
  const BinAxis axis(low, high, thresholds, numbers(thresholds.size() + 1));
  for (const double value : probes(thresholds, low, high)) {
    const auto expected = std::upper_bound(thresholds.begin(), thresholds.end(), value) - thresholds.begin();
    REQUIRE(axis.bin(value) == expected);
  }
}

TEST_CASE("a bin is the number of thresholds that a value reaches, wherever they lie") {
  std::mt19937 random(1);
  for (const std::size_t count : {1, 2, 7, 255, 4000}) {
    std::vector<double> even(count);
    std::vector<double> crowded(count);
    for (std::size_t i = 0; i < count; ++i) {
      even[i] = -0.1 + 0.2 * static_cast<double>(i + 1) / static_cast<double>(count + 1);
      crowded[i] = -0.1 + 0.2 * std::pow(static_cast<double>(random() % 1000) / 1000.0, 20.0);
    }
    std::sort(crowded.begin(), crowded.end());
    check_against_search(-0.1, 0.1, even);
    check_against_search(-0.1, 0.1, crowded);
  }
  check_against_search(5.0, 5.0, {5.0, 5.0, 5.0});
  check_against_search(0.0, 5e-324, {0.0, 5e-324});
  check_against_search(-3e38, 3e38, {-1e38, 0.0, 1e38});
}

TEST_CASE("chunks in any layout; what is outside is held at the end of its axis and reported") {
  const std::vector<double> thresholds{-0.5, 0.5};
  const std::vector<double> shifted{9.5, 10.5};
  BinTable table;
  table.axes.emplace_back(-1.0, 1.0, thresholds, numbers(3));
  table.axes.emplace_back(9.0, 11.0, shifted, numbers(3));
  // [batch 2, horizon 2, dims 2], with the steps backwards in memory.
  const std::array<float, 8> data{1.5F, 11.0F, -1.0F, 9.0F, 0.0F, 10.0F, 0.5F, 10.5F};
  const ActionsView<float> view{data.data() + 2, 2, 2, 2, 4, -2, 1};
  std::array<TokenId, 8> ids{};
  std::array<bool, 2> clipped{};
  encode_bins(table, view, 1, ids.data(), clipped.data());
  CHECK(ids == std::array<TokenId, 8>{0, 0, 2, 2, 2, 2, 1, 1});
  CHECK(clipped == std::array<bool, 2>{true, false});
}

TEST_CASE("a value that is not finite is named") {
  const std::vector<double> thresholds{0.0};
  BinTable table;
  table.axes.emplace_back(-1.0, 1.0, thresholds, numbers(2));
  std::vector<double> data(12, 0.25);
  data[9] = std::numeric_limits<double>::infinity();
  std::array<TokenId, 12> ids{};
  std::array<bool, 2> clipped{};
  try {
    encode_bins(table, dense_view(data.data(), 2, 3, 2), 1, ids.data(), clipped.data());
    FAIL("it was taken");
  } catch (const EncodeError& error) {
    CHECK(error.chunk() == 1);
    CHECK(std::string(error.what()).find("step 1, dimension 1 is inf") == 0);
  }
}

struct Decoded {
  std::vector<double> actions = std::vector<double>(6);
  DecodeOutcome outcome{};
};

// Three bins that decode to 0, 1, 2, of a vocabulary of four; chunks [3, 2].
Decoded decode(const std::vector<TokenId>& ids, bool keep_prefix) {
  const std::vector<double> thresholds{0.5, 1.5};
  BinTable table;
  table.axes.emplace_back(0.0, 2.0, thresholds, numbers(3));
  const std::vector<std::int64_t> offsets{0, static_cast<std::int64_t>(ids.size())};
  Decoded result;
  decode_bins(table, 4, {ids, offsets}, {3, 2}, keep_prefix, result.actions.data(), &result.outcome);
  return result;
}

TEST_CASE("statuses, and the last complete row held") {
  const std::vector<double> whole{0, 1, 2, 0, 1, 2};
  const std::vector<double> held{0, 1, 2, 0, 2, 0};
  const std::vector<double> zeros(6);
  struct Case {
    std::vector<TokenId> ids;
    DecodeStatus status;
    std::int64_t position;
    std::int64_t decoded;
    std::vector<double> kept;
  };
  const std::vector<Case> cases{
      {{0, 1, 2, 0, 1, 2}, DecodeStatus::ok, -1, 6, whole},
      {{4, 4, 0, 1, 2, 0, 1, 2, 5, 4}, DecodeStatus::ok, -1, 6, whole},
      {{0, 1, 2, 0, 1}, DecodeStatus::too_short, 5, 5, held},
      {{0, 1, 2, 0, 1, 2, 0}, DecodeStatus::too_long, 6, 6, whole},
      {{0, 1, 2, 0, 3, 2}, DecodeStatus::not_a_coefficient, 4, 4, held},
      {{0, 1, 2, 0, 7, 2}, DecodeStatus::id_outside_vocabulary, 4, 4, held},
      {{0, 1, 2, 0, -1, 2}, DecodeStatus::id_outside_vocabulary, 4, 4, held},
      {{0, 1, 2, 0, 6, 2}, DecodeStatus::special_token_inside, 4, 4, held},
      {{4, 1}, DecodeStatus::too_short, 2, 1, zeros},
      {{}, DecodeStatus::too_short, 0, 0, zeros},
  };
  for (const Case& one : cases) {
    const Decoded kept = decode(one.ids, true);
    CHECK(kept.outcome.status == one.status);
    CHECK(kept.outcome.position == one.position);
    CHECK(kept.outcome.decoded == one.decoded);
    CHECK(kept.actions == one.kept);
    CHECK(decode(one.ids, false).actions == (one.status == DecodeStatus::ok ? one.kept : zeros));
  }
}

}  // namespace
}  // namespace fast_tokenizer
