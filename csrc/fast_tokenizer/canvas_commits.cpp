#include "fast_tokenizer/canvas_commits.hpp"

namespace fast_tokenizer {

void commit(const CanvasCommits& commits, const CanvasCells& cells) {
  for (std::size_t i = 0; i < commits.rows.size(); ++i) {
    const std::size_t row = static_cast<std::size_t>(commits.rows[i]) * commits.length;
    for (std::size_t position = 0; position < commits.length; ++position) {
      const std::size_t from = i * commits.length + position;
      if (commits.committed[from] == 0) continue;
      cells.ids[row + position] = commits.ids[from];
      cells.masked[row + position] = 0;
      cells.probability[row + position] = commits.probability[from];
      cells.committed_round[row + position] = commits.rounds[i];
    }
  }
}

}  // namespace fast_tokenizer
