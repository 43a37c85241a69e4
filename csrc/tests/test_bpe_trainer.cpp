#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "fast_tokenizer/bpe_trainer.hpp"
#include "fast_tokenizer/errors.hpp"
#include "fast_tokenizer/pair_queue.hpp"
#include "fast_tokenizer/training_corpus.hpp"
#include "fast_tokenizer/training_shard.hpp"

namespace fast_tokenizer {
namespace {

using Word = std::vector<TokenId>;

Word letters(std::string_view text) {
  Word word;
  for (const char letter : text) word.push_back(letter - 'a');
  return word;
}

TrainingCorpus corpus_of(std::initializer_list<std::string_view> texts) {
  TrainingCorpus corpus;
  for (const std::string_view text : texts) corpus.add(letters(text));
  return corpus;
}

// Words with long runs of one letter, as the high frequencies of actions have them.
TrainingCorpus random_corpus(std::uint32_t seed, std::size_t words, std::size_t max_length,
                             TokenId alphabet_size, double stickiness) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<std::size_t> length(1, max_length);
  std::uniform_int_distribution<TokenId> letter(0, alphabet_size - 1);
  std::uniform_int_distribution<std::int64_t> count(1, 3);
  std::bernoulli_distribution stays(stickiness);
  TrainingCorpus corpus;
  for (std::size_t i = 0; i < words; ++i) {
    Word word(length(random));
    TokenId last = 0;
    for (TokenId& each : word) each = last = stays(random) ? last : letter(random);
    corpus.add(word, count(random));
  }
  return corpus;
}

// BPE as it is defined: count every pair anew, merge the best one everywhere, repeat.
std::vector<Merge> train_slowly(const TrainingCorpus& corpus, const TrainingOptions& options) {
  std::vector<Word> words;
  for (std::size_t i = 0; i < corpus.size(); ++i) {
    words.emplace_back(corpus.word(i).begin(), corpus.word(i).end());
  }
  std::vector<std::size_t> lengths(static_cast<std::size_t>(options.alphabet_size), 1);
  const auto length = [&](TokenId token) { return lengths[static_cast<std::size_t>(token)]; };
  std::vector<Merge> merges;
  for (TokenId result = options.alphabet_size; result < options.vocab_size; ++result) {
    std::map<std::pair<TokenId, TokenId>, std::int64_t> counts;
    for (std::size_t i = 0; i < words.size(); ++i) {
      for (std::size_t at = 1; at < words[i].size(); ++at) {
        const auto pair = std::pair(words[i][at - 1], words[i][at]);
        const std::size_t both = length(pair.first) + length(pair.second);
        if (both == 2 || both < options.max_token_length) counts[pair] += corpus.count(i);
      }
    }
    const auto best = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
    if (best == counts.end() || best->second < std::max<std::int64_t>(options.min_frequency, 1)) break;
    const auto [left, right] = best->first;
    merges.push_back({left, right, result});
    lengths.push_back(length(left) + length(right));
    for (Word& word : words) {
      Word merged;
      for (std::size_t at = 0; at < word.size(); ++at) {
        const bool here = at + 1 < word.size() && word[at] == left && word[at + 1] == right;
        merged.push_back(here ? result : word[at]);
        if (here) ++at;
      }
      word = std::move(merged);
    }
  }
  return merges;
}

// What a trainer does whose shards lie on different machines.
std::vector<Merge> train_by_hand(const TrainingCorpus& corpus, const TrainingOptions& options,
                                 std::size_t machines) {
  std::vector<TrainingShard> shards(machines, {options.alphabet_size, options.max_token_length});
  for (std::size_t i = 0; i < corpus.size(); ++i) {
    shards[i * machines / corpus.size()].add(corpus.word(i), corpus.count(i));
  }
  std::vector<std::vector<PairChange>> changes;
  for (TrainingShard& shard : shards) changes.push_back(shard.pair_counts());
  PairQueue queue(options.min_frequency);
  queue.take(changes);
  std::vector<Merge> merges;
  for (TokenId result = options.alphabet_size; result < options.vocab_size; ++result) {
    const std::optional<Pair> pair = queue.pop();
    if (!pair) break;
    merges.push_back({pair->left, pair->right, result});
    for (std::size_t i = 0; i < machines; ++i) changes[i] = shards[i].apply_merge(*pair);
    queue.take(changes);
  }
  return merges;
}

}  // namespace

TEST_CASE("a corpus counts each distinct word once") {
  TrainingCorpus corpus = corpus_of({"abc", "", "ab", "abc", "c"});
  corpus.add(letters("ab"), 5);
  REQUIRE(corpus.size() == 3);
  CHECK(std::ranges::equal(corpus.word(0), letters("abc")));
  CHECK(std::ranges::equal(corpus.word(1), letters("ab")));
  CHECK(corpus.count(0) == 2);
  CHECK(corpus.count(1) == 6);
  CHECK(corpus.count(2) == 1);
  CHECK(corpus.letters() == 6);
  CHECK_THROWS_AS(corpus.add(letters("a"), 0), TrainingError);
}

