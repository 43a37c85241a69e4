// The best positions of a row by several keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fast_tokenizer {

class RowRanking {
 public:
  explicit RowRanking(std::size_t length) : length_(length) { order_.reserve(length); }

  // Gives the best `count` positions their places, from 0, and all others the place `length`. Those that are
  // eligible are compared by the first key, larger is better, then by the next one, then by position; the
  // others have none. Keys are not NaN. All pointers are to `length` values.
  void rank(const std::uint8_t* eligible, std::span<const double* const> keys, std::size_t count,
            std::int64_t* places);

 private:
  struct Candidate {
    double key;  // the first one, so that most comparisons look no further
    std::size_t position;
  };

  std::size_t length_;
  std::vector<Candidate> order_;
};

}  // namespace fast_tokenizer
