// Walking a batch in panels of kPanelColumns columns, whichever chunks they belong to.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

#include "fast_tokenizer/actions.hpp"
#include "fast_tokenizer/dct.hpp"
#include "fast_tokenizer/kernels.hpp"
#include "fast_tokenizer/parallel.hpp"

namespace fast_tokenizer {

// Memory for `rows` rows of a panel, aligned for the kernels.
class PanelBuffer {
 public:
  explicit PanelBuffer(std::size_t rows)
      : data_(new (std::align_val_t{kPanelAlignment}) double[rows * kPanelColumns]) {}
  double* row(std::size_t index) const { return data_.get() + index * kPanelColumns; }

 private:
  struct Free {
    void operator()(double* data) const { ::operator delete[](data, std::align_val_t{kPanelAlignment}); }
  };
  std::unique_ptr<double[], Free> data_;
};

// Up to kPanelColumns neighbouring columns of a batch. Spare lanes repeat the last column and are not stored.
template <class Cell>
class ColumnPanel {
 public:
  ColumnPanel(const ActionsView<Cell>& actions, std::size_t first)
      : actions_(actions), first_(first), used_(std::min(kPanelColumns, actions.columns() - first)) {}

  std::size_t first() const { return first_; }
  std::size_t used() const { return used_; }

  // Throws EncodeError where a value is NaN or infinite.
  void load(double* panel) const {
    std::array<const Cell*, kPanelColumns> columns;
    for (std::size_t j = 0; j < kPanelColumns; ++j)
      columns[j] = actions_.column(first_ + std::min(j, used_ - 1));
    const bool finite = kernels().load(columns.data(), actions_.time_stride, actions_.horizon, panel);
    if constexpr (std::is_floating_point_v<Cell>) {
      if (!finite) throw_first_not_finite(panel);
    }
  }

  // Writes the panel to its places in `out` [batch, horizon, action_dim], C order.
  template <class In, class Out>
  void store(const In* panel, Out* out) const {
    std::array<Out*, kPanelColumns> cells;
    for (std::size_t j = 0; j < used_; ++j) {
      const std::size_t chunk = (first_ + j) / actions_.action_dim;
      cells[j] = out + chunk * (actions_.horizon - 1) * actions_.action_dim + first_ + j;
    }
    for (std::size_t t = 0; t < actions_.horizon; ++t) {
      for (std::size_t j = 0; j < used_; ++j)
        cells[j][t * actions_.action_dim] = static_cast<Out>(panel[t * kPanelColumns + j]);
    }
  }

 private:
  [[noreturn]] void throw_first_not_finite(const double* panel) const {
    std::size_t bad = 0;
    for (; bad + 1 < used_; ++bad) {
      bool finite = true;
      for (std::size_t t = 0; t < actions_.horizon; ++t)
        finite &= panel[t * kPanelColumns + bad] * 0.0 == 0.0;
      if (!finite) break;
    }
    throw_not_finite(actions_, first_ + bad);
  }

  const ActionsView<Cell>& actions_;
  std::size_t first_;
  std::size_t used_;
};

// Loads every panel of the batch, on several threads, and calls body(columns, panel, scratch) on it.
template <class Cell, class Body>
void for_each_panel(const ActionsView<Cell>& actions, const DctPlan& plan, int num_threads,
                    const Body& body) {
  constexpr std::size_t kValuesWorthAThread = 1 << 15;
  const std::size_t panels = (actions.columns() + kPanelColumns - 1) / kPanelColumns;
  const std::size_t grain = kValuesWorthAThread / (kPanelColumns * actions.horizon) + 1;
  parallel_for(panels, grain, num_threads, [&](std::size_t begin, std::size_t end) {
    const PanelBuffer buffer(actions.horizon + plan.scratch_rows());
    for (std::size_t index = begin; index < end; ++index) {
      const ColumnPanel<Cell> columns(actions, index * kPanelColumns);
      columns.load(buffer.row(0));
      body(columns, buffer.row(0), buffer.row(actions.horizon));
    }
  });
}

}  // namespace fast_tokenizer
