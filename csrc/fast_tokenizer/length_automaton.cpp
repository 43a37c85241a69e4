#include "fast_tokenizer/length_automaton.hpp"

#include <utility>

namespace fast_tokenizer {

// Built from the end, by how much remains. An id is open at (state, remaining) if after it nothing is
// missing, or one of its successors is open. Which neighbour was before does not matter for that, so that a
// set of ids for each (state, remaining) says it all.
LengthAutomaton::LengthAutomaton(std::shared_ptr<const TokenGrammar> grammar, std::size_t length)
    : grammar_(std::move(grammar)), length_(length) {
  std::size_t longest = 0;
  for (std::size_t state = 0; state < grammar_->states(); ++state) {
    for (std::size_t id = 0; id < grammar_->size(); ++id)
      longest = std::max(longest, static_cast<std::size_t>(grammar_->step(state, id).coefficients));
  }
  const std::size_t level_words = grammar_->states() * grammar_->words();
  // A level is made of as many levels before it as the longest token has coefficients. Once all of these are
  // equal, and made without the end of the sequence in sight, so are all that follow.
  std::size_t equal = 0;
  while (levels_ <= length && equal <= longest) {
    add_level();
    const auto last = open_.end() - static_cast<std::ptrdiff_t>(level_words);
    const bool same =
        levels_ > 2 && std::equal(last, open_.end(), last - static_cast<std::ptrdiff_t>(level_words));
    equal = same ? equal + 1 : 0;
  }
}

void LengthAutomaton::add_level() {
  const std::size_t remaining = levels_++;
  open_.resize(open_.size() + grammar_->states() * grammar_->words());
  for (const std::size_t state : grammar_->states_by_need()) {
    const std::span open(open_ids(state, remaining), grammar_->words());
    for (std::size_t id = 0; id < grammar_->size(); ++id) {
      const TokenGrammar::Step& step = grammar_->step(state, id);
      const auto left = static_cast<std::int32_t>(remaining) - step.coefficients;
      if (step.next_state < 0 || left < 0) continue;
      if (can_complete({step.history, step.next_state, left})) insert(open, id);
    }
  }
}

bool LengthAutomaton::can_complete(const SequencePlace& place) const {
  if (place.complete()) return true;
  const auto successors = grammar_->successors(static_cast<std::size_t>(place.history));
  const std::uint64_t* const open =
      open_ids(static_cast<std::size_t>(place.state), static_cast<std::size_t>(place.remaining));
  for (std::size_t i = 0; i < successors.size(); ++i) {
    if ((successors[i] & open[i]) != 0) return true;
  }
  return false;
}

bool LengthAutomaton::knows(const SequencePlace& place) const {
  const auto below = [](std::int32_t value, std::size_t bound) {
    return value >= 0 && static_cast<std::size_t>(value) < bound;
  };
  return below(place.history, grammar_->histories()) && below(place.state, grammar_->states()) &&
         (place.ended() || below(place.remaining, length_ + 1));
}

bool LengthAutomaton::possible() const { return can_complete(start()); }

void LengthAutomaton::allowed(const SequencePlace& place, IdSet& set) const {
  set.assign((ids() + 63) / 64, 0);
  if (place.complete() || place.ended()) {
    insert(set, static_cast<std::size_t>(place.ended() ? pad() : end()));
    return;
  }
  const auto successors = grammar_->successors(static_cast<std::size_t>(place.history));
  const std::uint64_t* const open =
      open_ids(static_cast<std::size_t>(place.state), static_cast<std::size_t>(place.remaining));
  for (std::size_t i = 0; i < successors.size(); ++i) set[i] = successors[i] & open[i];
}

bool LengthAutomaton::advance(SequencePlace& place, TokenId id) const {
  if (place.ended()) return id == pad() || id == end();
  if (place.complete()) {
    if (id == end()) place.remaining = -1;
    return id == end();
  }
  if (id < 0 || id >= pad()) return false;
  const auto at = static_cast<std::size_t>(id);
  const auto state = static_cast<std::size_t>(place.state);
  const std::uint64_t* const open = open_ids(state, static_cast<std::size_t>(place.remaining));
  const auto successors = grammar_->successors(static_cast<std::size_t>(place.history));
  if (!contains(successors, at) || !contains({open, successors.size()}, at)) return false;
  const TokenGrammar::Step& step = grammar_->step(state, at);
  place = {step.history, step.next_state, place.remaining - step.coefficients};
  return true;
}

}  // namespace fast_tokenizer
