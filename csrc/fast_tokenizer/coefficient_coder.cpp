#include "fast_tokenizer/coefficient_coder.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "fast_tokenizer/byte_alphabet.hpp"
#include "fast_tokenizer/byte_level.hpp"
#include "fast_tokenizer/errors.hpp"
#include "fast_tokenizer/kernels.hpp"

namespace fast_tokenizer {
namespace {

constexpr std::int32_t kFirstSurrogate = 0xD800;
constexpr std::int32_t kLastSurrogate = 0xDFFF;
constexpr std::int32_t kLastCodePoint = 0x10FFFF;
constexpr std::size_t kSpecialTokens = 3;  // pad, end, mask
constexpr std::size_t kCopyStep = 8;

// The bytes that a token of scheme bytes decodes to. A token with a character that stands for no byte is read
// as text, as the tokenizers library does; encoding never produces one.
struct TokenBytes {
  Units bytes;
  bool produced;
};

TokenBytes bytes_of(const std::u32string& token) {
  TokenBytes result{{}, true};
  for (const char32_t character : token) {
    const auto byte = byte_of_char(character);
    if (!byte) {
      result = {{}, false};
      for (const char32_t other : token) append_utf8(static_cast<std::int32_t>(other), result.bytes);
      return result;
    }
    result.bytes.push_back(*byte);
  }
  return result;
}

std::vector<Units> pieces_of(Scheme scheme, const std::vector<std::u32string>& tokens) {
  std::vector<Units> pieces(tokens.size());
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].empty()) throw FormatError("the token of id " + std::to_string(id) + " is empty");
    for (const char32_t character : tokens[id]) {
      const auto code_point = static_cast<std::int32_t>(character);
      if (!is_scalar_value(code_point) || (scheme == Scheme::symbols && code_point >= kFirstSurrogate))
        throw FormatError("the token of id " + std::to_string(id) + " holds the character " +
                          std::to_string(character) + ", which is no symbol");
    }
    if (scheme == Scheme::symbols) {
      for (const char32_t character : tokens[id]) pieces[id].push_back(static_cast<Unit>(character));
    } else if (auto [bytes, produced] = bytes_of(tokens[id]); produced) {
      pieces[id] = std::move(bytes);
    }
  }
  return pieces;
}

// The highest symbol that encoding can write.
std::int32_t max_symbol_of(Scheme scheme, std::int32_t min_coefficient,
                           const std::vector<std::u32string>& tokens) {
  std::int32_t highest = kLastCodePoint;
  if (scheme == Scheme::symbols) {
    highest = -1;
    for (const auto& token : tokens) {
      if (token.size() == 1) highest = std::max(highest, static_cast<std::int32_t>(token[0]));
    }
    if (highest < 0) throw FormatError("the vocabulary has no token of a single symbol");
  }
  if (min_coefficient > std::numeric_limits<std::int32_t>::max() - kLastCodePoint)
    throw FormatError("min_coefficient " + std::to_string(min_coefficient) + " is too large");
  return highest;
}

// Copies whole steps, and so more than `count` values, where `out` has room for them: most tokens are short,
// and a step is two instructions where a copy of any size is a call. `from` has a step of values to spare.
void copy_expansion(const std::int32_t* from, std::size_t count, std::span<std::int32_t> out) {
  if (count + kCopyStep > out.size()) {
    std::copy_n(from, count, out.begin());
    return;
  }
  for (std::size_t i = 0; i < count; i += kCopyStep)
    std::memcpy(out.data() + i, from + i, kCopyStep * sizeof(std::int32_t));
}

}  // namespace

struct CoefficientCoder::Scratch {
  std::vector<std::int32_t> symbols;
  Units letters;
  std::vector<std::size_t> word_ends;
};

CoefficientCoder::CoefficientCoder(Scheme scheme, std::int32_t min_coefficient,
                                   const std::vector<std::u32string>& tokens,
                                   const std::vector<Merge>& merges)
    : scheme_(scheme),
      min_coefficient_(min_coefficient),
      max_symbol_(max_symbol_of(scheme, min_coefficient, tokens)),
      bpe_(pieces_of(scheme, tokens), merges) {
  expansions_.reserve(tokens.size());
  for (const std::u32string& token : tokens) {
    if (scheme == Scheme::symbols)
      add_expansion(Units(token.begin(), token.end()));
    else
      add_expansion(bytes_of(token).bytes);
  }
  expanded_.resize(expanded_.size() + kCopyStep);
}