TEST_CASE("a corpus keeps many words and long ones") {
  constexpr TokenId kWords = 3000;
  const Word enormous(std::size_t{1} << 19, 7);
  TrainingCorpus corpus;
  for (int time = 0; time < 2; ++time) {
    for (TokenId i = 0; i < kWords; ++i) {
      corpus.add(Word{i, 0, i / 2});
      if (i == kWords / 2) corpus.add(enormous);
    }
  }
  REQUIRE(corpus.size() == kWords + 1);
  CHECK(std::ranges::equal(corpus.word(kWords / 2 + 1), enormous));
  CHECK(std::ranges::equal(corpus.word(kWords), Word{kWords - 1, 0, (kWords - 1) / 2}));
  CHECK(corpus.count(0) == 2);
  CHECK(corpus.count(kWords) == 2);
}

TEST_CASE("merges are those of tokenizers 0.23.3") {
  const TrainingCorpus corpus =
      corpus_of({"aaaaaaabdaaabac", "abdabdaaaab", "aaaaaaaa", "aaaaaaaa", "cabdaaac"});
  TrainingOptions options{.alphabet_size = 4, .vocab_size = 30};
  CHECK(train_bpe(corpus, options) ==
        std::vector<Merge>{{0, 0, 4}, {4, 4, 5}, {0, 1, 6}, {6, 3, 7}, {0, 2, 8}, {5, 5, 9}, {7, 4, 10}});
  options.max_token_length = 4;
  CHECK(train_bpe(corpus, options) == std::vector<Merge>{{0, 0, 4}, {0, 1, 5}, {5, 3, 6}, {0, 2, 7}});
}

TEST_CASE("merges are those of the definition") {
  std::uint32_t seed = 0;
  for (const TokenId alphabet_size : {1, 2, 4, 30}) {
    for (const double stickiness : {0.0, 0.6, 0.95}) {
      for (const std::size_t max_token_length : {std::size_t{2}, std::size_t{5}, std::size_t{10000}}) {
        CAPTURE(alphabet_size);
        CAPTURE(stickiness);
        CAPTURE(max_token_length);
        const TrainingCorpus corpus = random_corpus(++seed, 40, 90, alphabet_size, stickiness);
        const TrainingOptions options{.alphabet_size = alphabet_size,
                                      .vocab_size = alphabet_size + 60,
                                      .min_frequency = 1 + seed % 3,
                                      .max_token_length = max_token_length};
        CHECK(train_bpe(corpus, options) == train_slowly(corpus, options));
      }
    }
  }
}

TEST_CASE("neither threads nor shards change the merges") {
  const TrainingCorpus corpus = random_corpus(1, 500, 1000, 20, 0.8);
  TrainingOptions options{.alphabet_size = 20, .vocab_size = 300, .num_threads = 1};
  const std::vector<Merge> merges = train_bpe(corpus, options);
  CHECK(merges.size() == 280);
  CHECK(merges.back().result == 299);
  for (const int parts : {2, 3, 7}) {
    CAPTURE(parts);
    options.num_threads = parts;
    CHECK(train_bpe(corpus, options) == merges);
    CHECK(train_by_hand(corpus, options, static_cast<std::size_t>(parts)) == merges);
  }
}

TEST_CASE("training ends when the vocabulary is full or the pairs are too rare") {
  const TrainingCorpus corpus = corpus_of({"ab", "ab", "abc", "cc"});
  CHECK(train_bpe(corpus, {.alphabet_size = 3, .vocab_size = 3}).empty());
  CHECK(train_bpe(corpus, {.alphabet_size = 3, .vocab_size = 9}) == std::vector<Merge>{{0, 1, 3}});
  CHECK(train_bpe(corpus, {.alphabet_size = 3, .vocab_size = 9, .min_frequency = 4}).empty());
  CHECK(train_bpe(corpus, {.alphabet_size = 3, .vocab_size = 5, .min_frequency = -1}) ==
        std::vector<Merge>{{0, 1, 3}, {2, 2, 4}});
  CHECK(train_bpe(corpus, {.alphabet_size = 3, .vocab_size = 9, .min_frequency = 0}).size() == 3);
  CHECK(train_bpe({}, {.alphabet_size = 3, .vocab_size = 9}).empty());
  CHECK(train_bpe(corpus_of({"a", "b"}), {.alphabet_size = 2, .vocab_size = 9, .min_frequency = 1}).empty());
}

