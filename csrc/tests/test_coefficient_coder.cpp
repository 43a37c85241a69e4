#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "fast_tokenizer/byte_alphabet.hpp"
#include "fast_tokenizer/coefficient_coder.hpp"
#include "fast_tokenizer/errors.hpp"
#include "fast_tokenizer/parallel.hpp"
#include "small_vocabulary.hpp"

namespace fast_tokenizer {
namespace {

// All 256 bytes, and the pairs that begin U+0100 to U+013F.
CoefficientCoder byte_coder(std::int32_t min_coefficient) {
  std::vector<std::u32string> tokens;
  for (int byte = 0; byte < 256; ++byte)
    tokens.emplace_back(1, char_of_byte(static_cast<std::uint8_t>(byte)));
  std::vector<Merge> merges;
  for (TokenId continuation = 0x80; continuation < 0xC0; ++continuation) {
    merges.push_back({0xC4, continuation, static_cast<TokenId>(tokens.size())});
    tokens.push_back(tokens[0xC4] + tokens[static_cast<std::size_t>(continuation)]);
  }
  return CoefficientCoder(Scheme::bytes, min_coefficient, tokens, merges);
}

struct Decoded {
  std::vector<std::int32_t> coefficients;
  DecodeOutcome outcome;
};

Decoded decode(const CoefficientCoder& coder, const std::vector<TokenId>& ids, std::size_t length) {
  Decoded result{std::vector<std::int32_t>(length, 77), {}};
  result.outcome = coder.decode(ids, result.coefficients);
  return result;
}

DecodeStatus status_of(const Decoded& decoded) { return decoded.outcome.status; }

TEST_CASE("every symbol survives, surrogates excepted, which are clipped and reported") {
  const CoefficientCoder coder = byte_coder(-1000);
  std::vector<std::int32_t> coefficients;
  for (std::int32_t symbol = 0; symbol <= 0x10FFFF; symbol += symbol < 0x3000 ? 1 : 61)
    coefficients.push_back(symbol - 1000);
  coefficients.push_back(0x10FFFF - 1000);
  const EncodedBatch encoded = coder.encode(coefficients.data(), coefficients.size(), 1);
  const Decoded all = decode(coder, encoded.ids, coefficients.size());
  CHECK(status_of(all) == DecodeStatus::ok);
  for (std::size_t i = 0; i < coefficients.size(); ++i) {
    const std::int32_t symbol = coefficients[i] + 1000;
    const bool surrogate = 0xD800 <= symbol && symbol <= 0xDFFF;
    REQUIRE(encoded.clipped[i] == (surrogate ? 1 : 0));
    REQUIRE(all.coefficients[i] == (surrogate ? 0xD7FF - 1000 : coefficients[i]));
  }
}

TEST_CASE("values outside the alphabet are clipped to it and reported") {
  const CoefficientCoder coder(Scheme::symbols, -1, {std::u32string(1, 0), U"\1", U"\2"}, {});
  const std::vector<std::int32_t> coefficients{-1, 0, 1, 2, INT32_MIN, INT32_MAX};
  const EncodedBatch encoded = coder.encode(coefficients.data(), 6, 1);
  CHECK(encoded.ids == std::vector<TokenId>{0, 1, 2, 2, 0, 2});
  CHECK(encoded.clipped == std::vector<std::uint8_t>{0, 0, 0, 1, 1, 1});
}

TEST_CASE("each failure names its reason and place") {
  const CoefficientCoder coder = byte_coder(0);
  const TokenId pad = static_cast<TokenId>(coder.size());
  CHECK(status_of(decode(coder, {'a', 'b'}, 2)) == DecodeStatus::ok);
  CHECK(decode(coder, {'a', 'b'}, 2).outcome.position == -1);
  CHECK(status_of(decode(coder, {pad, pad, 'a', 'b', pad + 1, pad}, 2)) == DecodeStatus::ok);

  const Decoded too_short = decode(coder, {pad, 'a'}, 2);
  CHECK(status_of(too_short) == DecodeStatus::too_short);
  CHECK(too_short.outcome.position == 2);
  CHECK(too_short.outcome.decoded == 1);
  CHECK(too_short.coefficients == std::vector<std::int32_t>{'a', 0});

  const Decoded too_long = decode(coder, {'a', 'b', 'c'}, 2);
  CHECK(status_of(too_long) == DecodeStatus::too_long);
  CHECK(too_long.outcome.position == 2);
  CHECK(too_long.coefficients == std::vector<std::int32_t>{'a', 'b'});

  const Decoded stray = decode(coder, {'a', 0x80, 'b'}, 3);
  CHECK(status_of(stray) == DecodeStatus::not_a_coefficient);
  CHECK(stray.outcome.position == 1);
  CHECK(status_of(decode(coder, {0xC4, 'a'}, 1)) == DecodeStatus::not_a_coefficient);
  CHECK(status_of(decode(coder, {'a', 0xC4}, 1)) == DecodeStatus::not_a_coefficient);
  CHECK(status_of(decode(coder, {0xC4, 0x80}, 1)) == DecodeStatus::ok);

  CHECK(status_of(decode(coder, {'a', -1}, 2)) == DecodeStatus::id_outside_vocabulary);
  CHECK(status_of(decode(coder, {'a', pad + 3}, 2)) == DecodeStatus::id_outside_vocabulary);
  CHECK(status_of(decode(coder, {'a', pad, 'b'}, 2)) == DecodeStatus::special_token_inside);
  CHECK(status_of(decode(coder, {'a', 'b', pad + 2}, 2)) == DecodeStatus::special_token_inside);
  CHECK(status_of(decode(coder, {pad + 1, 'a'}, 1)) == DecodeStatus::special_token_inside);
}

TEST_CASE("a token that no byte spells decodes as its text") {
  std::vector<std::u32string> tokens{U"a", std::u32string(1, 5), U"ab"};
  tokens.push_back(U"b");
  const CoefficientCoder coder(Scheme::bytes, 0, tokens, {{0, 3, 2}});
  CHECK(decode(coder, {1, 2}, 3).coefficients == std::vector<std::int32_t>{5, 'a', 'b'});
  const std::vector<std::int32_t> missing{5};
  CHECK_THROWS_AS(coder.encode(missing.data(), 1, 1), EncodeError);
}

TEST_CASE("several threads give what one gives") {
  std::mt19937 random(3);
  const CoefficientCoder coder = byte_coder(-0x110);
  constexpr std::size_t kChunks = 2000;
  constexpr std::size_t kLength = 64;
  std::vector<std::int32_t> coefficients(kChunks * kLength);
  for (std::int32_t& coefficient : coefficients) coefficient = static_cast<std::int32_t>(random() % 64) - 32;
  const EncodedBatch all = coder.encode(coefficients.data(), kChunks, kLength);
  std::vector<std::vector<TokenId>> each(kChunks);
  parallel_for(kChunks, 1, 5, [&](std::size_t begin, std::size_t end) {
    const EncodedBatch part = coder.encode(coefficients.data() + begin * kLength, end - begin, kLength);
    for (std::size_t i = begin; i < end; ++i) {
      const auto ids = part.sequences()[i - begin];
      each[i].assign(ids.begin(), ids.end());
    }
  });
  for (std::size_t i = 0; i < kChunks; ++i) {
    const auto ids = all.sequences()[i];
    REQUIRE(each[i] == std::vector<TokenId>(ids.begin(), ids.end()));
  }
}

TEST_CASE("an empty batch is an empty result") {
  const CoefficientCoder coder = byte_coder(0);
  const EncodedBatch encoded = coder.encode(nullptr, 0, 10);
  CHECK(encoded.ids.empty());
  CHECK(encoded.offsets == std::vector<std::int64_t>{0});
}

TEST_CASE("tokens that hold no symbol are refused") {
  CHECK_THROWS_AS(CoefficientCoder(Scheme::symbols, 0, {U""}, {}), FormatError);
  CHECK_THROWS_AS(CoefficientCoder(Scheme::symbols, 0, {std::u32string(1, 0xD800)}, {}), FormatError);
  CHECK_THROWS_AS(CoefficientCoder(Scheme::bytes, 0, {std::u32string(1, 0x110000)}, {}), FormatError);
  CHECK_THROWS_AS(CoefficientCoder(Scheme::symbols, 0, {U"ab"}, {}), FormatError);
  CHECK_THROWS_AS(CoefficientCoder(Scheme::bytes, INT32_MAX, {U"a"}, {}), FormatError);
}

}  // namespace
}  // namespace fast_tokenizer
