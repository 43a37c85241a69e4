#include "fast_tokenizer/quantizer.hpp"

#include <algorithm>
#include <mutex>

#include "fast_tokenizer/column_panels.hpp"

namespace fast_tokenizer {

template <class Real>
std::vector<std::int64_t> quantize(const ActionsView<Real>& actions, double scale, double tie_tolerance,
                                   int num_threads, std::int32_t* coefficients) {
  const auto plan = DctPlan::of(actions.horizon);
  std::vector<std::int64_t> near_ties;
  std::mutex mutex;
  for_each_panel(
      actions, *plan, num_threads, [&](const ColumnPanel<Real>& columns, double* panel, double* scratch) {
        plan->forward(panel, scratch);
        // The scratch is free again: the rounded panel takes its place.
        auto* rounded = reinterpret_cast<std::int32_t*>(scratch);
        const unsigned ties = kernels().quantize(panel, actions.horizon, scale, tie_tolerance, rounded);
        columns.store(rounded, coefficients);
        if (ties == 0) return;
        const std::lock_guard lock(mutex);
        for (std::size_t j = 0; j < kPanelColumns; ++j) {
          if ((ties >> j & 1U) != 0) near_ties.push_back(static_cast<std::int64_t>(columns.column(j)));
        }
      });
  // A column may have been in two panels.
  std::sort(near_ties.begin(), near_ties.end());
  near_ties.erase(std::unique(near_ties.begin(), near_ties.end()), near_ties.end());
  return near_ties;
}

template std::vector<std::int64_t> quantize(const ActionsView<float>&, double, double, int, std::int32_t*);
template std::vector<std::int64_t> quantize(const ActionsView<double>&, double, double, int, std::int32_t*);

void dequantize(const std::int32_t* coefficients, std::size_t batch, std::size_t horizon,
                std::size_t action_dim, double scale, double* actions) {
  const auto view = dense_view(coefficients, batch, horizon, action_dim);
  const auto plan = DctPlan::of(horizon);
  const double inverse_scale = 1.0 / scale;
  for_each_panel(view, *plan, 1,
                 [&](const ColumnPanel<std::int32_t>& columns, double* panel, double* scratch) {
                   kernels().multiply(panel, horizon, inverse_scale);
                   plan->inverse(panel, scratch);
                   columns.store(panel, actions);
                 });
}

}  // namespace fast_tokenizer
