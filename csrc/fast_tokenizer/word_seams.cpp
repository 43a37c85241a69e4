#include "fast_tokenizer/word_seams.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "fast_tokenizer/byte_level.hpp"

namespace fast_tokenizer {
namespace {

bool is_space(CharKind kind) { return kind == CharKind::blank || kind == CharKind::other_space; }
bool is_sign(CharKind kind) { return kind == CharKind::apostrophe || kind == CharKind::other; }

}  // namespace

CharKind char_kind(std::int32_t code_point) noexcept {
  if (code_point == ' ') return CharKind::blank;
  if (code_point == '\'') return CharKind::apostrophe;
  switch (char_class(code_point)) {
    case CharClass::letter:
      return CharKind::letter;
    case CharClass::number:
      return CharKind::number;
    case CharClass::space:
      return CharKind::other_space;
    case CharClass::other:
      return CharKind::other;
  }
  return CharKind::other;
}

bool may_share_word(CharKind before, CharKind after) noexcept {
  if (before == CharKind::unknown || after == CharKind::unknown) return true;
  if (is_space(after)) return is_space(before);
  switch (before) {
    case CharKind::blank:
      return true;  // belongs to the word after it
    case CharKind::apostrophe:
      return is_sign(after) || after == CharKind::letter;
    case CharKind::other:
      return is_sign(after);
    default:
      return before == after;
  }
}

bool may_part_words(CharKind before, CharKind after) noexcept {
  if (before == CharKind::unknown || after == CharKind::unknown) return true;
  // White space keeps off its last character if a word follows.
  if (is_space(after)) return true;
  if (before == CharKind::blank) return false;
  if (is_sign(before)) return !is_sign(after);
  return before != after || before == CharKind::other_space;
}

bool ends_contraction(const Units& bytes) noexcept {
  using namespace std::string_view_literals;
  constexpr std::array kContractions = {u"'s"sv, u"'t"sv, u"'m"sv, u"'d"sv, u"'re"sv, u"'ve"sv, u"'ll"sv};
  return !bytes.empty() && std::any_of(kContractions.begin(), kContractions.end(),
                                       [&](auto word) { return word.ends_with(bytes); });
}

}  // namespace fast_tokenizer
