// Which ids the masked positions of a canvas may take, if all of it is to hold exactly so many coefficients.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fast_tokenizer/token_grammar.hpp"

namespace fast_tokenizer {

// An id is allowed at a position exactly if the canvas can be completed after it: by tokens, and padding
// behind the last of them. Tokens are those that hold whole coefficients wherever they stand, at least one,
// so that their lengths add up: in scheme bytes those that are whole characters.
//
// Immutable; safe to share between threads.
class CanvasConstraint {
 public:
  // Canvases of `length` positions that are to hold `total` coefficients; both at least 1.
  CanvasConstraint(const TokenGrammar& grammar, std::size_t length, std::size_t total);

  // Whether a canvas of nothing but masks can be completed.
  bool possible() const;

  std::size_t length() const noexcept { return length_; }

  // Ids of the vocabulary, and pad, which comes after them. The mask is this number plus 1.
  std::size_t ids() const noexcept { return coefficients_.size() + 1; }

  // Fills `cells` [ids()]: 1 for what `position` of `canvas` [length()] may take in place of its mask. All
  // are 0 where the position is not masked, or what stands elsewhere cannot be completed.
  void allowed(std::span<const std::int64_t> canvas, std::size_t position, std::uint8_t* cells) const;

 private:
  // What a canvas says, with the position in question taken out of it.
  struct Reading {
    std::size_t end = 0;            // after the last token
    std::size_t padding = 0;        // where padding begins
    std::size_t missing = 0;        // coefficients
    std::size_t masked_inside = 0;  // before `end`, which tokens must fill
    bool completable = false;
  };
  Reading read(std::span<const std::int64_t> canvas, std::size_t position) const;

  // Whether `least` to `most` tokens can hold `missing` coefficients.
  bool reachable(std::size_t least, std::size_t most, std::size_t missing) const;

  std::size_t length_;
  std::size_t total_;
  std::size_t longest_ = 0;                  // coefficients of a token
  std::vector<std::uint32_t> coefficients_;  // of each id; 0 for one that may not come
  std::vector<std::uint32_t> fewest_;        // [least, missing]: tokens that it takes, not fewer than `least`
};

}  // namespace fast_tokenizer
