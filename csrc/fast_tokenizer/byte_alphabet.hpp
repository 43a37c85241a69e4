// The characters that stand for bytes in the tokens of a byte-level vocabulary.
#pragma once

#include <cstdint>
#include <optional>

namespace fast_tokenizer {

// GPT-2 writes the bytes that Latin-1 can print as themselves, and the other 68, in order, as U+0100 and on.
constexpr bool is_printable_byte(std::int32_t byte) {
  return (0x21 <= byte && byte <= 0x7E) || (0xA1 <= byte && byte <= 0xAC) || (0xAE <= byte && byte <= 0xFF);
}

constexpr char32_t char_of_byte(std::uint8_t byte) {
  if (is_printable_byte(byte)) return byte;
  char32_t character = 0x100;
  for (std::int32_t other = 0; other < byte; ++other) character += is_printable_byte(other) ? 0U : 1U;
  return character;
}

// Nothing for a character that stands for no byte.
constexpr std::optional<std::uint8_t> byte_of_char(char32_t character) {
  if (character < 0x100) {
    if (!is_printable_byte(static_cast<std::int32_t>(character))) return std::nullopt;
    return static_cast<std::uint8_t>(character);
  }
  if (character > char_of_byte(0xAD)) return std::nullopt;
  for (std::int32_t byte = 0; byte < 0x100; ++byte) {
    if (char_of_byte(static_cast<std::uint8_t>(byte)) == character) return static_cast<std::uint8_t>(byte);
  }
  return std::nullopt;
}

}  // namespace fast_tokenizer
