#include "fast_tokenizer/id_set.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace fast_tokenizer {
namespace {

using EightBytes = std::array<std::uint8_t, 8>;

constexpr std::array<EightBytes, 256> kSpread = [] {
  std::array<EightBytes, 256> table{};
  for (std::size_t bits = 0; bits < 256; ++bits) {
    for (std::size_t bit = 0; bit < 8; ++bit) table[bits][bit] = static_cast<std::uint8_t>(bits >> bit & 1U);
  }
  return table;
}();

std::uint32_t reversed(std::uint32_t bits) {
  bits = (bits >> 1 & 0x55555555U) | (bits & 0x55555555U) << 1;
  bits = (bits >> 2 & 0x33333333U) | (bits & 0x33333333U) << 2;
  bits = (bits >> 4 & 0x0F0F0F0FU) | (bits & 0x0F0F0F0FU) << 4;
  bits = (bits >> 8 & 0x00FF00FFU) | (bits & 0x00FF00FFU) << 8;
  return bits >> 16 | bits << 16;
}

}  // namespace

void spread(const IdSet& set, std::size_t count, std::uint8_t* bytes) {
  const auto eight_at = [&](std::size_t id) { return kSpread[set[id / 64] >> (id % 64) & 0xFFU].data(); };
  std::size_t id = 0;
  for (; id + 8 <= count; id += 8) std::memcpy(bytes + id, eight_at(id), 8);
  if (id < count) std::memcpy(bytes + id, eight_at(id), count - id);
}

BitmaskPlaces::BitmaskPlaces(std::vector<std::int64_t> places) : places_(std::move(places)) {
  for (const std::int64_t place : places_) {
    if (place >= 0) touched_.push_back(static_cast<std::size_t>(place) / 32);
  }
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  if (!touched_.empty()) words_ = touched_.back() + 1;

  if (places_.size() < 2 || places_[0] < 0) return;
  const std::int64_t direction = places_[1] < places_[0] ? -1 : 1;
  falling_ = direction < 0;
  while (run_ < places_.size() && places_[run_] >= 0 &&
         places_[run_] == places_[0] + direction * static_cast<std::int64_t>(run_))
    ++run_;
}

std::uint32_t BitmaskPlaces::window(const IdSet& set, std::int64_t first) {
  const auto word_at = [&](std::int64_t index) {
    const bool inside = 0 <= index && index < static_cast<std::int64_t>(set.size());
    return inside ? set[static_cast<std::size_t>(index)] : 0;
  };
  const std::int64_t index = first >> 6;
  const auto shift = static_cast<unsigned>(first & 63);
  const std::uint64_t low = word_at(index) >> shift;
  const std::uint64_t high = shift == 0 ? 0 : word_at(index + 1) << (64 - shift);
  return static_cast<std::uint32_t>(low | high);
}

void BitmaskPlaces::write(const IdSet& set, std::uint32_t* row) const {
  for (const std::size_t word : touched_) row[word] = 0;
  // The block of a vocabulary mostly lies in one piece, and is copied 32 ids at a time.
  if (run_ > 0) {
    IdSet block(set.begin(), set.begin() + static_cast<std::ptrdiff_t>((run_ + 63) / 64));
    if (run_ % 64 != 0) block.back() &= (std::uint64_t{1} << (run_ % 64)) - 1;
    const std::int64_t last = places_[run_ - 1];
    for (std::int64_t word = std::min(places_[0], last) / 32; word <= std::max(places_[0], last) / 32;
         ++word) {
      row[word] = falling_ ? reversed(window(block, places_[0] - 32 * word - 31))
                           : window(block, 32 * word - places_[0]);
    }
  }
  for (std::size_t id = run_; id < places_.size(); ++id) {
    const std::int64_t place = places_[id];
    if (place >= 0 && contains(set, id)) row[place / 32] |= std::uint32_t{1} << (place % 32);
  }
}

}  // namespace fast_tokenizer