void CoefficientCoder::add_expansion(const Units& text) {
  const auto begin = static_cast<std::uint32_t>(expanded_.size());
  bool whole = true;
  if (scheme_ == Scheme::symbols) {
    for (const Unit symbol : text) expanded_.push_back(min_coefficient_ + symbol);
  } else {
    Utf8Decoder utf8;
    for (const Unit byte : text) {
      const auto step = utf8.push(static_cast<std::uint8_t>(byte));
      whole &= step != Utf8Decoder::Step::invalid;
      if (step == Utf8Decoder::Step::complete) expanded_.push_back(min_coefficient_ + utf8.code_point());
    }
    whole &= !utf8.pending();
    if (!whole) {
      expanded_.resize(begin);
      expanded_.insert(expanded_.end(), text.begin(), text.end());
    }
  }
  expansions_.push_back({begin, static_cast<std::uint32_t>(expanded_.size()) - begin, whole});
}

Units CoefficientCoder::text_of(TokenId id) const {
  const Expansion& expansion = expansions_[static_cast<std::size_t>(id)];
  Units text;
  for (const std::int32_t value : std::span(expanded_).subspan(expansion.begin, expansion.size)) {
    if (!expansion.whole)
      text.push_back(static_cast<Unit>(value));
    else if (scheme_ == Scheme::symbols)
      text.push_back(static_cast<Unit>(value - min_coefficient_));
    else
      append_utf8(value - min_coefficient_, text);
  }
  return text;
}

void CoefficientCoder::encode_word(std::size_t chunk, std::u16string_view word,
                                   std::vector<TokenId>& ids) const {
  const std::size_t encoded = bpe_.encode(word, ids);
  if (encoded == word.size()) return;
  const auto letter = static_cast<int>(word[encoded]);
  throw EncodeError(
      "the vocabulary has no token for " +
          (scheme_ == Scheme::symbols ? "the coefficient " + std::to_string(min_coefficient_ + letter)
                                      : "the byte " + std::to_string(letter)) +
          ": it never occurred in the training data; fit a tokenizer on data that covers it, or use "
          "scheme=\"symbols\", which covers a range",
      chunk);
}

bool CoefficientCoder::encode_symbols(std::size_t chunk, std::span<const std::int32_t> coefficients,
                                      Scratch& scratch, std::vector<TokenId>& ids) const {
  scratch.letters.resize(coefficients.size());
  const bool in_range = kernels().narrow(coefficients.data(), coefficients.size(), min_coefficient(),
                                         max_coefficient(), scratch.letters.data());
  encode_word(chunk, scratch.letters, ids);
  return !in_range;
}

bool CoefficientCoder::encode_bytes(std::size_t chunk, std::span<const std::int32_t> coefficients,
                                    Scratch& scratch, std::vector<TokenId>& ids) const {
  scratch.letters.resize(2 * coefficients.size());
  if (kernels().narrow_utf8(coefficients.data(), coefficients.size(), min_coefficient_,
                            scratch.letters.data())) {
    encode_word(chunk, scratch.letters, ids);
    return false;
  }
  scratch.symbols.clear();
  bool clipped = false;
  for (const std::int32_t coefficient : coefficients) {
    std::int32_t held = std::clamp(coefficient, min_coefficient(), max_coefficient());
    // UTF-8 has no surrogates; the reference raises a TypeError on them.
    const std::int32_t symbol = held - min_coefficient_;
    if (kFirstSurrogate <= symbol && symbol <= kLastSurrogate) held = min_coefficient_ + kFirstSurrogate - 1;
    clipped |= held != coefficient;
    scratch.symbols.push_back(held - min_coefficient_);
  }
  scratch.word_ends.clear();
  gpt2_split(scratch.symbols, scratch.word_ends);
  std::size_t begin = 0;
  for (const std::size_t end : scratch.word_ends) {
    scratch.letters.clear();
    append_utf8(std::span(scratch.symbols).subspan(begin, end - begin), scratch.letters);
    encode_word(chunk, scratch.letters, ids);
    begin = end;
  }
  return clipped;
}

