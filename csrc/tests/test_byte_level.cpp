#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fast_tokenizer/byte_level.hpp"
#include "fast_tokenizer/kernels.hpp"

namespace fast_tokenizer {
namespace {

struct CodePointRange {
  std::int32_t first;
  std::int32_t last;
};

#include "fast_tokenizer/unicode_classes.inc"

using Text = std::vector<std::int32_t>;

Text text_of(std::u32string_view characters) { return {characters.begin(), characters.end()}; }

std::vector<std::u32string> words_of(const std::u32string& characters) {
  std::vector<std::size_t> ends;
  gpt2_split(text_of(characters), ends);
  std::vector<std::u32string> words;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    words.push_back(characters.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

constexpr std::optional<std::int32_t> only_character(std::string_view bytes) {
  Utf8Decoder decoder;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto step = decoder.push(static_cast<std::uint8_t>(bytes[i]));
    const auto expected = i + 1 < bytes.size() ? Utf8Decoder::Step::pending : Utf8Decoder::Step::complete;
    if (step != expected || decoder.pending() != (step == Utf8Decoder::Step::pending)) return std::nullopt;
  }
  return decoder.code_point();
}

static_assert(only_character("\xC2\x80") == 0x80);
static_assert([] {
  Utf8Decoder decoder;
  decoder.push(0xF0);
  const bool four = decoder.lowest_possible() == 0x10000 && decoder.highest_possible() == 0x3FFFF;
  decoder.push(0x9F);
  return four && decoder.lowest_possible() == 0x1F000 && decoder.highest_possible() == 0x1FFFF;
}());
static_assert([] {
  for (std::size_t state = 0; state < Utf8Decoder::kStates; ++state) {
    if (Utf8Decoder::in_state(state).state() != state) return false;
  }
  return true;
}());
static_assert(only_character("\xF4\x8F\xBF\xBF") == 0x10FFFF);
static_assert(!only_character("\xC1\xBF") && !only_character("\xE0\x9F\xBF") &&
              !only_character("\xF0\x8F\xBF\xBF"));
static_assert(!only_character("\xED\xA0\x80") && !only_character("\xF4\x90\x80\x80") &&
              !only_character("\x80"));

}  // namespace

TEST_CASE("every scalar value survives UTF-8, in as many bytes as it needs") {
  Units bytes;
  int failures = 0;
  for (std::int32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    if (!is_scalar_value(code_point)) continue;
    bytes.clear();
    append_utf8(code_point, bytes);
    const std::size_t length = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    failures +=
        bytes.size() != length || only_character({std::string(bytes.begin(), bytes.end())}) != code_point;
  }
  CHECK(failures == 0);
}

TEST_CASE("the decoder accepts exactly the shortest form of each scalar value") {
  // All pairs of bytes, each followed twice by every kind of third byte: what is accepted has to encode back
  // to itself.
  int accepted = 0;
  int failures = 0;
  for (std::uint32_t lead = 0; lead < 0x100; ++lead) {
    for (std::uint32_t second = 0; second < 0x100; ++second) {
      for (const std::uint32_t third : {0x00U, 0x7FU, 0x80U, 0xBFU, 0xC0U, 0xFFU}) {
        Utf8Decoder decoder;
        Units read;
        auto step = Utf8Decoder::Step::pending;
        for (const std::uint32_t byte : {lead, second, third, third}) {
          read.push_back(static_cast<Unit>(byte));
          step = decoder.push(static_cast<std::uint8_t>(byte));
          if (step != Utf8Decoder::Step::pending) break;
        }
        failures += step == Utf8Decoder::Step::pending || decoder.pending();
        if (step != Utf8Decoder::Step::complete) continue;
        ++accepted;
        Units expected;
        append_utf8(decoder.code_point(), expected);
        failures += !is_scalar_value(decoder.code_point()) || expected != read;
      }
    }
  }
  CHECK(failures == 0);
  // 128 ASCII leads and 30 of two bytes with 64 seconds; then as the table of well-formed UTF-8 in the
  // Unicode standard has it, with the two continuation bytes among the thirds.
  CHECK(accepted == 6 * (128 * 256 + 30 * 64) + 2 * (32 + 14 * 64 + 32) + 2 * (48 + 3 * 64 + 16));
}

TEST_CASE("after an invalid byte the decoder begins anew") {
  Utf8Decoder decoder;
  CHECK(decoder.push(0xE2) == Utf8Decoder::Step::pending);
  CHECK(decoder.push('a') == Utf8Decoder::Step::invalid);
  CHECK_FALSE(decoder.pending());
  CHECK(decoder.push('a') == Utf8Decoder::Step::complete);
  CHECK(decoder.code_point() == 'a');
}

TEST_CASE("the class table holds the generated ranges") {
  std::vector<CharClass> expected(0x110000, CharClass::other);
  const auto fill = [&](std::span<const CodePointRange> ranges, CharClass char_class) {
    for (const auto [first, last] : ranges)
      std::fill(expected.begin() + first, expected.begin() + last + 1, char_class);
  };
  fill(kLetters, CharClass::letter);
  fill(kNumbers, CharClass::number);
  fill(kSpaces, CharClass::space);
  int failures = 0;
  for (std::int32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    failures += char_class(code_point) != expected[static_cast<std::size_t>(code_point)];
  }
  CHECK(failures == 0);
  for (const std::int32_t none : {-1, INT32_MIN, 0xD800, 0x110000, INT32_MAX}) {
    CHECK(char_class(none) == CharClass::other);
  }
}

TEST_CASE("words of the GPT-2 split") {
  using Words = std::vector<std::u32string>;
  CHECK(words_of(U"") == Words{});
  CHECK(words_of(U"a") == Words{U"a"});
  CHECK(words_of(U" ") == Words{U" "});
  CHECK(words_of(U"\u0119\u02C1 12ab!?") == Words{U"\u0119\u02C1", U" 12", U"ab", U"!?"});
  CHECK(words_of(U"it's we'll they'rex 'd") ==
        Words{U"it", U"'s", U" we", U"'ll", U" they", U"'re", U"x", U" '", U"d"});
  CHECK(words_of(U"'") == Words{U"'"});
  CHECK(words_of(U"'r") == Words{U"'", U"r"});
  CHECK(words_of(U"!'s") == Words{U"!'", U"s"});
  CHECK(words_of(U"'S") == Words{U"'", U"S"});
  CHECK(words_of(U"a   b") == Words{U"a", U"  ", U" b"});
  CHECK(words_of(U"a \n") == Words{U"a", U" \n"});
  CHECK(words_of(U"a \nb") == Words{U"a", U" ", U"\n", U"b"});
  CHECK(words_of(U"\u00A0a") == Words{U"\u00A0", U"a"});
  CHECK(words_of(U"\u00B2\u2160\u4E8C\u001C") == Words{U"\u00B2\u2160", U"\u4E8C", U"\u001C"});
}

TEST_CASE("words cover any numbers, in order") {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    Text text(random() % 40);
    for (std::int32_t& code_point : text) {
      code_point = static_cast<std::int32_t>(round % 2 == 0 ? random() : U" 's\nll\u00E9"[random() % 7]);
    }
    std::vector<std::size_t> ends;
    gpt2_split(text, ends);
    std::size_t before = 0;
    for (const std::size_t end : ends) {
      REQUIRE(end > before);
      before = end;
    }
    REQUIRE(before == text.size());
  }
}

TEST_CASE("the split appends, and takes linear time") {
  const Text text(1'000'000, ' ');
  std::vector<std::size_t> ends{3};
  gpt2_split(text, ends);
  CHECK(ends == std::vector<std::size_t>{3, text.size()});
}

TEST_CASE("a text of letters from U+00F8 to U+02C1 is one word, which a kernel writes at once") {
  Text letters(0x2C2 - 0xF8);
  std::iota(letters.begin(), letters.end(), 0xF8);
  std::vector<std::size_t> ends;
  gpt2_split(letters, ends);
  CHECK(ends == std::vector<std::size_t>{letters.size()});
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{7}, letters.size()}) {
    Units expected;
    append_utf8(std::span(letters).first(length), expected);
    expected.push_back(0xABCD);
    Units bytes(2 * length + 1, 0xABCD);
    CHECK(kernels().narrow_utf8(letters.data(), length, 0, bytes.data()));
    CHECK(bytes == expected);
  }
  for (const std::int32_t stranger : {0, 0x61, 0xF7, 0x2C2, 0x7FFFFFFF, -1, INT32_MIN, INT32_MIN + 0xF7}) {
    for (const std::size_t place : {std::size_t{0}, std::size_t{100}, letters.size() - 1}) {
      Text mixed = letters;
      mixed[place] = stranger;
      Units bytes(2 * mixed.size(), 0);
      CHECK_FALSE(kernels().narrow_utf8(mixed.data(), mixed.size(), 0, bytes.data()));
    }
  }
}

}  // namespace fast_tokenizer
