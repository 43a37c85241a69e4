// Where the words of the GPT-2 split may end, told from the characters on the two sides alone.
#pragma once

#include <cstdint>

#include "fast_tokenizer/bpe_types.hpp"

namespace fast_tokenizer {

// What the split tells characters apart by.
enum class CharKind : std::uint8_t { blank, other_space, letter, number, apostrophe, other, unknown };

CharKind char_kind(std::int32_t code_point) noexcept;

// Whether some text has the two characters in one word, or in two. The split looks further than one character
// in a few cases (white space before a word, contractions such as 's): then both are said to be possible.
bool may_share_word(CharKind before, CharKind after) noexcept;
bool may_part_words(CharKind before, CharKind after) noexcept;

// Whether these bytes are the end of one of the words 's, 't, 'm, 'd, 're, 've, 'll: only after these does a
// letter begin a word right behind a letter.
bool ends_contraction(const Units& bytes) noexcept;

}  // namespace fast_tokenizer