std::size_t CoefficientCoder::encoding_grain(std::size_t length) {
  constexpr std::size_t kCoefficientsWorthAThread = 1 << 14;
  return kCoefficientsWorthAThread / std::max<std::size_t>(length, 1) + 1;
}

EncodedBatch CoefficientCoder::encode(const std::int32_t* coefficients, std::size_t count, std::size_t length,
                                      std::size_t first) const {
  EncodedBatch result;
  result.clipped.resize(count);
  result.offsets.resize(count + 1);
  Scratch scratch;
  for (std::size_t i = 0; i < count; ++i) {
    const std::span chunk(coefficients + i * length, length);
    const bool clipped = scheme_ == Scheme::symbols ? encode_symbols(first + i, chunk, scratch, result.ids)
                                                    : encode_bytes(first + i, chunk, scratch, result.ids);
    result.clipped[i] = clipped ? 1 : 0;
    result.offsets[i + 1] = static_cast<std::int64_t>(result.ids.size());
  }
  return result;
}

DecodeOutcome CoefficientCoder::decode(std::span<const TokenId> ids,
                                       std::span<std::int32_t> coefficients) const {
  const DecodeOutcome outcome = decode_prefix(ids, coefficients);
  std::fill(coefficients.begin() + outcome.decoded, coefficients.end(), 0);
  return outcome;
}

DecodeOutcome CoefficientCoder::decode_prefix(std::span<const TokenId> ids,
                                              std::span<std::int32_t> coefficients) const {
  const auto pad = static_cast<TokenId>(size());
  const auto end_token = pad + 1;
  std::size_t begin = 0;
  std::size_t end = ids.size();
  while (begin < end && ids[begin] == pad) ++begin;
  while (end > begin && (ids[end - 1] == pad || ids[end - 1] == end_token)) --end;

  std::size_t filled = 0;
  const auto ended = [&filled](DecodeStatus status, std::size_t at) {
    return DecodeOutcome{status, static_cast<std::int64_t>(at), static_cast<std::int64_t>(filled)};
  };
  Utf8Decoder utf8;
  for (std::size_t at = begin; at < end; ++at) {
    const TokenId id = ids[at];
    if (id < 0 || id >= pad) {
      const bool special = id >= pad && static_cast<std::size_t>(id - pad) < kSpecialTokens;
      return ended(special ? DecodeStatus::special_token_inside : DecodeStatus::id_outside_vocabulary, at);
    }
    const Expansion& expansion = expansions_[static_cast<std::size_t>(id)];
    const std::int32_t* const expanded = expanded_.data() + expansion.begin;
    if (expansion.whole) {
      // A whole character cannot continue one that an earlier token left open.
      if (utf8.pending()) return ended(DecodeStatus::not_a_coefficient, at);
      const std::size_t fitting = std::min<std::size_t>(expansion.size, coefficients.size() - filled);
      copy_expansion(expanded, fitting, coefficients.subspan(filled));
      filled += fitting;
      if (fitting < expansion.size) return ended(DecodeStatus::too_long, at);
      continue;
    }
    for (const std::int32_t byte : std::span(expanded, expansion.size)) {
      const auto step = utf8.push(static_cast<std::uint8_t>(byte));
      if (step == Utf8Decoder::Step::invalid) return ended(DecodeStatus::not_a_coefficient, at);
      if (step == Utf8Decoder::Step::pending) continue;
      if (filled == coefficients.size()) return ended(DecodeStatus::too_long, at);
      coefficients[filled++] = min_coefficient_ + utf8.code_point();
    }
  }
  if (filled < coefficients.size()) return ended(DecodeStatus::too_short, end);
  if (utf8.pending()) return ended(DecodeStatus::not_a_coefficient, end);
  return {DecodeStatus::ok, -1, static_cast<std::int64_t>(filled)};
}

}  // namespace fast_tokenizer
