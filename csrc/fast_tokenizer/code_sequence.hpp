// Sequences in which every id is one value.
#pragma once

#include <cstddef>
#include <span>

#include "fast_tokenizer/coefficient_coder.hpp"

namespace fast_tokenizer {

// The ids that stand for a value: [0, codes) of the vocabulary's [0, size). Pad, end and mask follow that.
struct CodeRange {
  TokenId codes;
  TokenId size;
};

struct CodeSequence {
  std::span<const TokenId> codes;  // each in [0, range.codes), at most the wanted number
  DecodeOutcome outcome;
};

// Reads a sequence that should hold `length` values up to its first error. Padding and end tokens around it
// are passed over.
CodeSequence read_codes(std::span<const TokenId> ids, CodeRange range, std::size_t length);

}  // namespace fast_tokenizer
