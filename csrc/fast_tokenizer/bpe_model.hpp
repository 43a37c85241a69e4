// Byte-pair encoding (BPE) of a text by a list of ranked merges.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"
#include "fast_tokenizer/merge_table.hpp"
#include "fast_tokenizer/token_trie.hpp"

namespace fast_tokenizer {

// Encodes like the tokenizers library: again and again the pair of lowest rank is merged, the leftmost first.
//
// It does so in linear time in practice, without a queue of merges: it takes the longest token at the current
// place that BPE would leave standing beside the token before it, and steps back where none does. That finds
// BPE's own answer because (1) a token can only come out of BPE if BPE makes it of its own letters, and (2) a
// sequence of such tokens is what BPE makes of their text exactly when that is so for every two neighbours,
// since merges on the two sides of a boundary do not see each other until one crosses it. The idea of the
// search is from the "bpe" crate of github/rust-gems.
//
// The test of two neighbours needs each token to come after its parts in rank, as in every trained
// vocabulary. Where a file has it otherwise, the queue does the work.
class BpeModel {
 public:
  // pieces[id] is the text of a token, empty for an id that encoding never produces.
  // Throws FormatError where two pieces are the same, or a merge's sides do not spell its result.
  BpeModel(const std::vector<Units>& pieces, const std::vector<Merge>& merges);
  ~BpeModel();

  std::size_t size() const noexcept { return steps_.size(); }

  // Appends the ids of `word`. Returns how much of it was encoded: less than all of it where the vocabulary
  // has no token for a letter, and then nothing is appended.
  std::size_t encode(std::u16string_view word, std::vector<TokenId>& ids) const;

  // Whether the id stands for a text at all.
  bool has_text(TokenId id) const { return steps_[static_cast<std::size_t>(id)].length > 0; }

  // Whether encoding a word can give this id.
  bool produces(TokenId id) const { return derivations_[static_cast<std::size_t>(id)].reachable; }

  // Whether BPE of the text of two tokens that encoding produces gives these two tokens.
  bool leaves_apart(TokenId left, TokenId right) const;

 private:
  class PairCache;

  // What the search looks at all the time.
  struct Step {
    std::int32_t length = 0;  // of the token, in units
    TokenId shorter = -1;     // the longest other token that this one begins with
  };

  // How BPE makes a token of its own letters.
  struct Derivation {
    TokenId left = -1;  // the last merge; -1 for a single letter
    TokenId right = -1;
    std::int32_t rank = -1;  // of the last merge
    // Lowest ranks of the merges with this token on their left or right side: most pairs need no look-up.
    std::int32_t first_as_left = INT32_MAX;
    std::int32_t first_as_right = INT32_MAX;
    bool reachable = false;  // whether BPE makes it at all
  };

  void read_letters(const std::vector<Units>& pieces);
  void read_merges(const std::vector<Units>& pieces, const std::vector<Merge>& merges);
  void derive_tokens(const std::vector<Units>& pieces);
  void build_trie(const std::vector<Units>& pieces);

  std::size_t encode_by_queue(std::u16string_view word, std::vector<TokenId>& ids) const;
  void append_letters(TokenId id, std::vector<TokenId>& letters) const;
  TokenId letter(Unit unit) const { return unit < letters_.size() ? letters_[unit] : -1; }
  bool stands_beside(TokenId left, TokenId right) const;
  bool survives_boundary(TokenId left, TokenId right) const;

  MergeTable merges_;
  std::vector<TokenId> letters_;  // the token of a single unit, or -1
  // The same where no merge has it on its left, or -1: if a token ends before such a unit, the next one is
  // known.
  std::vector<TokenId> lone_letters_;
  std::vector<Step> steps_;
  std::vector<Derivation> derivations_;
  bool ranks_in_order_ = true;
  std::optional<TokenTrie> trie_;
  std::unique_ptr<PairCache> cache_;
};

}  // namespace fast_tokenizer
