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

}  // namespace

template <class Cell>
void reduce_logits(const LogitRows<Cell>& rows, const LogitAnswers& answers) {
  constexpr std::size_t kInline = 1024;  // 512 ids
  ScratchBuffer<double, kInline> scratch(logit_scratch(rows.ids));
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    const std::uint8_t* const allowed =
        rows.allowed == nullptr ? nullptr
                                : rows.allowed + static_cast<std::size_t>(rows.allowed_rows[i]) * rows.ids;
    const LogitQuery query{rows.ids,     rows.columns,         allowed,
                           rows.kept[i], rows.temperatures[i], rows.uniforms[i]};
    const Cell* const logits = rows.logits + static_cast<std::size_t>(rows.rows[i]) * rows.width;
    const LogitSums sums = sum_logits(logits, query, scratch.data());

    const bool possible = sums.comparable && sums.largest > -std::numeric_limits<double>::infinity();
    answers.ids[i] = possible ? sums.id : 0;
    if (possible) {
      answers.largest[i] = 1.0 / sums.sum;
      answers.second[i] = std::exp(sums.second - sums.largest) / sums.sum;
      answers.entropy[i] = std::log(sums.sum) - sums.weighted / sums.sum;
      answers.chosen[i] = std::exp(sums.chosen - sums.largest) / sums.sum;
    } else {
      answers.largest[i] = sums.comparable ? 0.0 : std::numeric_limits<double>::quiet_NaN();
      answers.second[i] = answers.entropy[i] = answers.chosen[i] = 0.0;
    }
  }
}

template void reduce_logits(const LogitRows<float>&, const LogitAnswers&);
template void reduce_logits(const LogitRows<double>&, const LogitAnswers&);

}  // namespace fast_tokenizer
