#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include "fast_tokenizer/dct.hpp"
#include "fast_tokenizer/errors.hpp"
#include "fast_tokenizer/quantizer.hpp"

namespace fast_tokenizer {
namespace {

std::vector<double> random_actions(std::size_t count) {
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  std::vector<double> actions(count);
  for (double& action : actions) action = normal(random);
  return actions;
}

// By definition, in long double.
double coefficient(const std::vector<double>& column, std::size_t k) {
  const auto horizon = static_cast<long double>(column.size());
  long double sum = 0;
  for (std::size_t t = 0; t < column.size(); ++t)
    sum += column[t] * std::cos(std::numbers::pi_v<long double> * static_cast<long double>((2 * t + 1) * k) /
                                (2 * horizon));
  return static_cast<double>(sum * std::sqrt((k == 0 ? 1 : 2) / horizon));
}

TEST_CASE("dct is the definition, idct its inverse, at every kind of length") {
  for (const std::size_t horizon : {1, 2, 3, 7, 16, 50, 95, 96, 97, 128, 150, 211, 243, 1000}) {
    const std::size_t dims = 11;  // one full panel and a part of one
    const std::vector<double> actions = random_actions(horizon * dims);
    std::vector<double> coefficients(actions.size());
    std::vector<double> back(actions.size());
    dct(dense_view(actions.data(), 1, horizon, dims), coefficients.data(), 1);
    idct(dense_view(coefficients.data(), 1, horizon, dims), back.data(), 1);
    for (std::size_t d = 0; d < dims; d += 5) {
      std::vector<double> column(horizon);
      for (std::size_t t = 0; t < horizon; ++t) column[t] = actions[t * dims + d];
      for (std::size_t k = 0; k < horizon; k += 1 + horizon / 50)
        REQUIRE(coefficients[k * dims + d] ==
                doctest::Approx(coefficient(column, k)).epsilon(1e-12).scale(1));
    }
    for (std::size_t i = 0; i < actions.size(); ++i)
      REQUIRE(back[i] == doctest::Approx(actions[i]).epsilon(1e-12).scale(1));
  }
}

TEST_CASE("strides do not matter") {
  const std::size_t batch = 3, horizon = 10, dims = 5;
  const std::vector<double> actions = random_actions(batch * horizon * dims);
  std::vector<double> turned(actions.size());  // [dim, batch, time], time backwards
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t t = 0; t < horizon; ++t)
      for (std::size_t d = 0; d < dims; ++d)
        turned[(d * batch + b) * horizon + (horizon - 1 - t)] = actions[(b * horizon + t) * dims + d];
  std::vector<double> expected(actions.size());
  std::vector<double> got(actions.size());
  dct(dense_view(actions.data(), batch, horizon, dims), expected.data(), 1);
  dct(ActionsView<double>{turned.data() + horizon - 1, batch, horizon, dims, 10, -1, 30}, got.data(), 2);
  CHECK(got == expected);
}

TEST_CASE("rounding is half to even, and near ties are told") {
  // With one step the only coefficient is the action itself.
  const std::vector<double> actions{0.5, 1.5, -0.5, 2.4, 0.05, 1e300, -1e300};
  std::vector<std::int32_t> rounded(actions.size());
  const auto view = dense_view(actions.data(), 1, 1, actions.size());
  const auto ties = quantize(view, 1.0, 1e-11, 1, rounded.data());
  CHECK(rounded == std::vector<std::int32_t>{0, 2, 0, 2, 0, 1 << 30, -(1 << 30)});
  CHECK(ties == std::vector<std::int64_t>{0, 1, 2, 5, 6});
  CHECK(quantize(view, 10.0, 1e-11, 1, rounded.data()) == std::vector<std::int64_t>{4, 5, 6});
}

TEST_CASE("the first value that is not finite is named") {
  std::vector<float> actions(2 * 4 * 3, 0.0F);
  actions[12 + 3 * 2 + 1] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> out(actions.size());
  try {
    dct(dense_view(actions.data(), 2, 4, 3), out.data(), 1);
    FAIL("expected an EncodeError");
  } catch (const EncodeError& error) {
    CHECK(error.chunk() == 1);
    CHECK(std::string(error.what()).find("step 2, dimension 1 is NaN") == 0);
  }
}

TEST_CASE("dequantize divides by the scale and transforms back") {
  const std::vector<std::int32_t> coefficients{10, 0, 0, 0};
  std::vector<double> actions(4);
  dequantize(coefficients.data(), 1, 4, 1, 10.0, actions.data());
  for (const double action : actions) CHECK(action == doctest::Approx(0.5));
}

}  // namespace
}  // namespace fast_tokenizer
