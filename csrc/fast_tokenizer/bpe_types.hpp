// What the model, the encoder and the trainer of byte-pair encoding (BPE) have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fast_tokenizer {

// An entry of the vocabulary.
using TokenId = std::int32_t;

// A letter of the text that BPE merges: a byte (scheme "bytes") or a coefficient symbol (scheme "symbols").
using Unit = char16_t;
using Units = std::u16string;

struct Pair {
  TokenId left;
  TokenId right;

  friend bool operator==(Pair, Pair) = default;
};

struct PairHash {
  std::size_t operator()(Pair pair) const noexcept {
    const auto key = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(pair.left)) << 32) |
                     static_cast<std::uint32_t>(pair.right);
    // The product's low half knows nothing of `left`; its high half is folded in.
    const std::uint64_t product = key * 0x9E3779B97F4A7C15ULL;
    return static_cast<std::size_t>(product ^ (product >> 32));
  }
};

// `left` followed by `right` becomes `result`. The rank of a merge is its place in the list.
struct Merge {
  TokenId left;
  TokenId right;
  TokenId result;

  friend bool operator==(const Merge&, const Merge&) = default;
};

}  // namespace fast_tokenizer
