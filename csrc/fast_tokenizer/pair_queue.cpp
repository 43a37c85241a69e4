#include "fast_tokenizer/pair_queue.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>

namespace fast_tokenizer {

bool PairQueue::Worse::operator()(const Candidate& a, const Candidate& b) const noexcept {
  return std::tie(a.count, b.pair.left, b.pair.right) < std::tie(b.count, a.pair.left, a.pair.right);
}

PairQueue::PairQueue(std::int64_t min_frequency) : min_frequency_(std::max<std::int64_t>(min_frequency, 1)) {}

void PairQueue::take(std::span<const std::vector<PairChange>> shards) {
  std::size_t most = 0;
  for (const std::vector<PairChange>& changes : shards) most = std::max(most, changes.size());
  PairTable<std::int64_t> sums(most);
  for (const std::vector<PairChange>& changes : shards) {
    for (const PairChange& change : changes) sums[change.pair] += change.delta;
  }
  sums.for_each([this](Pair pair, std::int64_t sum) {
    if (std::int64_t* const count = counts_.find(pair)) {
      *count += sum;
    } else if (sum >= min_frequency_) {
      counts_[pair] = sum;
      candidates_.push({pair, sum});
    }
  });
}

std::optional<Pair> PairQueue::pop() {
  while (!candidates_.empty()) {
    const Candidate best = candidates_.top();
    candidates_.pop();
    const std::int64_t count = *counts_.find(best.pair);
    if (count == best.count) return best.pair;
    // It has become rarer while it waited, which only matters now that it is at the top.
    if (count >= min_frequency_) candidates_.push({best.pair, count});
  }
  return std::nullopt;
}

}  // namespace fast_tokenizer
