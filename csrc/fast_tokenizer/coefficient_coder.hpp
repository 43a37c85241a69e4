// Rounded DCT coefficients to token ids and back: the two schemes of the FAST codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fast_tokenizer/bpe_model.hpp"
#include "fast_tokenizer/bpe_types.hpp"

namespace fast_tokenizer {

// How coefficients become the letters that BPE merges. A coefficient minus `min_coefficient` is its symbol.
//   bytes:   the published format: chr(symbol) in UTF-8, split into words as GPT-2 does, a letter a byte.
//   symbols: a letter a symbol; no token holds a part of a coefficient.
enum class Scheme : std::uint8_t { bytes, symbols };

enum class DecodeStatus : std::int8_t {
  ok,
  too_short,              // fewer coefficients than the shape needs
  too_long,               // more of them
  not_a_coefficient,      // bytes that are not UTF-8
  id_outside_vocabulary,  // an id below zero, or past the special ones
  special_token_inside,   // pad, end or mask between action ids
};

// Ids of several sequences, one after the other.
struct IdSequences {
  std::span<const TokenId> ids;
  std::span<const std::int64_t> offsets;  // ascending, within ids

  std::size_t size() const { return offsets.size() - 1; }
  std::span<const TokenId> operator[](std::size_t index) const {
    return ids.subspan(static_cast<std::size_t>(offsets[index]),
                       static_cast<std::size_t>(offsets[index + 1] - offsets[index]));
  }
  IdSequences range(std::size_t begin, std::size_t end) const {
    return {ids, offsets.subspan(begin, end - begin + 1)};
  }
};

struct EncodedBatch {
  std::vector<TokenId> ids;           // of all chunks, one after the other
  std::vector<std::int64_t> offsets;  // chunk b has the ids [offsets[b], offsets[b + 1])
  std::vector<std::uint8_t> clipped;  // 1 where a chunk held a coefficient outside the alphabet

  IdSequences sequences() const { return {ids, offsets}; }
};

// How the decoding of a sequence ended.
struct DecodeOutcome {
  DecodeStatus status;
  std::int64_t position;  // of the id where decoding stopped, counted from the sequence's start; -1 if ok
  std::int64_t decoded;   // how many coefficients are the sequence's own
};

// Immutable after construction; safe to share between threads.
class CoefficientCoder {
 public:
  // tokens[id] is the text of a token as `tokenizer.json` writes it. Throws FormatError where the vocabulary
  // or the merges contradict themselves, or a symbol lies outside what the scheme can hold.
  CoefficientCoder(Scheme scheme, std::int32_t min_coefficient, const std::vector<std::u32string>& tokens,
                   const std::vector<Merge>& merges);

  // Ids of the vocabulary; pad, end and mask are the three after it.
  std::size_t size() const noexcept { return bpe_.size(); }

  // The coefficients that encoding can hold without clipping. (Scheme bytes leaves out the 2048 symbols that
  // are UTF-16 surrogates.)
  std::int32_t min_coefficient() const noexcept { return min_coefficient_; }
  std::int32_t max_coefficient() const noexcept { return min_coefficient_ + max_symbol_; }

  Scheme scheme() const noexcept { return scheme_; }
  const BpeModel& bpe() const noexcept { return bpe_; }

  // The text that an id decodes to: the bytes of scheme bytes, or symbols.
  Units text_of(TokenId id) const;

  // Chunks of this length that are worth a thread of their own.
  static std::size_t encoding_grain(std::size_t length);

  // `coefficients` holds `count` chunks of `length` each. Values outside the alphabet are clipped to it and
  // reported. Throws EncodeError where the vocabulary has no token for a letter of the text; it calls the
  // first chunk number `first`. On the calling thread alone.
  EncodedBatch encode(const std::int32_t* coefficients, std::size_t count, std::size_t length,
                      std::size_t first = 0) const;

  // Decodes a sequence up to its first error; coefficients that it does not tell are zero. Padding and end
  // tokens around it are passed over.
  DecodeOutcome decode(std::span<const TokenId> ids, std::span<std::int32_t> coefficients) const;

 private:
  struct Scratch;

  // Each appends the ids of chunk number `chunk` and returns whether a coefficient was clipped.
  bool encode_symbols(std::size_t chunk, std::span<const std::int32_t> coefficients, Scratch& scratch,
                      std::vector<TokenId>& ids) const;
  bool encode_bytes(std::size_t chunk, std::span<const std::int32_t> coefficients, Scratch& scratch,
                    std::vector<TokenId>& ids) const;
  void encode_word(std::size_t chunk, std::u16string_view word, std::vector<TokenId>& ids) const;
  DecodeOutcome decode_prefix(std::span<const TokenId> ids, std::span<std::int32_t> coefficients) const;

  void add_expansion(const Units& text);

  Scheme scheme_;
  std::int32_t min_coefficient_;
  std::int32_t max_symbol_;
  BpeModel bpe_;

  // What each token decodes to. Whole characters are kept as coefficients; the few tokens of scheme bytes
  // that begin or end inside a character are kept as bytes.
  struct Expansion {
    std::uint32_t begin;  // in expanded_
    std::uint32_t size;
    bool whole;
  };
  std::vector<Expansion> expansions_;
  std::vector<std::int32_t> expanded_;  // and kCopyStep zeros
};

}  // namespace fast_tokenizer
