#include "fast_tokenizer/merge_queue.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <queue>

namespace fast_tokenizer {
namespace {

constexpr TokenId kGone = -1;  // merged into the part before it

struct Neighbours {
  std::size_t previous;
  std::size_t next;
};

struct Candidate {
  std::int32_t rank;
  std::size_t at;
  Pair pair;

  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : at > other.at;
  }
};

}  // namespace

MadeMerge merge_by_queue(const MergeTable& merges, std::vector<TokenId>& ids) {
  const std::size_t count = ids.size();
  std::vector<Neighbours> neighbours(count);
  for (std::size_t i = 0; i < count; ++i)
    neighbours[i] = {i - 1, i + 1};  // beyond either end: no index at all
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](std::size_t at) {
    if (at >= count || neighbours[at].next >= count) return;
    const Pair pair{ids[at], ids[neighbours[at].next]};
    if (const auto found = merges.find(pair); found.rank >= 0) queue.push({found.rank, at, pair});
  };
  for (std::size_t i = 0; i + 1 < count; ++i) offer(i);

  MadeMerge last{{-1, -1}, -1};
  while (!queue.empty()) {
    const auto [rank, at, pair] = queue.top();
    queue.pop();
    const std::size_t right = neighbours[at].next;
    if (ids[at] != pair.left || right >= count || ids[right] != pair.right) continue;  // out of date
    ids[at] = merges.find(pair).result;
    ids[right] = kGone;
    neighbours[at].next = neighbours[right].next;
    if (neighbours[at].next < count) neighbours[neighbours[at].next].previous = at;
    last = {pair, rank};
    offer(neighbours[at].previous);
    offer(at);
  }
  std::erase(ids, kGone);
  return last;
}

}  // namespace fast_tokenizer
