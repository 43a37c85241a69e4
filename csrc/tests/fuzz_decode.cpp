// Any ids through both schemes: the outcome must be what a slow decoder, kept to the definition, finds.
#include <cstdlib>
#include <string>
#include <vector>

#include "fast_tokenizer/byte_alphabet.hpp"
#include "fast_tokenizer/byte_level.hpp"
#include "fast_tokenizer/coefficient_coder.hpp"
#include "fuzz_input.hpp"

using namespace fast_tokenizer;

namespace {

// All bytes, and tokens that begin, end and lie inside characters of two, three and four bytes.
const std::vector<std::u32string>& byte_tokens() {
  static const std::vector<std::u32string> tokens = [] {
    std::vector<std::u32string> result;
    const auto add = [&](const std::vector<std::uint8_t>& bytes) {
      std::u32string token;
      for (const std::uint8_t byte : bytes) token.push_back(char_of_byte(byte));
      result.push_back(token);
    };
    for (int byte = 0; byte < 256; ++byte) add({static_cast<std::uint8_t>(byte)});
    add({0xC5, 0xA2});
    add({0xA2, 0xC5});
    add({0xC5, 0xA2, 0xC5, 0xA2});
    add({0xE2, 0x82});
    add({0x82, 0xAC, 'a'});
    add({0xF0, 0x9F, 0x98});
    add({0x80, 0xF4, 0x8F});
    result.push_back(std::u32string(1, 7));  // stands for no byte
    return result;
  }();
  return tokens;
}

bool spells(const std::vector<std::u32string>& tokens, const std::vector<TokenId>& ids, std::size_t length) {
  Utf8Decoder utf8;
  std::size_t count = 0;
  for (const TokenId id : ids) {
    if (id < 0 || static_cast<std::size_t>(id) >= tokens.size()) return false;
    for (const char32_t character : tokens[static_cast<std::size_t>(id)]) {
      const auto step = utf8.push(byte_of_char(character).value_or(static_cast<std::uint8_t>(character)));
      if (step == Utf8Decoder::Step::invalid) return false;
      count += step == Utf8Decoder::Step::complete ? 1U : 0U;
    }
  }
  return !utf8.pending() && count == length;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const CoefficientCoder bytes(Scheme::bytes, -100, byte_tokens(), {});
  static const CoefficientCoder symbols(Scheme::symbols, -2, {U"a", U"b", U"c", U"ab", U"abc"}, {});
  FuzzInput input(data, size);
  const bool use_bytes = input.take<std::uint8_t>() % 2 == 0;
  const CoefficientCoder& coder = use_bytes ? bytes : symbols;
  const std::size_t length = input.below(24);
  std::vector<TokenId> ids;
  while (!input.empty() && ids.size() < 100) {
    const auto kind = input.take<std::uint8_t>();
    ids.push_back(kind < 240 ? static_cast<TokenId>(input.below(coder.size() + 4))
                             : input.take<std::int32_t>());
  }
  std::vector<std::int32_t> coefficients(length, 77);
  const auto [status, position, decoded] = coder.decode(ids, coefficients);
  if (decoded < 0 || static_cast<std::size_t>(decoded) > length ||
      position > static_cast<std::int64_t>(ids.size()))
    std::abort();
  if (status == DecodeStatus::ok && (position != -1 || static_cast<std::size_t>(decoded) != length))
    std::abort();
  for (std::size_t i = static_cast<std::size_t>(decoded); i < length; ++i) {
    if (coefficients[i] != 0) std::abort();
  }

  const auto pad = static_cast<TokenId>(coder.size());
  while (!ids.empty() && (ids.back() == pad || ids.back() == pad + 1)) ids.pop_back();
  std::size_t padding = 0;
  while (padding < ids.size() && ids[padding] == pad) ++padding;
  ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(padding));
  if (use_bytes && (status == DecodeStatus::ok) != spells(byte_tokens(), ids, length)) std::abort();
  return 0;
}