TEST_CASE("what cannot be trained is refused") {
  const TrainingCorpus corpus = corpus_of({"abc"});
  CHECK_THROWS_AS(train_bpe(corpus, {.alphabet_size = 0}), TrainingError);
  CHECK_THROWS_AS(train_bpe(corpus, {.alphabet_size = 300, .vocab_size = 299}), TrainingError);
  CHECK_THROWS_AS(train_bpe(corpus, {.alphabet_size = 2}), TrainingError);
  TrainingCorpus negative;
  negative.add(Word{1, -1});
  CHECK_THROWS_AS(train_bpe(negative, {.alphabet_size = 2}), TrainingError);
}

TEST_CASE("a word that a helping thread refuses ends the training") {
  TrainingCorpus corpus = random_corpus(2, 200, 1000, 5, 0.5);
  corpus.add(Word{1, 5});
  for (const int num_threads : {1, 2, 5}) {
    CHECK_THROWS_AS(train_bpe(corpus, {.alphabet_size = 5, .num_threads = num_threads}), TrainingError);
  }
}

TEST_CASE("progress is told, and may end the training") {
  const TrainingCorpus corpus = random_corpus(3, 300, 1000, 10, 0.5);
  for (const int num_threads : {1, 3}) {
    const TrainingOptions options{.alphabet_size = 10, .vocab_size = 100, .num_threads = num_threads};
    std::vector<std::size_t> told;
    train_bpe(corpus, options, [&](std::size_t num_tokens, std::size_t vocab_size) {
      CHECK(vocab_size == 100);
      told.push_back(num_tokens);
    });
    CHECK(told.front() == 10);
    CHECK(told.back() == 100);
    CHECK(told.size() > 5);
    CHECK(std::ranges::is_sorted(told));

    for (const std::size_t last : {std::size_t{10}, std::size_t{50}}) {
      const auto stop = [last](std::size_t num_tokens, std::size_t) {
        if (num_tokens >= last) throw std::runtime_error("enough");
      };
      CHECK_THROWS_WITH(train_bpe(corpus, options, stop), "enough");
    }
  }
}

TEST_CASE("progress may end the counting of a large corpus") {
  TrainingCorpus corpus;
  for (TokenId i = 0; i < 4; ++i) corpus.add(Word(std::size_t{1} << 20, i));
  int calls = 0;
  const auto stop_at_the_second = [&](std::size_t, std::size_t) {
    if (++calls == 2) throw std::runtime_error("enough");
  };
  CHECK_THROWS_WITH(train_bpe(corpus, {.alphabet_size = 4, .num_threads = 2}, stop_at_the_second), "enough");
}

TEST_CASE("a shard reports overlapping pairs, then what each merge changes") {
  TrainingShard shard(2, 100);
  shard.add(letters("aaab"), 10);
  CHECK(shard.pair_counts() == std::vector<PairChange>{{{0, 0}, 20}, {{0, 1}, 10}});
  // "aa" "a" "b": the pair of the second and third letter is lost.
  CHECK(shard.apply_merge({0, 0}) == std::vector<PairChange>{{{0, 0}, -10}, {{2, 0}, 10}});
  CHECK(shard.apply_merge({0, 1}) == std::vector<PairChange>{{{2, 0}, -10}, {{2, 3}, 10}});
  CHECK(shard.apply_merge({1, 1}).empty());
}

TEST_CASE("a shard refuses calls out of order and tokens it does not know") {
  TrainingShard shard(2, 100);
  CHECK_THROWS_AS(shard.apply_merge({0, 1}), TrainingError);
  CHECK_THROWS_AS(shard.add(letters("abc"), 1), TrainingError);
  shard.add(letters("abab"), 1);
  shard.add({}, 1);
  shard.pair_counts();
  CHECK_THROWS_AS(shard.pair_counts(), TrainingError);
  CHECK_THROWS_AS(shard.add(letters("ab"), 1), TrainingError);
  CHECK_THROWS_AS(shard.apply_merge({0, 2}), TrainingError);
  CHECK_THROWS_AS(shard.apply_merge({-1, 0}), TrainingError);
  CHECK(shard.apply_merge({0, 1}).size() == 4);
  CHECK(shard.apply_merge({2, 2}).empty());
}

TEST_CASE("a queue prefers frequent pairs, then small ids, as the counts stand") {
  PairQueue queue(2);
  queue.take(std::vector<std::vector<PairChange>>{{{{1, 0}, 3}, {{0, 1}, 2}, {{3, 3}, 1}},
                                                  {{{0, 1}, 1}, {{2, 2}, 9}, {{3, 3}, 1}}});
  CHECK(queue.pop() == Pair{2, 2});
  queue.take(std::vector<std::vector<PairChange>>{{{{0, 1}, -1}, {{4, 0}, 5}, {{4, 1}, 1}}});
  CHECK(queue.pop() == Pair{4, 0});
  CHECK(queue.pop() == Pair{1, 0});
  CHECK(queue.pop() == Pair{0, 1});
  queue.take(std::vector<std::vector<PairChange>>{{{{3, 3}, -1}}});
  CHECK(queue.pop() == std::nullopt);
}

}  // namespace fast_tokenizer
