// Which integers to write for the coefficients of a chunk, where fewer tokens are worth some error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"
#include "fast_tokenizer/coefficient_coder.hpp"
#include "fast_tokenizer/token_grammar.hpp"

namespace fast_tokenizer {

// Rate-distortion optimised quantization, as video encoders have it: of all ways to round a chunk, the one
// with the least  tokens + rdo * squared error.  A coefficient may become any integer of the alphabet within
// kReach of it. Errors are counted beyond those of plain rounding, which changes no choice.
//
// The least cost is found over sequences of tokens, from left to right (Viterbi): to each place, the best way
// is kept for each token that ends there, as the grammar says by that token which ones may follow. In scheme
// symbols the sequences of the canonical grammar are exactly the encodings, and so this is the optimum
// itself: the integers that are chosen are encoded to just these tokens.
//
// Immutable; safe to share between threads.
class RateDistortionSearch {
 public:
  // The canonical grammar of the coder, which is of scheme symbols.
  RateDistortionSearch(const CoefficientCoder& coder, std::shared_ptr<const TokenGrammar> grammar);

  // Of `count` chunks of `length` coefficients each, `scaled` are those before rounding; `rounded` holds them
  // after, and is overwritten with the choice. What lies outside the alphabet stays, for encoding to clip.
  // Where the vocabulary has no token for what must be written, the chunk stays.
  void choose(const double* scaled, std::size_t count, std::size_t length, double rdo,
              std::int32_t* rounded) const;

  // How far from a coefficient its integer may be. One that lies within 0.1 of an integer stays with it: the
  // next one would cost almost a whole squared unit, which is rarely worth its tokens, and most coefficients
  // are almost 0. To try it at all of them makes the search up to ten times slower, for 1% of the cost or so.
  static constexpr double kReach = 0.9;

 private:
  // A trie of the tokens. The children of a node lie side by side, in the order of their symbols.
  struct Node {
    TokenId token = -1;
    std::uint32_t first_child = 0;
    std::uint32_t end_child = 0;
    std::uint32_t height = 0;  // of the subtree
  };

  struct Window;
  struct Scratch;

  void build_trie();
  void open_windows(std::span<const double> scaled, std::span<const std::int32_t> rounded,
                    std::vector<Window>& windows) const;
  void find_edges(double rdo, double slack, Scratch& scratch) const;
  std::vector<TokenId> find_path(double rdo, Scratch& scratch) const;
  bool arrive(double bound, Scratch& scratch) const;
  bool may_follow(TokenId left, TokenId right) const;
  void spell(const std::vector<TokenId>& path, std::span<std::int32_t> rounded) const;

  std::int32_t min_coefficient_;
  std::int32_t max_coefficient_;
  std::shared_ptr<const TokenGrammar> grammar_;
  std::vector<Units> texts_;  // of each id; empty if encoding never writes it
  std::vector<Node> nodes_;
  std::vector<Unit> symbols_;  // of the edge to each node
};

}  // namespace fast_tokenizer
