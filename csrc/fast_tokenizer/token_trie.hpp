// Longest-match search in the tokens of a vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"

namespace fast_tokenizer {

// A trie split into heavy paths (Sleator & Tarjan 1983): each node continues into its largest child, and the
// nodes of such a path are numbered in a row. A walk compares the text with a whole path at once and changes
// paths at most log2(nodes) times. The tokens of action vocabularies are long runs of one symbol, zero, with
// few branches, so a walk is little more than a memcmp.
class TokenTrie {
 public:
  // Pieces are distinct and not empty. Throws FormatError if they have more than 2^24 - 1 distinct
  // beginnings.
  struct Entry {
    std::u16string_view piece;
    TokenId id;
  };
  explicit TokenTrie(std::vector<Entry> entries);

  // The longest token that `text` begins with, or -1.
  TokenId longest_match(std::u16string_view text) const;

 private:
  struct Node {
    std::uint32_t path_end : 31;   // last node of this path
    std::uint32_t has_branch : 1;  // whether an edge leaves the path here
    TokenId longest;               // longest token on the way from the root to here, or -1
  };
  // An edge between paths in one word, so that the table stays in the nearest cache: parent << 40 | unit <<
  // 24 | child. Nothing else is zero in the upper 40 bits, as the root's edges lie elsewhere.
  using Branch = std::uint64_t;
  static constexpr unsigned kNodeBits = 24;

  void insert_branch(std::uint32_t node, Unit unit, std::uint32_t child);
  std::uint32_t branch(std::uint32_t node, Unit unit) const;
  std::size_t slot_of(std::uint64_t edge) const {
    return static_cast<std::size_t>((edge * 0x9E3779B97F4A7C15ULL) >> shift_);
  }

  std::vector<Node> nodes_;
  std::vector<Unit> next_unit_;               // of the edge from a node to the next one on its path
  std::vector<std::uint32_t> root_children_;  // by unit; 0 where there is none
  std::vector<Branch> branches_;              // open addressing
  unsigned shift_ = 0;
};

}  // namespace fast_tokenizer
