#include "fast_tokenizer/pair_places.hpp"

#include <algorithm>
#include <tuple>

namespace fast_tokenizer {
namespace {

bool ascending(Pair a, Pair b) { return std::tie(a.left, a.right) < std::tie(b.left, b.right); }

}  // namespace

void PlaceTally::clear() {
  for (const std::uint32_t key : keys_) entries_[key] = {};
  keys_.clear();
  sightings_.clear();
}

PairPlaces::PairPlaces(std::vector<KeyedPair> pairs, const PlaceTally& tally) {
  std::ranges::sort(pairs, ascending, &KeyedPair::pair);
  pairs_.reserve(pairs.size());
  begins_.reserve(pairs.size() + 1);

  // Every pair's words get their room first; then the sightings are dealt out.
  constexpr auto kLeftOut = static_cast<std::size_t>(-1);
  std::vector<std::size_t> room(tally.size(), kLeftOut);
  std::size_t end = 0;
  for (const auto& [pair, key] : pairs) {
    pairs_.push_back(pair);
    begins_.push_back(end);
    room[key] = end;
    end += tally[key].words;
  }
  begins_.push_back(end);
  words_.resize(end);
  for (const auto& [key, word] : tally.sightings()) {
    if (room[key] != kLeftOut) words_[room[key]++] = word;
  }
}

std::span<const std::uint32_t> PairPlaces::words_of(Pair pair) const {
  const auto found = std::ranges::lower_bound(pairs_, pair, ascending);
  if (found == pairs_.end() || *found != pair) return {};
  const auto row = static_cast<std::size_t>(found - pairs_.begin());
  return std::span(words_).subspan(begins_[row], begins_[row + 1] - begins_[row]);
}

}  // namespace fast_tokenizer
