// Walking a batch in panels of kPanelColumns columns, whichever chunks they belong to.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include "fast_tokenizer/actions.hpp"
#include "fast_tokenizer/dct.hpp"
#include "fast_tokenizer/kernels.hpp"
#include "fast_tokenizer/parallel.hpp"
#include "fast_tokenizer/scratch_buffer.hpp"

namespace fast_tokenizer {

// The kernels by the type of the caller's values.
inline bool load_columns(const float* const* columns, std::ptrdiff_t stride, std::size_t rows,
                         double* panel) {
  return kernels().load_float(columns, stride, rows, panel);
}
inline bool load_columns(const double* const* columns, std::ptrdiff_t stride, std::size_t rows,
                         double* panel) {
  return kernels().load_double(columns, stride, rows, panel);
}
inline bool load_columns(const std::int32_t* const* columns, std::ptrdiff_t stride, std::size_t rows,
                         double* panel) {
  return kernels().load_int(columns, stride, rows, panel);
}
inline void store_columns(const double* panel, std::size_t rows, float* const* columns, std::size_t stride) {
  kernels().store_float(panel, rows, columns, stride);
}
inline void store_columns(const double* panel, std::size_t rows, double* const* columns, std::size_t stride) {
  kernels().store_double(panel, rows, columns, stride);
}
inline void store_columns(const std::int32_t* panel, std::size_t rows, std::int32_t* const* columns,
                          std::size_t stride) {
  kernels().store_int(panel, rows, columns, stride);
}

// kPanelColumns columns of a batch, neighbours from `first` on. Where the batch ends before, the spare lanes
// repeat its last column.
template <class Cell>
class ColumnPanel {
 public:
  ColumnPanel(const ActionsView<Cell>& actions, std::size_t first) : actions_(actions), first_(first) {}

  // The column in lane j.
  std::size_t column(std::size_t j) const { return std::min(first_ + j, actions_.columns() - 1); }

  // Throws EncodeError where a value is NaN or infinite.
  void load(double* panel) const {
    std::array<const Cell*, kPanelColumns> columns;
    for (std::size_t j = 0; j < kPanelColumns; ++j) columns[j] = actions_.column(column(j));
    const bool finite = load_columns(columns.data(), actions_.time_stride, actions_.horizon, panel);
    if constexpr (std::is_floating_point_v<Cell>) {
      if (!finite) throw_first_not_finite(panel);
    }
  }

  // Writes the panel to its places in `out` [batch, horizon, action_dim], C order.
  template <class In, class Out>
  void store(const In* panel, Out* out) const {
    const std::size_t dims = actions_.action_dim;
    std::array<Out*, kPanelColumns> columns;
    for (std::size_t j = 0; j < kPanelColumns; ++j)
      columns[j] = out + column(j) / dims * dims * actions_.horizon + column(j) % dims;
    store_columns(panel, actions_.horizon, columns.data(), dims);
  }

 private:
  [[noreturn]] void throw_first_not_finite(const double* panel) const {
    std::size_t bad = 0;
    for (; bad + 1 < kPanelColumns; ++bad) {
      bool finite = true;
      for (std::size_t t = 0; t < actions_.horizon; ++t)
        finite &= panel[t * kPanelColumns + bad] * 0.0 == 0.0;
      if (!finite) break;
    }
    throw_not_finite(actions_, column(bad));
  }

  const ActionsView<Cell>& actions_;
  std::size_t first_;
};

// Loads every column of the batch, on several threads, and calls body(columns, panel, scratch) on each panel.
//
// In a chunk of enough dimensions every panel lies within one chunk, so that its rows are read and written as
// vectors; for that the last one overlaps the one before, and repeats its work. Chunks of fewer dimensions
// share panels.
template <class Cell, class Body>
void for_each_panel(const ActionsView<Cell>& actions, const DctPlan& plan, int num_threads,
                    const Body& body) {
  constexpr std::size_t kValuesWorthAThread = 1 << 15;
  const std::size_t dims = actions.action_dim;
  const bool within_chunks = dims >= kPanelColumns;
  const std::size_t unit = within_chunks ? dims : kPanelColumns;  // columns that one thread takes together
  const std::size_t units = (actions.columns() + unit - 1) / unit;
  const std::size_t grain = kValuesWorthAThread / (unit * actions.horizon) + 1;
  parallel_for(units, grain, num_threads, [&](std::size_t begin, std::size_t end) {
    constexpr std::size_t kInlineRows = 288;  // enough for every dense transform
    const std::size_t rows = actions.horizon + plan.scratch_rows();
    ScratchBuffer<double, kInlineRows * kPanelColumns> buffer(rows * kPanelColumns);
    double* const panel = buffer.data();
    double* const scratch = panel + actions.horizon * kPanelColumns;
    const auto work_on = [&](std::size_t first) {
      const ColumnPanel<Cell> columns(actions, first);
      columns.load(panel);
      body(columns, panel, scratch);
    };
    for (std::size_t index = begin; index < end; ++index) {
      for (std::size_t at = 0; at < unit; at += kPanelColumns)
        work_on(index * unit + std::min(at, unit - kPanelColumns));
    }
  });
}

}  // namespace fast_tokenizer
