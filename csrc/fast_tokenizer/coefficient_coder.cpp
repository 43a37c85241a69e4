#include "fast_tokenizer/coefficient_coder.hpp"

#include <algorithm>
#include <limits>
#include <mutex>
#include <numeric>

#include "fast_tokenizer/byte_alphabet.hpp"
#include "fast_tokenizer/byte_level.hpp"
#include "fast_tokenizer/errors.hpp"
#include "fast_tokenizer/kernels.hpp"
#include "fast_tokenizer/parallel.hpp"

namespace fast_tokenizer {
namespace {

constexpr std::int32_t kFirstSurrogate = 0xD800;
constexpr std::int32_t kLastSurrogate = 0xDFFF;
constexpr std::int32_t kLastCodePoint = 0x10FFFF;
constexpr std::size_t kSpecialTokens = 3;  // pad, end, mask

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

EncodedBatch CoefficientCoder::encode(const std::int32_t* coefficients, std::size_t batch, std::size_t length,
                                      int num_threads) const {
  constexpr std::size_t kCoefficientsWorthAThread = 1 << 14;
  const std::size_t grain = kCoefficientsWorthAThread / std::max<std::size_t>(length, 1) + 1;
  EncodedBatch result;
  result.clipped.resize(batch);
  result.offsets.resize(batch + 1);
  struct Part {
    std::size_t begin;
    std::vector<TokenId> ids;
  };
  std::vector<Part> parts;
  std::mutex mutex;
  parallel_for(batch, grain, num_threads, [&](std::size_t begin, std::size_t end) {
    Scratch scratch;
    Part part{begin, {}};
    for (std::size_t chunk = begin; chunk < end; ++chunk) {
      const std::size_t before = part.ids.size();
      const std::span chunk_coefficients(coefficients + chunk * length, length);
      const bool clipped = scheme_ == Scheme::symbols
                               ? encode_symbols(chunk, chunk_coefficients, scratch, part.ids)
                               : encode_bytes(chunk, chunk_coefficients, scratch, part.ids);
      result.clipped[chunk] = clipped ? 1 : 0;
      result.offsets[chunk + 1] = static_cast<std::int64_t>(part.ids.size() - before);
    }
    const std::lock_guard lock(mutex);
    parts.push_back(std::move(part));
  });
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.begin < b.begin; });
  result.ids = std::move(parts.front().ids);
  result.ids.reserve(static_cast<std::size_t>(result.offsets.back()));
  for (std::size_t i = 1; i < parts.size(); ++i)
    result.ids.insert(result.ids.end(), parts[i].ids.begin(), parts[i].ids.end());
  return result;
}

CoefficientCoder::Outcome CoefficientCoder::decode_sequence(std::span<const TokenId> ids,
                                                            std::span<std::int32_t> coefficients) const {
  const auto pad = static_cast<TokenId>(size());
  const auto end_token = pad + 1;
  std::size_t begin = 0;
  std::size_t end = ids.size();
  while (begin < end && ids[begin] == pad) ++begin;
  while (end > begin && (ids[end - 1] == pad || ids[end - 1] == end_token)) --end;

  std::size_t filled = 0;
  Utf8Decoder utf8;
  for (std::size_t at = begin; at < end; ++at) {
    const TokenId id = ids[at];
    if (id < 0 || id >= pad) {
      const bool special = id >= pad && static_cast<std::size_t>(id - pad) < kSpecialTokens;
      return {special ? DecodeStatus::special_token_inside : DecodeStatus::id_outside_vocabulary, at, filled};
    }
    const Expansion& expansion = expansions_[static_cast<std::size_t>(id)];
    const std::int32_t* const expanded = expanded_.data() + expansion.begin;
    if (expansion.whole) {
      // A whole character cannot continue one that an earlier token left open.
      if (utf8.pending()) return {DecodeStatus::not_a_coefficient, at, filled};
      const std::size_t fitting = std::min<std::size_t>(expansion.size, coefficients.size() - filled);
      std::copy_n(expanded, fitting, coefficients.begin() + static_cast<std::ptrdiff_t>(filled));
      filled += fitting;
      if (fitting < expansion.size) return {DecodeStatus::too_long, at, filled};
      continue;
    }
    for (const std::int32_t byte : std::span(expanded, expansion.size)) {
      const auto step = utf8.push(static_cast<std::uint8_t>(byte));
      if (step == Utf8Decoder::Step::invalid) return {DecodeStatus::not_a_coefficient, at, filled};
      if (step == Utf8Decoder::Step::pending) continue;
      if (filled == coefficients.size()) return {DecodeStatus::too_long, at, filled};
      coefficients[filled++] = min_coefficient_ + utf8.code_point();
    }
  }
  if (filled < coefficients.size()) return {DecodeStatus::too_short, end, filled};
  if (utf8.pending()) return {DecodeStatus::not_a_coefficient, end, filled};
  return {DecodeStatus::ok, 0, filled};
}

void CoefficientCoder::decode(const IdSequences& sequences, const DecodedBatch& out, int num_threads) const {
  constexpr std::size_t kCoefficientsWorthAThread = 1 << 17;
  const std::size_t grain = kCoefficientsWorthAThread / std::max<std::size_t>(out.length, 1) + 1;
  parallel_for(sequences.size(), grain, num_threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t index = begin; index < end; ++index) {
      const std::span coefficients(out.coefficients + index * out.length, out.length);
      const Outcome outcome = decode_sequence(sequences[index], coefficients);
      std::fill(coefficients.begin() + static_cast<std::ptrdiff_t>(outcome.decoded), coefficients.end(), 0);
      out.status[index] = static_cast<std::int8_t>(outcome.status);
      out.position[index] =
          outcome.status == DecodeStatus::ok ? -1 : static_cast<std::int64_t>(outcome.position);
      out.decoded[index] = static_cast<std::int64_t>(outcome.decoded);
    }
  });
}

}  // namespace fast_tokenizer
