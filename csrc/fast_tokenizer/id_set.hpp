// Sets of ids as bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fast_tokenizer {

// 64 ids to a word, the lowest in its lowest bit. Bits past the last id are zero.
using IdSet = std::vector<std::uint64_t>;

inline bool contains(std::span<const std::uint64_t> set, std::size_t id) {
  return (set[id / 64] >> (id % 64) & 1U) != 0;
}

inline void insert(std::span<std::uint64_t> set, std::size_t id) {
  set[id / 64] |= std::uint64_t{1} << (id % 64);
}

// A byte for each of `count` ids: 1 where it is in the set.
void spread(const IdSet& set, std::size_t count, std::uint8_t* bytes);

// Ids of another vocabulary for those of a set (`ids()` of them), to write it as a row of a bit mask over
// that vocabulary (32 ids to a word, as guided decoding of xgrammar and vLLM has it).
class BitmaskPlaces {
 public:
  // places[id] is the id's bit in the row, negative if it has none.
  explicit BitmaskPlaces(std::vector<std::int64_t> places);

  std::size_t ids() const noexcept { return places_.size(); }

  // Words that a row needs at least.
  std::size_t words() const noexcept { return words_; }

  // Writes the set to the row. Only those words of it are touched in which some id has its bit.
  void write(const IdSet& set, std::uint32_t* row) const;

 private:
  // Up to 32 ids from `first` on, the lowest in the lowest bit.
  static std::uint32_t window(const IdSet& set, std::int64_t first);

  std::vector<std::int64_t> places_;
  std::size_t words_ = 0;
  std::vector<std::size_t> touched_;
  std::size_t run_ = 0;  // so many first ids lie side by side, rising or falling
  bool falling_ = false;
};

}  // namespace fast_tokenizer
