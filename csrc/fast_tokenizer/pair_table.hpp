// A hash map from pairs of tokens to small values, for the inner loops of training.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"

namespace fast_tokenizer {

// Pairs are never removed, so linear probing in one flat array suffices: a look-up touches one cache line
// most of the time, where std::unordered_map follows two pointers.
template <typename Value>
class PairTable {
 public:
  // Does not grow before it holds `expected` pairs.
  explicit PairTable(std::size_t expected = 16)
      : slots_(std::bit_ceil(std::max<std::size_t>(2 * expected, 2))),
        mask_(slots_.size() - 1),
        shift_(64 - std::countr_zero(slots_.size())) {}

  // The value of `pair`; a default one is put in if there is none. Valid until the next call.
  Value& operator[](Pair pair) {
    Slot* slot = &slot_of(pair);
    if (slot->pair != pair) {
      if (2 * (size_ + 1) > slots_.size()) {
        grow();
        slot = &slot_of(pair);
      }
      slot->pair = pair;
      ++size_;
    }
    return slot->value;
  }

  // The value of `pair`, or null.
  Value* find(Pair pair) {
    Slot& slot = slot_of(pair);
    return slot.pair == pair ? &slot.value : nullptr;
  }

  // Calls body(pair, value) for every pair, in no order that means anything.
  template <typename Body>
  void for_each(Body&& body) const {
    for (const Slot& slot : slots_) {
      if (slot.pair != kFree) body(slot.pair, slot.value);
    }
  }

 private:
  static constexpr Pair kFree{-1, -1};  // no token has a negative id

  struct Slot {
    Pair pair = kFree;
    Value value{};
  };

  // The slot of `pair`, or the free one where it belongs.
  Slot& slot_of(Pair pair) {
    Slot* const slots = slots_.data();
    std::size_t place = home(pair);
    while (slots[place].pair != pair && slots[place].pair != kFree) place = (place + 1) & mask_;
    return slots[place];
  }

  // Fibonacci hashing: the high bits of the product depend on every bit of both ids, the low bits do not.
  std::size_t home(Pair pair) const noexcept {
    const auto key = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(pair.left)) << 32) |
                     static_cast<std::uint32_t>(pair.right);
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> shift_);
  }

  void grow() {
    PairTable larger(slots_.size());
    for_each([&](Pair pair, const Value& value) { larger[pair] = value; });
    *this = std::move(larger);
  }

  std::vector<Slot> slots_;  // a power of two, at most half of them taken
  std::size_t mask_;
  int shift_;
  std::size_t size_ = 0;
};

}  // namespace fast_tokenizer
