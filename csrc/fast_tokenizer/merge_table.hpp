// Finding the merge of a pair of tokens.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"

namespace fast_tokenizer {

// Open addressing, at most half full.
class MergeTable {
 public:
  struct Found {
    std::int32_t rank;  // -1: there is no such merge
    TokenId result;
  };

  explicit MergeTable(std::span<const Merge> merges)
      : slots_(std::bit_ceil(2 * merges.size() + 2), Slot{{-1, -1}, {-1, -1}}) {
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
      const Pair pair{merges[rank].left, merges[rank].right};
      // A pair listed twice keeps its last rank, as in the tokenizers library.
      slots_[slot_of(pair)] = {pair, {static_cast<std::int32_t>(rank), merges[rank].result}};
    }
  }

  Found find(Pair pair) const { return slots_[slot_of(pair)].found; }

 private:
  struct Slot {
    Pair pair;
    Found found;
  };

  // Where the pair lies or would lie.
  std::size_t slot_of(Pair pair) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = PairHash{}(pair)&mask;
    while (slots_[slot].found.rank >= 0 && slots_[slot].pair != pair) slot = (slot + 1) & mask;
    return slot;
  }

  std::vector<Slot> slots_;
};

}  // namespace fast_tokenizer
