#include <doctest/doctest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "fast_tokenizer/bpe_model.hpp"
#include "fast_tokenizer/errors.hpp"
#include "small_vocabulary.hpp"

namespace fast_tokenizer {
namespace {

// Keeps the first merge that makes a token: ranks then rise from parts to whole, as trainers write them.
SmallVocabulary without_second_splits(SmallVocabulary vocabulary) {
  std::set<TokenId> made;
  std::erase_if(vocabulary.merges, [&](const Merge& merge) { return !made.insert(merge.result).second; });
  return vocabulary;
}

std::vector<TokenId> encode(const BpeModel& model, const Units& word) {
  std::vector<TokenId> ids;
  REQUIRE(model.encode(word, ids) == word.size());
  return ids;
}

TEST_CASE("the search finds what BPE by definition finds, in any vocabulary") {
  std::mt19937 random(7);
  const auto next = [&](std::size_t count) { return static_cast<std::size_t>(random() % count); };
  for (int round = 0; round < 1500; ++round) {
    const std::size_t alphabet = 1 + next(4);
    // With few letters, texts with several splits, out-of-order ranks and unreachable tokens are common.
    SmallVocabulary vocabulary = random_vocabulary(alphabet, next(40), 2 + next(12), next);
    if (round % 2 == 0) vocabulary = without_second_splits(vocabulary);
    const BpeModel model(vocabulary.pieces(), vocabulary.merges);
    for (int text = 0; text < 20; ++text) {
      Units word;
      std::vector<TokenId> letters;
      for (std::size_t length = next(40); length > 0; --length) {
        letters.push_back(static_cast<TokenId>(next(alphabet)));
        word.push_back(static_cast<Unit>(letters.back()));
      }
      REQUIRE(encode(model, word) == slow_bpe(vocabulary.merges, letters));
    }
  }
}

TEST_CASE("an empty word has no ids, and an unknown letter is told by its place") {
  const BpeModel model({u"a", u"b", u"ab"}, {{0, 1, 2}});
  CHECK(encode(model, u"").empty());
  std::vector<TokenId> ids{7};
  CHECK(model.encode(u"abxab", ids) == 2);
  CHECK(ids == std::vector<TokenId>{7});
  CHECK(model.encode(u"\uffff", ids) == 0);
}

TEST_CASE("tokens without merges stand for themselves only") {
  const BpeModel model({u"a", u"aa"}, {});
  CHECK(encode(model, u"aaa") == std::vector<TokenId>{0, 0, 0});
}

TEST_CASE("a long run takes time in proportion to its length") {
  const SmallVocabulary vocabulary = [] {
    SmallVocabulary doubling;
    doubling.tokens.push_back(U"a");
    for (TokenId id = 0; id < 12; ++id) {
      doubling.tokens.push_back(doubling.tokens.back() + doubling.tokens.back());
      doubling.merges.push_back({id, id, id + 1});
    }
    return doubling;
  }();
  const BpeModel model(vocabulary.pieces(), vocabulary.merges);
  const Units word(1'000'000, u'a');
  CHECK(encode(model, word).size() == 244 + 2);  // 244 * 4096 + 512 + 64
}

TEST_CASE("a vocabulary that contradicts itself is refused") {
  CHECK_THROWS_AS(BpeModel({u"a", u"a"}, {}), FormatError);
  CHECK_THROWS_AS(BpeModel({u"a", u"b", u"ba"}, {{0, 1, 2}}), FormatError);
  CHECK_THROWS_AS(BpeModel({u"a"}, {{0, 0, 1}}), FormatError);
  CHECK_THROWS_AS(BpeModel({u"a"}, {{-1, 0, 0}}), FormatError);
  CHECK_THROWS_AS(BpeModel({u"a", u""}, {{0, 1, 0}}), FormatError);
}

}  // namespace
}  // namespace fast_tokenizer
