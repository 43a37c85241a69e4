// Which pair of tokens to merge next.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <span>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"
#include "fast_tokenizer/pair_table.hpp"

namespace fast_tokenizer {

// How the count of one pair changed in a shard of the corpus.
struct PairChange {
  Pair pair;
  std::int64_t delta;

  friend bool operator==(const PairChange&, const PairChange&) = default;
};

// Counts pairs over all shards. The best pair has the highest count, and among equal counts the smallest ids.
//
// All places of a pair arise in one step: the initial count, or the merge that made the newer of its two
// tokens, because tokens come to stand side by side only when one of them is made. From then on places only
// vanish. So a pair's first change tells its highest count, and a pair that is too rare then need not be
// kept.
class PairQueue {
 public:
  // Pairs that count less than `min_frequency`, or less than 1, are not merged.
  explicit PairQueue(std::int64_t min_frequency);

  // Takes what every shard reported of one step: first the initial counts, then the changes of each merge.
  void take(std::span<const std::vector<PairChange>> shards);

  // Removes the best pair and returns it, or nothing if no pair is frequent enough.
  std::optional<Pair> pop();

 private:
  struct Candidate {
    Pair pair;
    std::int64_t count;  // when it was queued
  };
  struct Worse {
    bool operator()(const Candidate& a, const Candidate& b) const noexcept;
  };

  std::int64_t min_frequency_;
  PairTable<std::int64_t> counts_;
  std::priority_queue<Candidate, std::vector<Candidate>, Worse> candidates_;
};

}  // namespace fast_tokenizer
