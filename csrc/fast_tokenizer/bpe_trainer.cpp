#include "fast_tokenizer/bpe_trainer.hpp"

#include <optional>
#include <string>

#include "fast_tokenizer/errors.hpp"
#include "fast_tokenizer/pair_queue.hpp"
#include "fast_tokenizer/parallel.hpp"
#include "fast_tokenizer/training_shard.hpp"
#include "fast_tokenizer/worker_team.hpp"

namespace fast_tokenizer {
namespace {

constexpr std::size_t kLettersPerThread = std::size_t{1} << 15;  // fewer are not worth another thread
constexpr std::size_t kLettersPerReport = std::size_t{1} << 20;
constexpr std::size_t kMergesPerReport = 16;

void check(const TrainingOptions& options) {
  if (options.alphabet_size < 1) {
    throw TrainingError("The alphabet has " + std::to_string(options.alphabet_size) +
                        " letters; it must have 1 or more.");
  }
  if (options.vocab_size < options.alphabet_size) {
    throw TrainingError(
        "A vocabulary of " + std::to_string(options.vocab_size) + " tokens cannot hold an alphabet of " +
        std::to_string(options.alphabet_size) +
        " letters: ask for a larger vocabulary, or for a coarser scale and so a smaller alphabet.");
  }
}

// Members take turns with the words: neighbours in a corpus resemble each other, so that contiguous parts
// would make unequal work of later merges.
void fill(TrainingShard& shard, std::size_t member, const TrainingCorpus& corpus, const WorkerTeam& team,
          const std::function<void()>& report) {
  shard.reserve(corpus.size() / team.members() + 1, corpus.letters() / team.members());
  std::size_t letters = 0;
  for (std::size_t word = member; word < corpus.size() && !team.failing(); word += team.members()) {
    shard.add(corpus.word(word), corpus.count(word));
    letters += corpus.word(word).size();
    if (member == 0 && letters >= kLettersPerReport) {
      report();
      letters = 0;
    }
  }
}

}  // namespace

std::vector<Merge> train_bpe(const TrainingCorpus& corpus, const TrainingOptions& options,
                             const TrainingProgress& progress) {
  check(options);
  TokenId num_tokens = options.alphabet_size;
  const auto report = [&] {
    if (progress)
      progress(static_cast<std::size_t>(num_tokens), static_cast<std::size_t>(options.vocab_size));
  };
  WorkerTeam team(threads_for(corpus.letters(), kLettersPerThread, options.num_threads));
  std::vector<TrainingShard> shards(team.members(), {options.alphabet_size, options.max_token_length});
  std::vector<std::vector<PairChange>> changes(team.members());
  PairQueue queue(options.min_frequency);

  report();
  team.run([&](std::size_t member) {
    fill(shards[member], member, corpus, team, report);
    changes[member] = shards[member].pair_counts();
  });
  queue.take(changes);

  std::vector<Merge> merges;
  while (num_tokens < options.vocab_size) {
    const std::optional<Pair> pair = queue.pop();
    if (!pair) break;
    // No two merges spell the same text: what stands between two boundaries of tokens has been split in the
    // same way wherever it stands. So every merge makes a new token.
    merges.push_back({pair->left, pair->right, num_tokens++});
    team.run([&](std::size_t member) { changes[member] = shards[member].apply_merge(*pair); });
    queue.take(changes);
    if (merges.size() % kMergesPerReport == 0) report();
  }
  report();
  return merges;
}

}  // namespace fast_tokenizer
