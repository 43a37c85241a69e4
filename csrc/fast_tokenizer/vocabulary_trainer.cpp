#include "fast_tokenizer/vocabulary_trainer.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "fast_tokenizer/byte_alphabet.hpp"
#include "fast_tokenizer/byte_level.hpp"
#include "fast_tokenizer/errors.hpp"

namespace fast_tokenizer {
namespace {

constexpr std::int32_t kFirstSurrogate = 0xD800;

struct Chunks {
  std::span<const std::int32_t> symbols;
  std::span<const std::int64_t> offsets;

  template <class Body>
  void for_each(const Body& body) const {
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
      body(symbols.subspan(static_cast<std::size_t>(offsets[i]),
                           static_cast<std::size_t>(offsets[i + 1] - offsets[i])));
  }
};

void check_symbols(std::span<const std::int32_t> symbols, std::int32_t num_symbols) {
  if (num_symbols < 1 || num_symbols > kFirstSurrogate)
    throw TrainingError("the coefficients span " + std::to_string(num_symbols) + " values: expected 1 to " +
                        std::to_string(kFirstSurrogate) + "; normalise the actions or lower the scale");
  const auto outside = std::find_if(symbols.begin(), symbols.end(),
                                    [&](std::int32_t symbol) { return symbol < 0 || symbol >= num_symbols; });
  if (outside != symbols.end())
    throw TrainingError("symbol " + std::to_string(*outside) + " is outside 0.." +
                        std::to_string(num_symbols - 1));
}

// Words of letters, and the characters that the letters stand for.
struct Text {
  TrainingCorpus corpus;
  std::u32string alphabet;
};

Text symbol_text(const Chunks& chunks, std::int32_t num_symbols) {
  Text text;
  for (std::int32_t symbol = 0; symbol < num_symbols; ++symbol)
    text.alphabet.push_back(static_cast<char32_t>(symbol));
  chunks.for_each([&](std::span<const TokenId> word) { text.corpus.add(word); });
  return text;
}

Text byte_text(const Chunks& chunks, std::int32_t num_symbols) {
  std::array<bool, 256> seen{};
  Units bytes;
  std::vector<bool> symbol_seen(static_cast<std::size_t>(num_symbols));
  for (const std::int32_t symbol : chunks.symbols) symbol_seen[static_cast<std::size_t>(symbol)] = true;
  for (std::int32_t symbol = 0; symbol < num_symbols; ++symbol) {
    if (symbol_seen[static_cast<std::size_t>(symbol)]) append_utf8(symbol, bytes);
  }
  for (const Unit byte : bytes) seen[byte] = true;

  std::set<char32_t> characters;
  for (std::int32_t symbol = 0; symbol < num_symbols; ++symbol)
    characters.insert(static_cast<char32_t>(symbol));
  for (std::size_t byte = 0; byte < seen.size(); ++byte) {
    if (seen[byte]) characters.insert(char_of_byte(static_cast<std::uint8_t>(byte)));
  }
  Text text;
  text.alphabet.assign(characters.begin(), characters.end());
  std::array<TokenId, 256> letter_of{};
  for (std::size_t byte = 0; byte < letter_of.size(); ++byte) {
    const char32_t character = char_of_byte(static_cast<std::uint8_t>(byte));
    letter_of[byte] = static_cast<TokenId>(text.alphabet.find(character));
  }

  std::vector<std::size_t> word_ends;
  std::vector<TokenId> letters;
  chunks.for_each([&](std::span<const std::int32_t> chunk) {
    word_ends.clear();
    gpt2_split(chunk, word_ends);
    std::size_t begin = 0;
    for (const std::size_t end : word_ends) {
      bytes.clear();
      append_utf8(chunk.subspan(begin, end - begin), bytes);
      letters.resize(bytes.size());
      std::transform(bytes.begin(), bytes.end(), letters.begin(), [&](Unit byte) { return letter_of[byte]; });
      text.corpus.add(letters);
      begin = end;
    }
  });
  return text;
}

}  // namespace

TrainedVocabulary train_vocabulary(Scheme scheme, std::span<const std::int32_t> symbols,
                                   std::span<const std::int64_t> offsets, std::int32_t num_symbols,
                                   TrainingOptions options, const TrainingProgress& progress) {
  check_symbols(symbols, num_symbols);
  const Chunks chunks{symbols, offsets};
  const Text text =
      scheme == Scheme::symbols ? symbol_text(chunks, num_symbols) : byte_text(chunks, num_symbols);
  options.alphabet_size = static_cast<TokenId>(text.alphabet.size());

  TrainedVocabulary vocabulary;
  vocabulary.merges = train_bpe(text.corpus, options, progress);
  for (const char32_t character : text.alphabet) vocabulary.tokens.emplace_back(1, character);
  for (const Merge& merge : vocabulary.merges) {
    vocabulary.tokens.push_back(vocabulary.tokens[static_cast<std::size_t>(merge.left)] +
                                vocabulary.tokens[static_cast<std::size_t>(merge.right)]);
  }
  return vocabulary;
}

}  // namespace fast_tokenizer
