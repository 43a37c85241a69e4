// Text as bytes: UTF-8 both ways, and the split into words that the scheme "bytes" has from GPT-2.
//
// Code points are std::int32_t, as coefficients become them; a byte of UTF-8 is one Unit.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"

namespace fast_tokenizer {

// Whether UTF-8 has a form for it: 0 to 0x10FFFF without the surrogates.
constexpr bool is_scalar_value(std::int32_t code_point) noexcept {
  return 0 <= code_point && code_point <= 0x10FFFF && (code_point < 0xD800 || 0xDFFF < code_point);
}

// Appends the one to four bytes of a scalar value, or of each one of a text.
void append_utf8(std::int32_t code_point, Units& bytes);
void append_utf8(std::span<const std::int32_t> text, Units& bytes);

// Reads UTF-8 byte by byte and accepts what Python's strict codec does: no overlong form, no surrogate,
// nothing above U+10FFFF, no stray and no missing byte.
class Utf8Decoder {
 public:
  enum class Step : std::uint8_t { pending, complete, invalid };

  // After `complete`, code_point() is the character that the byte ended. After `invalid`, the byte and those
  // pending before it are forgotten, and the next byte begins a character.
  constexpr Step push(std::uint8_t byte) noexcept;

  // Whether a character is unfinished: at the end of a text, this is an error.
  constexpr bool pending() const noexcept { return missing_ > 0; }

  // Meaningful only after push() returned `complete`.
  constexpr std::int32_t code_point() const noexcept { return code_point_; }

  // The lowest and the highest character that an unfinished one can become.
  constexpr std::int32_t lowest_possible() const noexcept { return filled(lowest_, 0); }
  constexpr std::int32_t highest_possible() const noexcept { return filled(highest_, 0x3F); }

  // What may come next, as a number below kStates: 0 between characters, more the more bytes are missing, and
  // different ones where the next byte has different bounds.
  static constexpr std::size_t kStates = 8;
  constexpr std::size_t state() const noexcept;

  // A decoder in that state, after some character's first bytes.
  static constexpr Utf8Decoder in_state(std::size_t state) noexcept;

 private:
  constexpr Step begin(std::uint8_t lead) noexcept;

  // The character if `next` comes next, and then these bits in every byte.
  constexpr std::int32_t filled(std::uint8_t next, std::int32_t rest) const noexcept {
    std::int32_t result = code_point_ << 6 | (next & 0x3F);
    for (int byte = 1; byte < missing_; ++byte) result = result << 6 | rest;
    return result;
  }

  std::int32_t code_point_ = 0;
  std::uint8_t missing_ = 0;  // bytes
  std::uint8_t lowest_ = 0;   // bounds of the next byte, where one is missing
  std::uint8_t highest_ = 0;
};

// The classes of characters that the split tells apart.
enum class CharClass : std::uint8_t { other, letter, number, space };

// The class in the eyes of the `tokenizers` library (not of Python). What is no scalar value is `other`.
CharClass char_class(std::int32_t code_point) noexcept;

// A run of letters, two bytes each in UTF-8. Most texts of coefficients hold nothing else, and so are one
// word.
inline constexpr std::uint32_t kFirstWordLetter = 0xF8;
inline constexpr std::uint32_t kLastWordLetter = 0x2C1;

// Appends to `ends` where each word of the text ends, in order, the last one at text.size(). The words are
// those of the ByteLevel pre-tokenizer of the `tokenizers` library (use_regex=True, add_prefix_space=False),
// in linear time. Any numbers are safe; those that are no scalar values count as CharClass::other.
void gpt2_split(std::span<const std::int32_t> text, std::vector<std::size_t>& ends);

constexpr Utf8Decoder::Step Utf8Decoder::push(std::uint8_t byte) noexcept {
  if (missing_ == 0) return begin(byte);
  if (byte < lowest_ || highest_ < byte) {
    missing_ = 0;
    return Step::invalid;
  }
  code_point_ = code_point_ << 6 | (byte & 0x3F);
  lowest_ = 0x80;
  highest_ = 0xBF;
  return --missing_ == 0 ? Step::complete : Step::pending;
}

constexpr std::size_t Utf8Decoder::state() const noexcept {
  const bool from_bound = lowest_ != 0x80;
  const bool to_bound = highest_ != 0xBF;
  switch (missing_) {
    case 0:
      return 0;
    case 1:
      return 1;
    case 2:
      return from_bound ? 3 : to_bound ? 4 : 2;
    default:
      return from_bound ? 6 : to_bound ? 7 : 5;
  }
}

constexpr Utf8Decoder Utf8Decoder::in_state(std::size_t state) noexcept {
  constexpr std::uint8_t kLeads[kStates] = {'a', 0xC2, 0xE1, 0xE0, 0xED, 0xF1, 0xF0, 0xF4};
  Utf8Decoder decoder;
  decoder.push(kLeads[state]);
  return decoder;
}

constexpr Utf8Decoder::Step Utf8Decoder::begin(std::uint8_t lead) noexcept {
  if (lead < 0x80) {
    code_point_ = lead;
    return Step::complete;
  }
  // 0x80 to 0xBF continue a character, 0xC0 and 0xC1 begin overlong forms, 0xF5 and more would pass U+10FFFF.
  if (lead < 0xC2 || 0xF4 < lead) return Step::invalid;
  const int length = std::countl_one(lead);
  code_point_ = lead & (0x7F >> length);
  missing_ = static_cast<std::uint8_t>(length - 1);
  // Overlong forms, surrogates and values above U+10FFFF all betray themselves in the second byte.
  lowest_ = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  highest_ = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  return Step::pending;
}

}  // namespace fast_tokenizer
