// BPE by its definition: a queue of the merges that are possible.
#pragma once

#include <cstdint>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"
#include "fast_tokenizer/merge_table.hpp"

namespace fast_tokenizer {

// A merge that was made; rank -1: none was.
struct MadeMerge {
  Pair pair;
  std::int32_t rank;
};

// Replaces `ids` by what is left when no merge is possible: again and again that of lowest rank is made, the
// leftmost first. Returns the last one. O(n log n).
MadeMerge merge_by_queue(const MergeTable& merges, std::vector<TokenId>& ids);

}  // namespace fast_tokenizer
