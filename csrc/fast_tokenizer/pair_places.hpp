// In which words of a shard the pairs that arose in one training step stand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"

namespace fast_tokenizer {

// Collects, under small integer keys, how often something was seen and in which words.
class PlaceTally {
 public:
  struct Entry {
    std::int64_t count = 0;
    std::uint32_t words = 0;  // different words
    std::uint32_t last_word = 0;
  };
  struct Sighting {
    std::uint32_t key;
    std::uint32_t word;
  };

  // Makes room for keys below `size`.
  void resize(std::size_t size) { entries_.resize(size); }
  std::size_t size() const noexcept { return entries_.size(); }

  // All sightings in one word have to come before those in another.
  void add(std::uint32_t key, std::uint32_t word, std::int64_t count) {
    Entry& entry = entries_[key];
    entry.count += count;
    if (entry.last_word == word && entry.words != 0) return;
    entry.last_word = word;
    if (entry.words++ == 0) keys_.push_back(key);
    sightings_.push_back({key, word});
  }

  const Entry& operator[](std::uint32_t key) const { return entries_[key]; }
  // The keys that were seen, in the order of their first sighting.
  std::span<const std::uint32_t> keys() const noexcept { return keys_; }
  // Every key with every word it was seen in, in the order of the words.
  std::span<const Sighting> sightings() const noexcept { return sightings_; }

  void clear();

 private:
  std::vector<Entry> entries_;  // by key
  std::vector<std::uint32_t> keys_;
  std::vector<Sighting> sightings_;
};

// The words of each of a number of pairs.
class PairPlaces {
 public:
  // A pair and the key under which its words were collected.
  struct KeyedPair {
    Pair pair;
    std::uint32_t key;
  };

  // Every pair and every key comes once. What the tally holds under other keys is left out.
  PairPlaces(std::vector<KeyedPair> pairs, const PlaceTally& tally);

  // Empty for a pair that is not among them.
  std::span<const std::uint32_t> words_of(Pair pair) const;

 private:
  std::vector<Pair> pairs_;           // ascending
  std::vector<std::size_t> begins_;   // of the words of each pair, and the end of the last
  std::vector<std::uint32_t> words_;  // pair after pair
};

}  // namespace fast_tokenizer
