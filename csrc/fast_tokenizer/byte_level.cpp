#include "fast_tokenizer/byte_level.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

namespace fast_tokenizer {
namespace {

struct CodePointRange {
  std::int32_t first;
  std::int32_t last;
};

#include "fast_tokenizer/unicode_classes.inc"

// A code point's class is in its block of 128. Blocks of one class only, which are most, share one of the
// first four; the others have their own.
constexpr std::size_t kBlockSize = 128;
constexpr std::size_t kUniformBlocks = 4;

constexpr std::size_t block_of(std::int32_t code_point) {
  return static_cast<std::uint32_t>(code_point) / kBlockSize;
}

constexpr std::size_t place_in_block(std::int32_t code_point) {
  return static_cast<std::uint32_t>(code_point) % kBlockSize;
}

// Beyond the last range everything is `other`, and no block is kept.
constexpr std::size_t kBlocks =
    1 + std::max({block_of(std::rbegin(kLetters)->last), block_of(std::rbegin(kNumbers)->last),
                  block_of(std::rbegin(kSpaces)->last)});

// Calls visit(range, class) for every range of the generated file.
template <typename Visit>
constexpr void for_each_range(Visit visit) {
  for (const CodePointRange range : kLetters) visit(range, CharClass::letter);
  for (const CodePointRange range : kNumbers) visit(range, CharClass::number);
  for (const CodePointRange range : kSpaces) visit(range, CharClass::space);
}

// The blocks in which a class begins or ends.
constexpr std::array<bool, kBlocks> mixed_blocks() {
  std::array<bool, kBlocks> mixed{};
  for_each_range([&](CodePointRange range, CharClass) {
    if (place_in_block(range.first) != 0) mixed[block_of(range.first)] = true;
    if (place_in_block(range.last) != kBlockSize - 1) mixed[block_of(range.last)] = true;
  });
  return mixed;
}

constexpr std::size_t kMixedBlocks = [] {
  const auto mixed = mixed_blocks();
  return static_cast<std::size_t>(std::count(mixed.begin(), mixed.end(), true));
}();

struct ClassTable {
  std::array<std::uint16_t, kBlocks> blocks{};  // which of the blocks of `classes`
  std::array<CharClass, (kUniformBlocks + kMixedBlocks) * kBlockSize> classes{};

  constexpr CharClass operator[](std::int32_t code_point) const {
    const std::size_t block = block_of(code_point);
    if (block >= kBlocks) return CharClass::other;
    return classes[blocks[block] * kBlockSize + place_in_block(code_point)];
  }
};

constexpr ClassTable make_class_table() {
  ClassTable table;
  for (std::size_t i = 0; i < kUniformBlocks * kBlockSize; ++i) {
    table.classes[i] = static_cast<CharClass>(i / kBlockSize);
  }
  const auto mixed = mixed_blocks();
  std::size_t own_block = kUniformBlocks;
  for (std::size_t block = 0; block < kBlocks; ++block) {
    if (mixed[block]) table.blocks[block] = static_cast<std::uint16_t>(own_block++);
  }
  for_each_range([&](CodePointRange range, CharClass char_class) {
    for (std::int32_t code_point = range.first; code_point <= range.last;) {
      const std::size_t block = block_of(code_point);
      if (mixed[block]) {
        table.classes[table.blocks[block] * kBlockSize + place_in_block(code_point)] = char_class;
        ++code_point;
      } else {
        table.blocks[block] = static_cast<std::uint16_t>(char_class);
        code_point += static_cast<std::int32_t>(kBlockSize);
      }
    }
  });
  return table;
}

constexpr ClassTable kClassTable = make_class_table();

static_assert(std::any_of(std::begin(kLetters), std::end(kLetters), [](CodePointRange range) {
  return range.first <= static_cast<std::int32_t>(kFirstWordLetter) &&
         static_cast<std::int32_t>(kLastWordLetter) <= range.last;
}));

// The length of 's, 't, 'm, 'd, 're, 've or 'll at the start of a text, or 0.
std::size_t contraction_length(std::span<const std::int32_t> text) {
  if (text.size() < 2 || text[0] != '\'') return 0;
  const std::int32_t first = text[1];
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if (text.size() < 3) return 0;
  const std::int32_t second = text[2];
  const bool two_letters =
      (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
  return two_letters ? 3 : 0;
}

// Where the run of characters of the class of text[begin] ends.
std::size_t run_end(std::span<const std::int32_t> text, std::size_t begin) {
  const CharClass run_class = kClassTable[text[begin]];
  std::size_t end = begin + 1;
  while (end < text.size() && kClassTable[text[end]] == run_class) ++end;
  return end;
}

// The end of the word that starts at `begin`, by the alternatives of the regular expression, in their order:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::size_t word_end(std::span<const std::int32_t> text, std::size_t begin) {
  if (const std::size_t length = contraction_length(text.subspan(begin)); length > 0) return begin + length;

  // One blank (U+0020 only) belongs to the word after it.
  const std::size_t core = begin + (text[begin] == ' ' && begin + 1 < text.size() ? 1 : 0);
  if (kClassTable[text[core]] != CharClass::space) return run_end(text, core);

  // White space keeps off its last character if a word follows, unless that is all there is.
  const std::size_t end = run_end(text, begin);
  return end < text.size() && end - begin > 1 ? end - 1 : end;
}

constexpr std::size_t kMostBytes = 4;  // of one character in UTF-8

// Writes the bytes of a scalar value and returns their end.
Unit* write_utf8(std::int32_t code_point, Unit* out) {
  const auto continuation = [&](int shift) { return static_cast<Unit>(0x80 | (code_point >> shift & 0x3F)); };
  if (code_point < 0x80) {
    *out++ = static_cast<Unit>(code_point);
  } else if (code_point < 0x800) {
    *out++ = static_cast<Unit>(0xC0 | code_point >> 6);
    *out++ = continuation(0);
  } else if (code_point < 0x10000) {
    *out++ = static_cast<Unit>(0xE0 | code_point >> 12);
    *out++ = continuation(6);
    *out++ = continuation(0);
  } else {
    *out++ = static_cast<Unit>(0xF0 | code_point >> 18);
    *out++ = continuation(12);
    *out++ = continuation(6);
    *out++ = continuation(0);
  }
  return out;
}

}  // namespace

void append_utf8(std::int32_t code_point, Units& bytes) {
  std::array<Unit, kMostBytes> character;
  const Unit* end = write_utf8(code_point, character.data());
  bytes.append(character.data(), static_cast<std::size_t>(end - character.data()));
}

void append_utf8(std::span<const std::int32_t> text, Units& bytes) {
  const std::size_t before = bytes.size();
  bytes.resize(before + kMostBytes * text.size());
  Unit* end = bytes.data() + before;
  for (const std::int32_t code_point : text) end = write_utf8(code_point, end);
  bytes.resize(static_cast<std::size_t>(end - bytes.data()));
}

CharClass char_class(std::int32_t code_point) noexcept { return kClassTable[code_point]; }

void gpt2_split(std::span<const std::int32_t> text, std::vector<std::size_t>& ends) {
  for (std::size_t begin = 0; begin < text.size();) {
    begin = word_end(text, begin);
    ends.push_back(begin);
  }
}

}  // namespace fast_tokenizer
