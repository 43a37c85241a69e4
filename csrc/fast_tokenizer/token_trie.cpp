#include "fast_tokenizer/token_trie.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "fast_tokenizer/errors.hpp"

namespace fast_tokenizer {
namespace {

constexpr std::size_t kMostNodes = (std::size_t{1} << 24) - 1;
constexpr std::uint32_t kNone = 0;  // the root is nobody's child

// How many of the first `limit` units are the same.
std::size_t common_prefix(const Unit* a, const Unit* b, std::size_t limit) {
  constexpr std::size_t kWord = sizeof(std::uint64_t) / sizeof(Unit);
  std::size_t count = 0;
  for (; count + kWord <= limit; count += kWord) {
    std::uint64_t x;
    std::uint64_t y;
    std::memcpy(&x, a + count, sizeof x);
    std::memcpy(&y, b + count, sizeof y);
    if (x != y) {
      const int same_bits =
          std::endian::native == std::endian::little ? std::countr_zero(x ^ y) : std::countl_zero(x ^ y);
      return count + static_cast<std::size_t>(same_bits) / (8 * sizeof(Unit));
    }
  }
  while (count < limit && a[count] == b[count]) ++count;
  return count;
}

// A plain trie in preorder, from which the paths are cut.
struct PlainTrie {
  struct Node {
    std::uint32_t parent;
    Unit unit;
    TokenId token = -1;
    std::uint32_t size = 1;  // nodes of the subtree
    std::uint32_t heavy_child = kNone;
    std::uint32_t first_child = kNone;
    std::uint32_t next_sibling = kNone;
  };
  std::vector<Node> nodes{Node{kNone, 0}};

  // Sorted words make preorder: each shares its beginning with the path to the word before it.
  explicit PlainTrie(std::vector<TokenTrie::Entry>& entries) {
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.piece < b.piece; });
    std::vector<std::uint32_t> path{0};
    std::u16string_view previous;
    for (const auto& [piece, id] : entries) {
      const std::size_t shared =
          common_prefix(piece.data(), previous.data(), std::min(piece.size(), previous.size()));
      path.resize(shared + 1);
      if (nodes.size() + piece.size() > kMostNodes)
        throw FormatError("the tokens are too long together: more than " + std::to_string(kMostNodes) +
                          " letters");
      for (const Unit unit : piece.substr(shared)) {
        const auto node = static_cast<std::uint32_t>(nodes.size());
        nodes.push_back({path.back(), unit});
        nodes[node].next_sibling = nodes[path.back()].first_child;
        nodes[path.back()].first_child = node;
        path.push_back(node);
      }
      nodes[path.back()].token = id;
      previous = piece;
    }
    for (std::size_t node = nodes.size(); --node > 0;) {
      Node& parent = nodes[nodes[node].parent];
      parent.size += nodes[node].size;
      if (parent.heavy_child == kNone || nodes[node].size > nodes[parent.heavy_child].size)
        parent.heavy_child = static_cast<std::uint32_t>(node);
    }
  }

  // Whether a path begins at this node. The root keeps all its children in a table of their own: it is where
  // every walk begins.
  bool is_branch(std::uint32_t node) const {
    return nodes[node].parent == 0 || nodes[nodes[node].parent].heavy_child != node;
  }
};

}  // namespace

TokenTrie::TokenTrie(std::vector<Entry> entries) {
  const PlainTrie plain(entries);
  const std::size_t count = plain.nodes.size();
  nodes_.reserve(count);
  next_unit_.resize(count, 0);
  std::size_t branches = 0;
  for (std::uint32_t node = 1; node < count; ++node) branches += plain.is_branch(node) ? 1U : 0U;
  const std::size_t slots = std::bit_ceil(2 * branches + 2);
  branches_.assign(slots, 0);
  shift_ = 64 - static_cast<unsigned>(std::countr_zero(slots));

  struct Start {
    std::uint32_t plain_node;
    std::uint32_t parent;  // in the new numbering
  };
  std::vector<Start> starts{{0, 0}};
  while (!starts.empty()) {
    auto [node, parent] = starts.back();
    starts.pop_back();
    const auto first = static_cast<std::uint32_t>(nodes_.size());
    if (first != 0) insert_branch(parent, plain.nodes[node].unit, first);
    for (;;) {
      const auto number = static_cast<std::uint32_t>(nodes_.size());
      const TokenId inherited = number == 0 ? -1 : nodes_[parent].longest;
      const TokenId token = plain.nodes[node].token;
      nodes_.push_back({0, 0, token >= 0 ? token : inherited});
      std::uint32_t heavy = kNone;
      for (std::uint32_t child = plain.nodes[node].first_child; child != kNone;
           child = plain.nodes[child].next_sibling) {
        if (!plain.is_branch(child)) {
          heavy = child;
          continue;
        }
        starts.push_back({child, number});
        nodes_[number].has_branch = 1;
      }
      if (heavy == kNone) break;
      next_unit_[number] = plain.nodes[heavy].unit;
      parent = number;
      node = heavy;
    }
    const auto last = static_cast<std::uint32_t>(nodes_.size() - 1);
    for (std::uint32_t number = first; number <= last; ++number) nodes_[number].path_end = last & 0x7FFFFFFF;
  }
}

void TokenTrie::insert_branch(std::uint32_t node, Unit unit, std::uint32_t child) {
  if (node == 0) {
    if (root_children_.size() <= unit) root_children_.resize(std::size_t{unit} + 1, kNone);
    root_children_[unit] = child;
    return;
  }
  const std::uint64_t edge = std::uint64_t{node} << 16 | unit;
  std::size_t slot = slot_of(edge);
  while (branches_[slot] != 0) slot = (slot + 1) & (branches_.size() - 1);
  branches_[slot] = edge << kNodeBits | child;
}

std::uint32_t TokenTrie::branch(std::uint32_t node, Unit unit) const {
  const std::uint64_t edge = std::uint64_t{node} << 16 | unit;
  for (std::size_t slot = slot_of(edge); branches_[slot] != 0; slot = (slot + 1) & (branches_.size() - 1)) {
    if (branches_[slot] >> kNodeBits == edge)
      return static_cast<std::uint32_t>(branches_[slot] & ((1U << kNodeBits) - 1));
  }
  return kNone;
}

TokenId TokenTrie::longest_match(std::u16string_view text) const {
  if (text.empty() || text[0] >= root_children_.size()) return -1;
  std::uint32_t node = root_children_[text[0]];
  if (node == kNone) return -1;
  for (std::size_t at = 1;;) {
    const std::size_t path_left = nodes_[node].path_end - node;
    const std::size_t run =
        common_prefix(&next_unit_[node], text.data() + at, std::min(path_left, text.size() - at));
    node += static_cast<std::uint32_t>(run);
    at += run;
    if (at == text.size() || !nodes_[node].has_branch) return nodes_[node].longest;
    const std::uint32_t child = branch(node, text[at]);
    if (child == kNone) return nodes_[node].longest;
    node = child;
    ++at;
  }
}

}  // namespace fast_tokenizer
