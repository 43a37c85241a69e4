#include "fast_tokenizer/logit_reduction.hpp"

#include <cmath>
#include <limits>

#include "fast_tokenizer/kernels.hpp"
#include "fast_tokenizer/scratch_buffer.hpp"

namespace fast_tokenizer {
namespace {

LogitSums sum_logits(const float* logits, const LogitQuery& query, double* scratch) {
  return kernels().sum_logits_float(logits, query, scratch);
}
LogitSums sum_logits(const double* logits, const LogitQuery& query, double* scratch) {
  return kernels().sum_logits_double(logits, query, scratch);
}

// exp of the difference to the largest logit; most often it is that one, and a call is spared.
double weight(double logit, double largest) { return logit == largest ? 1.0 : std::exp(logit - largest); }

// Writes the answer of a cell, and says whether there is one.
bool answer(const LogitSums& sums, std::size_t cell, const LogitAnswers& answers) {
  const bool possible = sums.comparable && sums.largest > -std::numeric_limits<double>::infinity();
  answers.ids[cell] = possible ? sums.id : 0;
  if (possible) {
    answers.largest[cell] = 1.0 / sums.sum;
    answers.second[cell] = weight(sums.second, sums.largest) / sums.sum;
    answers.entropy[cell] = std::log(sums.sum) - sums.weighted / sums.sum;
    answers.chosen[cell] = weight(sums.chosen, sums.largest) / sums.sum;
  } else {
    answers.largest[cell] = sums.comparable ? 0.0 : std::numeric_limits<double>::quiet_NaN();
    answers.second[cell] = answers.entropy[cell] = answers.chosen[cell] = 0.0;
  }
  return possible;
}

}  // namespace

template <class Cell>
std::ptrdiff_t reduce_logits(const LogitCanvases<Cell>& canvases, const LogitAnswers& answers) {
  constexpr std::size_t kInline = 1024;  // 512 ids
  ScratchBuffer<double, kInline> scratch(logit_scratch(canvases.ids));
  std::ptrdiff_t failed = -1;
  for (std::size_t cell = 0; cell < canvases.rows * canvases.length; ++cell) {
    if (canvases.asked[cell] == 0) {
      answers.ids[cell] = 0;
      answers.largest[cell] = answers.second[cell] = answers.entropy[cell] = answers.chosen[cell] = 0.0;
      continue;
    }
    const std::uint8_t* const allowed =
        canvases.allowed == nullptr
            ? nullptr
            : canvases.allowed + static_cast<std::size_t>(canvases.allowed_rows[cell]) * canvases.ids;
    const LogitQuery query{canvases.ids,
                           canvases.columns,
                           allowed,
                           canvases.kept == nullptr ? -1 : canvases.kept[cell],
                           canvases.uniforms == nullptr ? 0.0 : canvases.temperatures[cell / canvases.length],
                           canvases.uniforms == nullptr ? 0.0 : canvases.uniforms[cell]};
    const LogitSums sums = sum_logits(canvases.logits + cell * canvases.width, query, scratch.data());
    if (!answer(sums, cell, answers) && failed < 0) failed = static_cast<std::ptrdiff_t>(cell);
  }
  return failed;
}

template std::ptrdiff_t reduce_logits(const LogitCanvases<float>&, const LogitAnswers&);
template std::ptrdiff_t reduce_logits(const LogitCanvases<double>&, const LogitAnswers&);

void round_to_probability_grid(std::span<double> figures) {
  // To the nearest multiple, ties to even: adding so large a number leaves no room for smaller bits.
  constexpr double kShift = 0x1.8p52 * kProbabilityGrid;
  for (double& figure : figures) figure = (figure + kShift) - kShift;
}

}  // namespace fast_tokenizer
