#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "fast_tokenizer/canvas_constraint.hpp"

namespace fast_tokenizer {
namespace {

using Canvas = std::vector<std::int64_t>;

// A vocabulary of one letter, with a token for each number of repetitions. In scheme symbols a token of a
// single one would have to be there.
TokenGrammar repetitions(const std::vector<std::size_t>& lengths) {
  std::vector<std::u32string> tokens;
  for (const std::size_t length : lengths) tokens.emplace_back(length, U'a');
  return TokenGrammar(CoefficientCoder(Scheme::bytes, 0, tokens, {}), false, INT32_MAX, 1);
}

struct Problem {
  std::vector<std::size_t> lengths;
  std::size_t length;
  std::size_t total;

  std::int64_t pad() const { return static_cast<std::int64_t>(lengths.size()); }
  std::int64_t mask() const { return pad() + 2; }

  bool is_whole(const Canvas& canvas) const {
    std::size_t sum = 0;
    bool padding = false;
    for (const std::int64_t id : canvas) {
      if (id == pad()) {
        padding = true;
      } else if (padding || id < 0 || id > pad()) {
        return false;
      } else {
        sum += lengths[static_cast<std::size_t>(id)];
      }
    }
    return sum == total;
  }

  // Whether some way to fill the masks from `at` on makes the canvas whole: all are tried.
  bool can_complete(Canvas& canvas, std::size_t at = 0) const {
    while (at < length && canvas[at] != mask()) ++at;
    if (at == length) return is_whole(canvas);
    bool found = false;
    for (std::int64_t id = 0; id <= pad() && !found; ++id) {
      canvas[at] = id;
      found = can_complete(canvas, at + 1);
    }
    canvas[at] = mask();
    return found;
  }
};

std::vector<std::uint8_t> allowed(const CanvasConstraint& constraint, const Canvas& canvas,
                                  std::size_t position) {
  std::vector<std::uint8_t> cells(constraint.ids());
  constraint.allowed(canvas, position, cells.data());
  return cells;
}

TEST_CASE("an id is allowed exactly if some way to fill the rest makes the canvas whole") {
  std::mt19937 random(3);
  std::size_t some = 0;
  std::size_t none = 0;
  for (int round = 0; round < 3000; ++round) {
    Problem problem;
    problem.lengths = {1, 2, 3, 4, 5};
    std::shuffle(problem.lengths.begin(), problem.lengths.end(), random);
    problem.lengths.resize(1 + random() % 3);
    problem.length = 1 + random() % 5;
    problem.total = 1 + random() % 12;
    Canvas canvas(problem.length);
    for (std::int64_t& id : canvas) {
      // A few ids that are neither tokens nor padding among them.
      id = random() % 3 != 0 ? problem.mask() : static_cast<std::int64_t>(random() % 40) - 1;
      if (id != problem.mask() && id < 36) id %= problem.pad() + 1;
    }
    const CanvasConstraint constraint(repetitions(problem.lengths), problem.length, problem.total);
    Canvas all(problem.length, problem.mask());
    REQUIRE(constraint.possible() == problem.can_complete(all));
    for (std::size_t position = 0; position < problem.length; ++position) {
      const std::vector<std::uint8_t> cells = allowed(constraint, canvas, position);
      for (std::int64_t id = 0; id <= problem.pad(); ++id) {
        Canvas after = canvas;
        after[position] = id;
        const bool wanted = canvas[position] == problem.mask() && problem.can_complete(after);
        REQUIRE((cells[static_cast<std::size_t>(id)] == 1) == wanted);
        ++(wanted ? some : none);
      }
    }
  }
  CHECK(some > 1000);
  CHECK(none > 1000);
}

TEST_CASE("scheme bytes: tokens that are parts of characters are left out") {
  // a, the first byte of a character of two, the second, both, both and a.
  const std::vector<std::u32string> tokens{U"a", U"\u00C5", U"\u00A9", U"\u00C5\u00A9", U"\u00C5\u00A9a"};
  const CoefficientCoder coder(Scheme::bytes, 0, tokens, {});
  const TokenGrammar grammar(coder, false, INT32_MAX, 1);
  const CanvasConstraint constraint(grammar, 3, 3);
  const std::int64_t mask = 7;
  CHECK(allowed(constraint, {mask, mask, mask}, 0) == std::vector<std::uint8_t>{1, 0, 0, 1, 1, 0});
  CHECK(allowed(constraint, {mask, mask, mask}, 2) == std::vector<std::uint8_t>{1, 0, 0, 1, 0, 1});
  CHECK(allowed(constraint, {4, mask, 5}, 1) == std::vector<std::uint8_t>{1, 0, 0, 1, 0, 0});
  CHECK(allowed(constraint, {1, mask, mask}, 1) == std::vector<std::uint8_t>(6));
}

TEST_CASE("no tokens, canvases too short, and longer than there are coefficients") {
  CHECK_FALSE(CanvasConstraint(TokenGrammar(0), 3, 1).possible());
  CHECK_FALSE(CanvasConstraint(repetitions({1, 4}), 2, 9).possible());
  CHECK(CanvasConstraint(repetitions({1, 4}), 3, 9).possible());
  const CanvasConstraint roomy(TokenGrammar(2), 100, 2);
  REQUIRE(roomy.possible());
  Canvas canvas(100, 4);
  CHECK(allowed(roomy, canvas, 0) == std::vector<std::uint8_t>{1, 1, 0});
  CHECK(allowed(roomy, canvas, 1) == std::vector<std::uint8_t>{1, 1, 0});
  CHECK(allowed(roomy, canvas, 2) == std::vector<std::uint8_t>{0, 0, 1});
}

}  // namespace
}  // namespace fast_tokenizer
