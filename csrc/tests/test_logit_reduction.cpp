#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "fast_tokenizer/logit_reduction.hpp"

namespace fast_tokenizer {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Answer {
  std::int64_t id;
  double largest, second, entropy, chosen;
};

struct Question {
  std::vector<std::int64_t> columns;
  std::vector<std::uint8_t> allowed;
  std::int64_t kept = -1;
  double temperature = 0;
  double uniform = 0;
};

template <class Cell>
Answer ask(const std::vector<Cell>& logits, const Question& question = {}) {
  const std::uint8_t asked = 1;
  const std::int64_t allowed_row = 0;
  const std::size_t ids = question.columns.empty() ? logits.size() : question.columns.size();
  const LogitCanvases<Cell> canvas{logits.data(),
                                   1,
                                   1,
                                   logits.size(),
                                   &asked,
                                   ids,
                                   question.columns.empty() ? nullptr : question.columns.data(),
                                   question.allowed.empty() ? nullptr : question.allowed.data(),
                                   &allowed_row,
                                   &question.kept,
                                   &question.temperature,
                                   &question.uniform};
  Answer answer{};
  reduce_logits(canvas, {&answer.id, &answer.largest, &answer.second, &answer.entropy, &answer.chosen});
  return answer;
}

template <class Cell>
void check_against_the_definition(std::size_t ids, std::mt19937_64& random) {
  std::normal_distribution<double> normal(0, 5);
  std::vector<Cell> logits(ids);
  for (Cell& logit : logits) logit = static_cast<Cell>(normal(random));
  Question question;
  question.allowed.resize(ids);
  for (std::uint8_t& allowed : question.allowed) allowed = random() % 4 != 0;
  question.allowed[random() % ids] = 1;
  question.kept = static_cast<std::int64_t>(random() % ids);
  question.uniform = std::uniform_real_distribution<double>()(random);
  question.temperature = 0.7;

  std::vector<long double> weights(ids);
  std::vector<long double> hot(ids);
  long double sum = 0;
  long double hot_sum = 0;
  for (std::size_t id = 0; id < ids; ++id) {
    if (question.allowed[id] == 0) continue;
    weights[id] = std::exp(static_cast<long double>(logits[id]));
    hot[id] = std::exp(static_cast<long double>(logits[id]) / 0.7L);
    sum += weights[id];
    hot_sum += hot[id];
  }
  long double entropy = 0;
  for (const long double weight : weights) entropy -= weight > 0 ? weight / sum * std::log(weight / sum) : 0;
  std::vector<long double> sorted = weights;
  std::sort(sorted.rbegin(), sorted.rend());

  const Answer answer = ask(logits, question);
  const auto near = [](double got, long double wanted) {
    return std::abs(got - static_cast<double>(wanted)) < 1e-9 * (1 + std::abs(static_cast<double>(wanted)));
  };
  REQUIRE(near(answer.largest, sorted[0] / sum));
  REQUIRE(near(answer.second, ids > 1 ? sorted[1] / sum : 0));
  REQUIRE(near(answer.entropy, entropy));
  REQUIRE(near(answer.chosen, weights[static_cast<std::size_t>(question.kept)] / sum));
  // The id that is drawn is the one in whose part of the cumulative distribution the uniform number lies.
  long double before = 0;
  for (std::int64_t id = 0; id < answer.id; ++id) before += hot[static_cast<std::size_t>(id)] / hot_sum;
  const long double after = before + hot[static_cast<std::size_t>(answer.id)] / hot_sum;
  REQUIRE(question.allowed[static_cast<std::size_t>(answer.id)] == 1);
  REQUIRE(before <= question.uniform + 1e-9L);
  REQUIRE(after >= question.uniform - 1e-9L);

  question.kept = -1;
  const Answer drawn = ask(logits, question);
  REQUIRE(drawn.id == answer.id);
  REQUIRE(near(drawn.chosen, weights[static_cast<std::size_t>(drawn.id)] / sum));

  question.temperature = 0;
  const auto likeliest = static_cast<std::size_t>(ask(logits, question).id);
  REQUIRE(weights[likeliest] == sorted[0]);
}

TEST_CASE("a reduction is what its definition says, for any number of ids") {
  std::mt19937_64 random(3);
  for (std::size_t ids = 1; ids < 150; ++ids) {
    check_against_the_definition<float>(ids, random);
    check_against_the_definition<double>(ids, random);
  }
  check_against_the_definition<float>(4099, random);
}

TEST_CASE("the exponential is right to 3e-10 far down, then nothing, and one at zero") {
  for (int step = 1; step < 6500; ++step) {  // further down, padding weighs as much
    const double x = -0.1 * step + 1e-4 * (step % 7);
    const Answer answer = ask<double>({0.0, x});
    const double wanted = std::exp(x);
    if (x > -40) {
      REQUIRE(std::abs(1 / answer.largest - (1 + wanted)) <= 3e-10 * wanted + 5e-16);
    } else {  // the sum is one, and the entropy is -x exp(x)
      REQUIRE(std::abs(answer.entropy / (-x * wanted) - 1) <= 3e-10);
    }
  }
  CHECK(ask<double>({0.0, -800.0}).largest == 1.0);
  CHECK(ask<double>({0.0, -800.0}).entropy < 1e-300);
  CHECK(ask<double>({7.0, 7.0, 7.0, 7.0}).largest == 0.25);
}

TEST_CASE("minus infinity may not come, ties go to the first, and what is not comparable is told") {
  CHECK(ask<float>({-INFINITY, 2.F, 2.F, 1.F}).id == 1);
  CHECK(ask<float>({-INFINITY, 2.F, 2.F, 1.F}).largest == ask<float>({-INFINITY, 2.F, 2.F, 1.F}).second);
  CHECK(ask<float>({-INFINITY, -INFINITY}).largest == 0);
  CHECK(std::isnan(ask<float>({1.F, NAN}).largest));
  CHECK(std::isnan(ask<double>({1., kInfinity}).largest));
  CHECK(ask<float>({1.F, NAN}, {.columns = {}, .allowed = {1, 0}}).largest == 1);
  CHECK(ask<float>({1.F, 5.F}, {.columns = {}, .allowed = {0, 0}}).largest == 0);
  const Answer alone = ask<double>({-1e300, -kInfinity});
  CHECK(alone.largest == 1);
  CHECK(alone.second == 0);
  CHECK(alone.entropy < 1e-300);
}

TEST_CASE("columns of another vocabulary, in any order") {
  const std::vector<float> logits{9, 1, 2, 8, 3, 7, 4, 5, 6, 0};
  std::vector<float> gathered;
  Question question;
  for (std::int64_t column = 8; column >= 0; --column) {
    question.columns.push_back(column);
    gathered.push_back(logits[static_cast<std::size_t>(column)]);
  }
  CHECK(ask(logits, question).id == 8);
  CHECK(ask(logits, question).largest == ask(gathered).largest);
}

TEST_CASE("what is drawn could come, at both ends of the uniform numbers and at any temperature") {
  std::vector<double> logits(200, -kInfinity);
  for (const std::size_t id : {3, 77, 150}) logits[id] = 0;
  for (const double temperature : {1e-300, 0.5, 1.0, 1e300}) {
    CHECK(ask(logits, {.columns = {}, .allowed = {}, .temperature = temperature, .uniform = 0}).id == 3);
    CHECK(ask(logits, {.columns = {}, .allowed = {}, .temperature = temperature, .uniform = 0.5}).id == 77);
    CHECK(
        ask(logits, {.columns = {}, .allowed = {}, .temperature = temperature, .uniform = 1 - 0x1p-53}).id ==
        150);
  }
}

TEST_CASE("figures are rounded to the nearest multiple, ties to even") {
  std::vector<double> figures{
      0, 1, 0.49 * kProbabilityGrid, 2.5 * kProbabilityGrid, 3.5 * kProbabilityGrid, 12.4, NAN};
  round_to_probability_grid(figures);
  CHECK(figures[0] == 0);
  CHECK(figures[1] == 1);
  CHECK(figures[2] == 0);
  CHECK(figures[3] == 2 * kProbabilityGrid);
  CHECK(figures[4] == 4 * kProbabilityGrid);
  CHECK(figures[5] == std::nearbyint(12.4 / kProbabilityGrid) * kProbabilityGrid);
  CHECK(std::isnan(figures[6]));
}

}  // namespace
}  // namespace fast_tokenizer
