#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "fast_tokenizer/rate_distortion.hpp"
#include "small_vocabulary.hpp"

namespace fast_tokenizer {
namespace {

using Coefficients = std::vector<std::int32_t>;

RateDistortionSearch search_of(const CoefficientCoder& coder) {
  return {coder, std::make_shared<TokenGrammar>(coder, true, INT32_MAX, 1)};
}

Coefficients rounded(const std::vector<double>& scaled) {
  Coefficients result;
  for (const double value : scaled) result.push_back(static_cast<std::int32_t>(std::nearbyint(value)));
  return result;
}

double cost_of(const CoefficientCoder& coder, const std::vector<double>& scaled, double rdo,
               const Coefficients& chosen) {
  double cost = static_cast<double>(coder.encode(chosen.data(), 1, chosen.size()).ids.size());
  for (std::size_t i = 0; i < scaled.size(); ++i)
    cost += rdo * (scaled[i] - chosen[i]) * (scaled[i] - chosen[i]);
  return cost;
}

// The least cost of all that coefficients from number `at` on may become.
double least_cost(const CoefficientCoder& coder, const std::vector<double>& scaled, double rdo,
                  Coefficients& chosen, std::size_t at = 0) {
  if (at == scaled.size()) return cost_of(coder, scaled, rdo, chosen);
  double least = std::numeric_limits<double>::infinity();
  for (std::int32_t value = coder.min_coefficient(); value <= coder.max_coefficient(); ++value) {
    if (std::abs(scaled[at] - value) > RateDistortionSearch::kReach) continue;
    chosen[at] = value;
    least = std::min(least, least_cost(coder, scaled, rdo, chosen, at + 1));
  }
  return least;
}

TEST_CASE("no way to round a chunk costs less than the one that is found") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const auto alphabet = static_cast<std::int32_t>(1 + random() % 4);
    const SmallVocabulary vocabulary = random_vocabulary(static_cast<std::size_t>(alphabet), 12, 4,
                                                         [&](std::size_t n) { return random() % n; });
    const CoefficientCoder coder(Scheme::symbols, -1, vocabulary.tokens, vocabulary.merges);
    std::uniform_real_distribution<double> value(-1.4, alphabet - 1.6);
    std::vector<double> scaled(random() % 8);
    for (double& one : scaled) one = value(random);
    for (const double rdo : {0.0, 0.3, 1.0, 4.0, 1e6}) {
      Coefficients chosen = rounded(scaled);
      search_of(coder).choose(scaled.data(), 1, scaled.size(), rdo, chosen.data());
      Coefficients trial(scaled.size());
      CHECK(cost_of(coder, scaled, rdo, chosen) ==
            doctest::Approx(least_cost(coder, scaled, rdo, trial)).epsilon(1e-9));
    }
  }
}

TEST_CASE("what lies outside the alphabet stays, and so does a chunk that cannot be spelled") {
  const CoefficientCoder coder(Scheme::symbols, -1, {std::u32string(1, 0), U"\1", U"\3"}, {});
  const RateDistortionSearch search = search_of(coder);
  const std::vector<double> scaled{-1.7, 0.2, 2.6, 1e30};
  Coefficients outside{-2, 0, 3, 1 << 30};
  search.choose(scaled.data(), 1, 4, 1.0, outside.data());
  CHECK(outside == Coefficients{-2, 0, 3, 1 << 30});
  const std::vector<double> missing{0.3, 1.0};  // 1 would be the symbol 2, of which there is no token
  Coefficients stays{0, 1};
  search.choose(missing.data(), 1, 2, 1.0, stays.data());
  CHECK(stays == Coefficients{0, 1});
}

TEST_CASE("an empty batch, and chunks one after the other") {
  const CoefficientCoder coder(Scheme::symbols, 0, {std::u32string(1, 0), U"\1", std::u32string(2, 0)},
                               {{0, 0, 2}});
  const RateDistortionSearch search = search_of(coder);
  search.choose(nullptr, 0, 5, 1.0, nullptr);
  const std::vector<double> scaled{0.0, 0.6, 1.0, 0.6};
  Coefficients chosen{0, 1, 1, 1};
  search.choose(scaled.data(), 2, 2, 2.0, chosen.data());
  CHECK(chosen == Coefficients{0, 0, 1, 1});
}

}  // namespace
}  // namespace fast_tokenizer
