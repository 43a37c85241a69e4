#include "fast_tokenizer/ranking.hpp"

#include <algorithm>

namespace fast_tokenizer {

void RowRanking::rank(const std::uint8_t* eligible, std::span<const double* const> keys, std::size_t count,
                      std::int64_t* places) {
  order_.clear();
  for (std::size_t position = 0; position < length_; ++position) {
    if (eligible[position] != 0) order_.push_back({keys.empty() ? 0.0 : keys[0][position], position});
  }
  // Few are wanted of many, most often: then most are compared with the worst of these, and no more.
  const auto end = order_.begin() + static_cast<std::ptrdiff_t>(std::min(count, order_.size()));
  std::partial_sort(order_.begin(), end, order_.end(), [keys](const Candidate& a, const Candidate& b) {
    if (a.key != b.key) return a.key > b.key;
    for (std::size_t i = 1; i < keys.size(); ++i) {
      if (keys[i][a.position] != keys[i][b.position]) return keys[i][a.position] > keys[i][b.position];
    }
    return a.position < b.position;
  });
  std::fill_n(places, length_, static_cast<std::int64_t>(length_));
  std::int64_t place = 0;
  for (auto candidate = order_.begin(); candidate != end; ++candidate) places[candidate->position] = place++;
}

}  // namespace fast_tokenizer
