// Which token may follow which, so that the text is well formed and, if wanted, what encoding would write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"
#include "fast_tokenizer/coefficient_coder.hpp"
#include "fast_tokenizer/id_set.hpp"

namespace fast_tokenizer {

// The tokens of a codec as a grammar. A place in a text is described by
//   a state:   what the text before lacks to end with a whole coefficient: bytes of scheme bytes. 0: nothing.
//   a history: what matters of the token before the place, if neighbours matter: a row of `successors`.
// Immutable; safe to share between threads.
class TokenGrammar {
 public:
  // Every id is one coefficient, and any may follow any.
  explicit TokenGrammar(std::size_t size);

  // The tokens of a BPE vocabulary, without those that encoding never writes as text, and without
  // coefficients beyond +-largest; where a character's first byte is a token of its own, also with those that
  // its other bytes may lead to from there. With `canonical`, only neighbours that encoding would leave side
  // by side. In scheme symbols, sequences of such neighbours are exactly what encoding writes. In scheme
  // bytes they are so within a word of the GPT-2 split; where a word may end is judged by the two characters
  // at the seam, which errs on the side of allowing.
  TokenGrammar(const CoefficientCoder& coder, bool canonical, std::int32_t largest, int num_threads);

  struct Step {
    std::int32_t coefficients = 0;  // that the token completes
    std::int16_t next_state = -1;   // -1: not allowed here
    std::int32_t history = 0;       // after it
  };

  std::size_t size() const noexcept { return size_; }
  std::size_t words() const noexcept { return (size_ + 63) / 64; }  // of an IdSet
  std::size_t states() const noexcept { return order_.size(); }
  std::size_t histories() const noexcept { return histories_; }

  const Step& step(std::size_t state, std::size_t id) const { return steps_[state * size_ + id]; }

  // The ids that may follow a history, whatever the state says.
  std::span<const std::uint64_t> successors(std::size_t history) const {
    return std::span(successors_).subspan(history * words(), words());
  }

  // Before the first token.
  static constexpr std::size_t kStartHistory = 0;

  // States in an order in which a token that completes no coefficient leads from a later to an earlier one,
  // state 0 excepted, which comes last.
  std::span<const std::size_t> states_by_need() const { return order_; }

 private:
  struct Seams;

  void read_steps(const CoefficientCoder& coder, std::int32_t largest);
  void read_successors(const CoefficientCoder& coder, const Seams& seams, int num_threads);

  std::size_t size_;
  std::size_t histories_ = 1;
  std::vector<Step> steps_;                // [state, id]
  std::vector<std::uint64_t> successors_;  // [history, word]
  std::vector<std::size_t> order_;
};

}  // namespace fast_tokenizer
