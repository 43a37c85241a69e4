#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "fast_tokenizer/byte_alphabet.hpp"
#include "fast_tokenizer/length_automaton.hpp"
#include "small_vocabulary.hpp"

namespace fast_tokenizer {
namespace {

using Ids = std::vector<TokenId>;

std::vector<bool> allowed_ids(const LengthAutomaton& automaton, const SequencePlace& place) {
  IdSet set;
  automaton.allowed(place, set);
  std::vector<std::uint8_t> bytes(automaton.ids());
  spread(set, bytes.size(), bytes.data());
  for (std::size_t id = 0; id < bytes.size(); ++id) REQUIRE((bytes[id] == 1) == contains(set, id));
  return {bytes.begin(), bytes.end()};
}

// Every sequence that the automaton lets through.
void collect(const LengthAutomaton& automaton, const SequencePlace& place, Ids& ids, std::vector<Ids>& out) {
  if (place.complete()) {
    out.push_back(ids);
    return;
  }
  const std::vector<bool> allowed = allowed_ids(automaton, place);
  bool dead_end = true;
  for (std::size_t id = 0; id < allowed.size(); ++id) {
    SequencePlace next = place;
    REQUIRE(automaton.advance(next, static_cast<TokenId>(id)) == allowed[id]);
    if (!allowed[id]) continue;
    dead_end = false;
    ids.push_back(static_cast<TokenId>(id));
    collect(automaton, next, ids, out);
    ids.pop_back();
  }
  REQUIRE_FALSE(dead_end);
}

std::vector<Ids> all_sequences(const CoefficientCoder& coder, bool canonical, std::size_t length,
                               std::int32_t largest = INT32_MAX) {
  const LengthAutomaton automaton(std::make_shared<TokenGrammar>(coder, canonical, largest, 1), length);
  std::vector<Ids> result;
  Ids ids;
  if (automaton.possible()) collect(automaton, automaton.start(), ids, result);
  std::sort(result.begin(), result.end());
  return result;
}

TEST_CASE("scheme symbols: the canonical sequences are exactly the encodings of all texts of the length") {
  std::mt19937 random(5);
  for (int round = 0; round < 30; ++round) {
    const std::size_t alphabet = 2 + random() % 2;
    const SmallVocabulary vocabulary =
        random_vocabulary(alphabet, 8, 4, [&](std::size_t n) { return random() % n; });
    const CoefficientCoder coder(Scheme::symbols, -1, vocabulary.tokens, vocabulary.merges);
    for (const std::size_t length : {1, 2, 5, 7}) {
      std::vector<Ids> encodings;
      std::vector<std::int32_t> text(length, -1);
      for (;;) {
        encodings.push_back(coder.encode(text.data(), 1, length).ids);
        std::size_t place = 0;
        while (place < length && text[place] == static_cast<std::int32_t>(alphabet) - 2) text[place++] = -1;
        if (place == length) break;
        ++text[place];
      }
      std::sort(encodings.begin(), encodings.end());
      REQUIRE(all_sequences(coder, true, length) == encodings);
    }
  }
}

TEST_CASE("without canonical, every sequence that decodes is let through") {
  const CoefficientCoder coder(Scheme::symbols, 0, {std::u32string(1, 0), U"\1", std::u32string(3, 0)}, {});
  CHECK(all_sequences(coder, false, 3).size() == 9);
  CHECK(all_sequences(coder, true, 3).size() == 8);  // no merge makes the third token
}

// Bytes that spell U+0169 and U+4E2D in parts, two letters, and a token of a character and a half.
CoefficientCoder split_characters() {
  std::vector<std::u32string> tokens;
  std::map<int, TokenId> id_of;
  for (const int byte : {0x61, 0xC5, 0xA9, 0xE4, 0xB8, 0xAD, 0x20}) {
    id_of[byte] = static_cast<TokenId>(tokens.size());
    tokens.emplace_back(1, char_of_byte(static_cast<std::uint8_t>(byte)));
  }
  std::vector<Merge> merges;
  const auto merge = [&](TokenId left, TokenId right) {
    merges.push_back({left, right, static_cast<TokenId>(tokens.size())});
    tokens.push_back(tokens[static_cast<std::size_t>(left)] + tokens[static_cast<std::size_t>(right)]);
    return merges.back().result;
  };
  const TokenId u_tilde = merge(id_of[0xC5], id_of[0xA9]);
  merge(u_tilde, id_of[0xC5]);
  merge(id_of[0xE4], id_of[0xB8]);
  tokens.emplace_back(1, char32_t{7});  // stands for no byte
  return CoefficientCoder(Scheme::bytes, 0, tokens, merges);
}

TEST_CASE("scheme bytes: what is let through decodes, and every encoding is let through") {
  const CoefficientCoder coder = split_characters();
  const std::vector<std::int32_t> characters{0x61, 0x169, 0x4E2D, 0x20};
  for (const std::size_t length : {1, 2, 3, 4}) {
    const std::vector<Ids> canonical = all_sequences(coder, true, length);
    const std::vector<Ids> any = all_sequences(coder, false, length);
    CHECK(std::includes(any.begin(), any.end(), canonical.begin(), canonical.end()));
    std::vector<std::int32_t> coefficients(length);
    for (const Ids& ids : any) {
      REQUIRE(coder.decode(ids, coefficients).status == DecodeStatus::ok);
      REQUIRE(std::count(ids.begin(), ids.end(), static_cast<TokenId>(coder.size() - 1)) == 0);
    }
    std::size_t texts = 1;
    for (std::size_t i = 0; i < length; ++i) texts *= characters.size();
    for (std::size_t text = 0; text < texts; ++text) {
      std::size_t rest = text;
      for (std::int32_t& coefficient : coefficients) {
        coefficient = characters[rest % characters.size()];
        rest /= characters.size();
      }
      const Ids ids = coder.encode(coefficients.data(), 1, length).ids;
      REQUIRE(std::binary_search(canonical.begin(), canonical.end(), ids));
    }
    // Here no word ends where two characters do not tell it, so nothing else is let through either.
    for (const Ids& ids : canonical) {
      REQUIRE(coder.decode(ids, coefficients).status == DecodeStatus::ok);
      REQUIRE(coder.encode(coefficients.data(), 1, length).ids == ids);
    }
    if (length == 1) CHECK(canonical.size() == 14);  // a, blank, 3 letters of two bytes, 9 of three
  }
}

TEST_CASE("coefficients beyond a bound are left out") {
  const CoefficientCoder symbols(
      Scheme::symbols, -2, {std::u32string(1, 0), U"\1", U"\2", U"\3", std::u32string{1, 3}}, {{1, 3, 4}});
  // Coefficients -2 to 1, of which -1 to 1 may come, and the token of -1 and 1.
  CHECK(all_sequences(symbols, false, 2, 1) ==
        std::vector<Ids>{{1, 1}, {1, 2}, {1, 3}, {2, 1}, {2, 2}, {2, 3}, {3, 1}, {3, 2}, {3, 3}, {4}});
  // Of all three-byte characters, those from U+4E00 on: E4 leads to U+4000 to U+4FFF, E5 would pass the
  // bound.
  const CoefficientCoder bytes = split_characters();
  CHECK(all_sequences(bytes, false, 1, 0x60).size() == 1);
  CHECK(all_sequences(bytes, false, 1, 0x61).size() == 2);
  CHECK(all_sequences(bytes, false, 1, 0x168).size() == 5);  // C5 leads to three, also past the bound
  CHECK(all_sequences(bytes, false, 1, 0x3FFF).size() == 6);
  CHECK(all_sequences(bytes, false, 1, 0x4E2D).size() > 6);
}

TEST_CASE("no tokens, no sequences") {
  const CoefficientCoder empty(Scheme::bytes, 0, {}, {});
  CHECK(all_sequences(empty, true, 1).empty());
  CHECK_FALSE(LengthAutomaton(std::make_shared<TokenGrammar>(0), 1).possible());
}

TEST_CASE("fixed length: every id at every place") {
  const LengthAutomaton automaton(std::make_shared<TokenGrammar>(70), 100000);
  SequencePlace place = automaton.start();
  for (std::size_t i = 0; i < 100000; ++i) REQUIRE(automaton.advance(place, static_cast<TokenId>(i % 70)));
  CHECK(place.complete());
  CHECK_FALSE(automaton.advance(place, 0));
  CHECK(allowed_ids(automaton, place)[71]);
  CHECK(automaton.advance(place, 71));
  CHECK(place.ended());
  CHECK(allowed_ids(automaton, place)[70]);
  CHECK(automaton.advance(place, 70));
  CHECK_FALSE(automaton.advance(place, 3));
  place = automaton.start();
  CHECK_FALSE(automaton.advance(place, 70));
  CHECK_FALSE(automaton.advance(place, -1));
  const std::vector<bool> allowed = allowed_ids(automaton, place);
  CHECK(std::count(allowed.begin(), allowed.end(), true) == 70);
}

TEST_CASE("a set becomes bits of another vocabulary, and other words are left alone") {
  std::vector<std::int64_t> places;
  for (std::int64_t id = 0; id < 100; ++id) places.push_back(id == 50 ? -1 : 1000 - 7 * id);
  const BitmaskPlaces bitmask(places);
  CHECK(bitmask.words() == 1000 / 32 + 1);
  IdSet set(2);
  for (const std::size_t id : {0, 50, 63, 64, 99}) insert(set, id);
  std::vector<std::uint32_t> row(40, 0xFFFFFFFF);
  bitmask.write(set, row.data());
  for (std::int64_t bit = 300; bit <= 1000; ++bit) {
    const bool wanted = bit == 1000 || bit == 1000 - 7 * 63 || bit == 1000 - 7 * 64 || bit == 1000 - 7 * 99;
    REQUIRE(((row[static_cast<std::size_t>(bit) / 32] >> (bit % 32) & 1U) != 0) == wanted);
  }
  CHECK(row[0] == 0xFFFFFFFF);
  CHECK(row[32] == 0xFFFFFFFF);
}

TEST_CASE("blocks in one piece, rising and falling, at any offset") {
  std::mt19937_64 random(9);
  for (const bool falling : {false, true}) {
    for (const std::int64_t start : {0, 1, 31, 32, 77, 200}) {
      for (const std::int64_t size : {1, 2, 31, 64, 65, 130}) {
        std::vector<std::int64_t> places;
        for (std::int64_t id = 0; id < size; ++id) places.push_back(start + (falling ? size - 1 - id : id));
        places.push_back(3 * 32 + 500);  // an id on its own, far off
        IdSet set(places.size() / 64 + 1);
        for (std::size_t id = 0; id < places.size(); ++id) {
          if (random() % 2 == 0) insert(set, id);
        }
        const BitmaskPlaces bitmask(places);
        std::vector<std::uint32_t> row(bitmask.words(), 0);
        bitmask.write(set, row.data());
        std::size_t bits = 0;
        for (const std::uint32_t word : row) bits += static_cast<std::size_t>(std::popcount(word));
        for (std::size_t id = 0; id < places.size(); ++id) {
          const auto place = static_cast<std::size_t>(places[id]);
          const bool written = (row[place / 32] >> (place % 32) & 1U) != 0;
          REQUIRE(written == contains(set, id));
          bits -= written ? 1U : 0U;
        }
        REQUIRE(bits == 0);
      }
    }
  }
}

TEST_CASE("a length that no sequence has is told") {
  const CoefficientCoder coder(Scheme::symbols, 0, {U"a", U"aa"}, {{0, 0, 1}});
  CHECK(LengthAutomaton(std::make_shared<TokenGrammar>(coder, true, INT32_MAX, 1), 3).possible());
  const CoefficientCoder none(Scheme::bytes, 0, {std::u32string(1, char_of_byte(0xC5))}, {});
  CHECK_FALSE(LengthAutomaton(std::make_shared<TokenGrammar>(none, false, INT32_MAX, 1), 1).possible());
}

}  // namespace
}  // namespace fast_tokenizer
