#include "fast_tokenizer/token_grammar.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "fast_tokenizer/byte_level.hpp"
#include "fast_tokenizer/parallel.hpp"
#include "fast_tokenizer/word_seams.hpp"

namespace fast_tokenizer {
namespace {

// Besides the states of Utf8Decoder: one byte is missing of a character that will be a letter whatever it is.
// Most coefficients of FAST+ are such letters, and its vocabulary has tokens that end inside of them.
constexpr std::size_t kLetterState = Utf8Decoder::kStates;
constexpr std::size_t kByteStates = kLetterState + 1;
constexpr std::size_t kOneMissing = 1;  // of Utf8Decoder

bool continues_character(Unit byte) { return 0x80 <= byte && byte < 0xC0; }

// Whether all characters of two bytes that begin with this one are letters.
bool leads_letter(Unit byte) {
  if (byte < 0xC2 || 0xDF < byte) return false;
  for (std::int32_t last = 0; last < 0x40; ++last) {
    if (char_class((byte & 0x1F) << 6 | last) != CharClass::letter) return false;
  }
  return true;
}

std::size_t coefficients_in(const Units& text, Utf8Decoder& utf8, bool& valid) {
  std::size_t count = 0;
  for (const Unit byte : text) {
    const auto step = utf8.push(static_cast<std::uint8_t>(byte));
    valid &= step != Utf8Decoder::Step::invalid;
    count += step == Utf8Decoder::Step::complete ? 1U : 0U;
  }
  return count;
}

}  // namespace

// A token's two ends, as its neighbours see them. Without a split into words, only BPE matters.
struct TokenGrammar::Seams {
  struct Ends {
    bool allowed = false;
    bool inside_character = false;  // at its beginning
    bool contraction = false;       // at its end
    CharKind first = CharKind::unknown;
    CharKind last = CharKind::unknown;
  };

  Seams(const CoefficientCoder& coder, bool canonical) : bpe(coder.bpe()), ends(coder.size()) {
    for (std::size_t i = 0; i < ends.size(); ++i) {
      const auto id = static_cast<TokenId>(i);
      ends[i].allowed = canonical ? bpe.produces(id) : bpe.has_text(id);
      if (coder.scheme() == Scheme::symbols) {
        ends[i].inside_character = true;  // as if: there are no words
        continue;
      }
      read_ends(coder.text_of(id), canonical, ends[i]);
      if (coder.text_of(id).size() == 1 && ends[i].inside_character) single_continuations.push_back(i);
    }
  }

  static void read_ends(const Units& text, bool canonical, Ends& out) {
    out.inside_character = continues_character(text.front());
    out.contraction = ends_contraction(text);
    Utf8Decoder utf8;
    CharKind before = CharKind::unknown;
    std::size_t begin = 0;
    while (begin < text.size() && continues_character(text[begin])) ++begin;
    if (begin < text.size() && leads_letter(text[begin])) out.first = CharKind::letter;
    for (std::size_t i = begin; i < text.size(); ++i) {
      if (utf8.push(static_cast<std::uint8_t>(text[i])) != Utf8Decoder::Step::complete) continue;
      const CharKind kind = char_kind(utf8.code_point());
      if (before == CharKind::unknown) out.first = kind;
      // Encoding writes no token across the end of a word.
      if (canonical) out.allowed &= may_share_word(before, kind);
      before = kind;
    }
    out.last = before;
  }

  // Whether encoding may leave `right` beside `left`, of which the last character is of kind `last`.
  bool may_follow(std::size_t left, CharKind last, std::size_t right) const {
    const Ends& a = ends[left];
    const Ends& b = ends[right];
    if (!a.allowed || !b.allowed) return false;
    bool one_word = true;
    if (!b.inside_character) {
      if (may_part_words(last, b.first)) return true;
      if (a.contraction && last == CharKind::letter && b.first == CharKind::letter) return true;
      one_word = may_share_word(last, b.first);
    }
    return one_word && bpe.leaves_apart(static_cast<TokenId>(left), static_cast<TokenId>(right));
  }

  const BpeModel& bpe;
  std::vector<Ends> ends;
  std::vector<std::size_t> single_continuations;  // tokens of one byte that continues a character
};

TokenGrammar::TokenGrammar(std::size_t size) : size_(size), steps_(size, Step{1, 0, 0}), order_{0} {
  successors_.assign(words(), 0);
  for (std::size_t id = 0; id < size; ++id) insert(successors_, id);
}

TokenGrammar::TokenGrammar(const CoefficientCoder& coder, bool canonical, int num_threads)
    : size_(coder.size()) {
  read_steps(coder);
  const Seams seams(coder, canonical);
  successors_.assign(words(), 0);
  for (std::size_t id = 0; id < size_; ++id) {
    if (seams.ends[id].allowed) insert(successors_, id);
  }
  if (canonical) read_successors(coder, seams, num_threads);
}

void TokenGrammar::read_steps(const CoefficientCoder& coder) {
  if (coder.scheme() == Scheme::symbols) {
    order_ = {0};
    for (std::size_t id = 0; id < size_; ++id)
      steps_.push_back({static_cast<std::int32_t>(coder.text_of(static_cast<TokenId>(id)).size()), 0, 0});
    return;
  }
  order_ = {kOneMissing, kLetterState, 2, 3, 4, 5, 6, 7, 0};
  steps_.resize(kByteStates * size_);
  for (std::size_t state = 0; state < kByteStates; ++state) {
    for (std::size_t id = 0; id < size_; ++id) {
      const Units text = coder.text_of(static_cast<TokenId>(id));
      Utf8Decoder utf8 = Utf8Decoder::in_state(state == kLetterState ? kOneMissing : state);
      bool valid = true;
      const std::size_t count = coefficients_in(text, utf8, valid);
      if (!valid) continue;
      std::size_t next = utf8.state();
      if (next == kOneMissing && leads_letter(text.back())) next = kLetterState;
      steps_[state * size_ + id] = {static_cast<std::int32_t>(count), static_cast<std::int16_t>(next), 0};
    }
  }
}

// History 1 + id is the token; after all of them come single continuation bytes that ended a letter.
void TokenGrammar::read_successors(const CoefficientCoder& coder, const Seams& seams, int num_threads) {
  for (std::size_t i = 0; i < steps_.size(); ++i)
    steps_[i].history = static_cast<std::int32_t>(1 + i % size_);
  if (coder.scheme() == Scheme::bytes) {
    for (std::size_t i = 0; i < seams.single_continuations.size(); ++i)
      steps_[kLetterState * size_ + seams.single_continuations[i]].history =
          static_cast<std::int32_t>(1 + size_ + i);
  }
  const std::size_t histories = 1 + size_ + seams.single_continuations.size();
  successors_.resize(histories * words());
  constexpr std::size_t kHistoriesWorthAThread = 64;
  parallel_for(histories - 1, kHistoriesWorthAThread, num_threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const bool after_letter = i >= size_;
      const std::size_t left = after_letter ? seams.single_continuations[i - size_] : i;
      const CharKind last = after_letter ? CharKind::letter : seams.ends[left].last;
      const auto row = std::span(successors_).subspan((1 + i) * words(), words());
      for (std::size_t right = 0; right < size_; ++right) {
        if (seams.may_follow(left, last, right)) insert(row, right);
      }
    }
  });
}

}  // namespace fast_tokenizer
