#include "fast_tokenizer/token_grammar.hpp"

#include <algorithm>
#include <optional>

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

// Follows tokens through UTF-8, and keeps to characters within bounds.
class CharacterReader {
 public:
  CharacterReader(std::int32_t lowest, std::int32_t highest) : lowest_(lowest), highest_(highest) {}

  // How many characters the bytes complete from a state on; nothing if they are not UTF-8, or out of bounds.
  // Of a character that was begun before, the bounds were seen to then.
  std::optional<std::size_t> read(const Units& bytes, Utf8Decoder& utf8) const {
    std::size_t complete = 0;
    bool begun_here = !utf8.pending();
    for (const Unit byte : bytes) {
      switch (utf8.push(static_cast<std::uint8_t>(byte))) {
        case Utf8Decoder::Step::invalid:
          return std::nullopt;
        case Utf8Decoder::Step::pending:
          break;
        case Utf8Decoder::Step::complete:
          if (begun_here && !overlap(utf8.code_point(), utf8.code_point())) return std::nullopt;
          begun_here = true;
          ++complete;
      }
    }
    if (utf8.pending() && begun_here && !overlap(utf8.lowest_possible(), utf8.highest_possible()))
      return std::nullopt;
    return complete;
  }

 private:
  bool overlap(std::int32_t first, std::int32_t last) const { return first <= highest_ && lowest_ <= last; }

  std::int32_t lowest_;
  std::int32_t highest_;
};

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

TokenGrammar::TokenGrammar(const CoefficientCoder& coder, bool canonical, std::int32_t largest,
                           int num_threads)
    : size_(coder.size()) {
  read_steps(coder, largest);
  const Seams seams(coder, canonical);
  successors_.assign(words(), 0);
  for (std::size_t id = 0; id < size_; ++id) {
    if (seams.ends[id].allowed) insert(successors_, id);
  }
  if (canonical) read_successors(coder, seams, num_threads);
}

void TokenGrammar::read_steps(const CoefficientCoder& coder, std::int32_t largest) {
  // As symbols; a text holds none below zero.
  const auto symbol_of = [&](std::int64_t coefficient) {
    return static_cast<std::int32_t>(
        std::clamp<std::int64_t>(coefficient - coder.min_coefficient(), -1, INT32_MAX));
  };
  const std::int32_t lowest = symbol_of(-static_cast<std::int64_t>(largest));
  const std::int32_t highest = symbol_of(largest);
  if (coder.scheme() == Scheme::symbols) {
    order_ = {0};
    for (std::size_t id = 0; id < size_; ++id) {
      const Units text = coder.text_of(static_cast<TokenId>(id));
      const bool fits = std::all_of(text.begin(), text.end(),
                                    [&](Unit symbol) { return lowest <= symbol && symbol <= highest; });
      steps_.push_back({static_cast<std::int32_t>(text.size()), static_cast<std::int16_t>(fits ? 0 : -1), 0});
    }
    return;
  }
  order_ = {kOneMissing, kLetterState, 2, 3, 4, 5, 6, 7, 0};
  steps_.resize(kByteStates * size_);
  const CharacterReader reader(lowest, highest);
  for (std::size_t id = 0; id < size_; ++id) {
    const Units text = coder.text_of(static_cast<TokenId>(id));
    for (std::size_t state = 0; state < kByteStates; ++state) {
      Utf8Decoder utf8 = Utf8Decoder::in_state(state == kLetterState ? kOneMissing : state);
      const auto complete = reader.read(text, utf8);
      if (!complete) continue;
      std::size_t next = utf8.state();
      if (next == kOneMissing && leads_letter(text.back())) next = kLetterState;
      steps_[state * size_ + id] = {static_cast<std::int32_t>(*complete), static_cast<std::int16_t>(next), 0};
    }
  }
}

// History 1 + id is the token; after all of them come single continuation bytes that ended a letter.
void TokenGrammar::read_successors(const CoefficientCoder& coder, const Seams& seams, int num_threads) {
  for (std::size_t state = 0; state < states(); ++state) {
    for (std::size_t id = 0; id < size_; ++id)
      steps_[state * size_ + id].history = static_cast<std::int32_t>(1 + id);
  }
  if (coder.scheme() == Scheme::bytes) {
    for (std::size_t i = 0; i < seams.single_continuations.size(); ++i)
      steps_[kLetterState * size_ + seams.single_continuations[i]].history =
          static_cast<std::int32_t>(1 + size_ + i);
  }
  histories_ = 1 + size_ + seams.single_continuations.size();
  successors_.resize(histories_ * words());
  constexpr std::size_t kHistoriesWorthAThread = 64;
  parallel_for(histories_ - 1, kHistoriesWorthAThread, num_threads, [&](std::size_t begin, std::size_t end) {
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
