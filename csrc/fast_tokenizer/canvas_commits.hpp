// Ids that are written into canvases of masks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fast_tokenizer {

// What is known of each cell of a batch of canvases, each [batch, length].
struct CanvasCells {
  std::int64_t* ids;
  std::uint8_t* masked;
  double* probability;            // of the id, when it was committed
  std::int64_t* committed_round;  // -1 where nothing is
};

// What some of the canvases are given.
struct CanvasCommits {
  std::size_t length;
  std::span<const std::int64_t> rows;    // [A]: which canvases of the batch
  std::span<const std::int64_t> rounds;  // [A]
  const std::uint8_t* committed;         // [A, length]: 1 for the cells that are
  const std::int64_t* ids;               // [A, length]
  const double* probability;             // [A, length]
};

void commit(const CanvasCommits& commits, const CanvasCells& cells);

}  // namespace fast_tokenizer
