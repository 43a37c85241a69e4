// Random numbers that depend on nothing but their key, so that a row of a batch gets the same ones in any
// batch.
#pragma once

#include <cstdint>
#include <span>

namespace fast_tokenizer {

// The output function of SplitMix64 (Steele, Lea and Flood 2014), with the constants of its author Vigna: a
// bijection in which each bit of the input changes about half of the bits.
std::uint64_t split_mix(std::uint64_t word);

// Uniform numbers in [0, 1), multiples of 2^-53, one for each position. The key is absorbed word by word,
// state = split_mix((state ^ word) + golden), in the order seed, purpose, round, position.
void fill_uniforms(std::uint64_t seed, std::uint64_t purpose, std::uint64_t round, std::span<double> numbers);

}  // namespace fast_tokenizer
