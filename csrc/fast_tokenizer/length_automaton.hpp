// Which ids may come next, if a sequence is to hold exactly so many coefficients.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "fast_tokenizer/token_grammar.hpp"

namespace fast_tokenizer {

// A place in a sequence.
struct SequencePlace {
  std::int32_t history;    // of TokenGrammar
  std::int32_t state;      // of TokenGrammar
  std::int32_t remaining;  // coefficients still to come; -1 after the end token

  bool complete() const noexcept { return remaining == 0 && state == 0; }
  bool ended() const noexcept { return remaining < 0; }
};

// For every place that can be reached, an id is allowed exactly if the sequence can be continued from there
// to the wanted length: what is generated step by step never comes to a dead end.
//
// Where nothing is missing the end token is allowed, and nothing else; after it padding. Their ids are the
// vocabulary's size plus 1, and plus 0.
//
// Immutable; safe to share between threads.
class LengthAutomaton {
 public:
  // `length` coefficients, at least 1.
  LengthAutomaton(std::shared_ptr<const TokenGrammar> grammar, std::size_t length);

  // Whether there is any sequence of that length.
  bool possible() const;

  const TokenGrammar& grammar() const noexcept { return *grammar_; }
  SequencePlace start() const noexcept {
    return {TokenGrammar::kStartHistory, 0, static_cast<std::int32_t>(length_)};
  }

  // Whether the numbers are of some place of this automaton.
  bool knows(const SequencePlace& place) const;

  // Ids of the vocabulary and the special ones after them: pad, end, mask.
  std::size_t ids() const noexcept { return grammar_->size() + 3; }

  // The ids that may come next, as a set of ids() bits.
  void allowed(const SequencePlace& place, IdSet& set) const;

  // Takes an id. False, and nothing is changed, if it is not allowed here.
  bool advance(SequencePlace& place, TokenId id) const;

 private:
  TokenId pad() const noexcept { return static_cast<TokenId>(grammar_->size()); }
  TokenId end() const noexcept { return pad() + 1; }

  // The ids after which the rest can be filled, as far as state and length go. Beyond the last level, more
  // remaining coefficients change nothing.
  std::uint64_t* open_ids(std::size_t state, std::size_t remaining) {
    return open_.data() + (std::min(remaining, levels_ - 1) * grammar_->states() + state) * grammar_->words();
  }
  const std::uint64_t* open_ids(std::size_t state, std::size_t remaining) const {
    return const_cast<LengthAutomaton*>(this)->open_ids(state, remaining);
  }
  void add_level();
  bool can_complete(const SequencePlace& place) const;

  std::shared_ptr<const TokenGrammar> grammar_;
  std::size_t length_;
  std::size_t levels_ = 0;
  std::vector<std::uint64_t> open_;  // [level, state, word]
};

}  // namespace fast_tokenizer
