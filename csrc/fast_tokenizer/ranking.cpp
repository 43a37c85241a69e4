#include "fast_tokenizer/ranking.hpp"

#include <algorithm>

namespace fast_tokenizer {

void RowRanking::rank(const std::uint8_t* eligible, std::span<const double* const> keys,
                      std::int64_t* places) {
  order_.clear();
  for (std::size_t position = 0; position < length_; ++position) {
    if (eligible[position] != 0) order_.push_back({keys.empty() ? 0.0 : keys[0][position], position});
  }
  std::sort(order_.begin(), order_.end(), [keys](const Candidate& a, const Candidate& b) {
    if (a.key != b.key) return a.key > b.key;
    for (std::size_t i = 1; i < keys.size(); ++i) {
      if (keys[i][a.position] != keys[i][b.position]) return keys[i][a.position] > keys[i][b.position];
    }
    return a.position < b.position;
  });
  std::int64_t place = 0;
  for (const Candidate& candidate : order_) places[candidate.position] = place++;
  for (std::size_t position = 0; position < length_; ++position) {
    if (eligible[position] == 0) places[position] = place++;
  }
}

}  // namespace fast_tokenizer
