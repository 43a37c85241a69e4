// Vocabularies for tests and fuzzers: built from random merges, or from a fuzzer's bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fast_tokenizer/bpe_types.hpp"

namespace fast_tokenizer {

struct SmallVocabulary {
  std::vector<std::u32string> tokens;
  std::vector<Merge> merges;

  std::vector<Units> pieces() const {
    std::vector<Units> result;
    for (const std::u32string& token : tokens) result.emplace_back(token.begin(), token.end());
    return result;
  }
};

// `alphabet` letters from U+0000 on, then merges of whatever pairs `next` draws; a text that is there already
// gets another split, as trainers write them too. next(n) gives a number in [0, n).
template <class Next>
SmallVocabulary random_vocabulary(std::size_t alphabet, std::size_t merges, std::size_t longest,
                                  Next&& next) {
  SmallVocabulary vocabulary;
  std::map<std::u32string, TokenId> ids;
  const auto id_of = [&](const std::u32string& text) {
    const auto [place, fresh] = ids.emplace(text, static_cast<TokenId>(vocabulary.tokens.size()));
    if (fresh) vocabulary.tokens.push_back(text);
    return place->second;
  };
  for (std::size_t letter = 0; letter < alphabet; ++letter)
    id_of(std::u32string(1, static_cast<char32_t>(letter)));
  for (std::size_t i = 0; i < merges; ++i) {
    const std::size_t left = next(vocabulary.tokens.size());
    const std::size_t right = next(vocabulary.tokens.size());
    const std::u32string text = vocabulary.tokens[left] + vocabulary.tokens[right];
    if (text.size() > longest) continue;
    vocabulary.merges.push_back({static_cast<TokenId>(left), static_cast<TokenId>(right), id_of(text)});
  }
  return vocabulary;
}

// BPE by its definition: the pair of lowest rank is merged, the leftmost first, until there is none.
inline std::vector<TokenId> slow_bpe(const std::vector<Merge>& merges, std::vector<TokenId> ids) {
  for (;;) {
    std::size_t best_rank = merges.size();
    std::size_t best_place = 0;
    for (std::size_t place = 0; place + 1 < ids.size(); ++place) {
      // The last rank of a pair is the one that counts.
      for (std::size_t rank = merges.size(); rank-- > 0;) {
        if (merges[rank].left != ids[place] || merges[rank].right != ids[place + 1]) continue;
        if (rank < best_rank) {
          best_rank = rank;
          best_place = place;
        }
        break;
      }
    }
    if (best_rank == merges.size()) return ids;
    ids[best_place] = merges[best_rank].result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best_place) + 1);
  }
}

}  // namespace fast_tokenizer
