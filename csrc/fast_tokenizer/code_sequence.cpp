#include "fast_tokenizer/code_sequence.hpp"

namespace fast_tokenizer {
namespace {

constexpr TokenId kSpecialTokens = 3;  // pad, end, mask

}  // namespace

CodeSequence read_codes(std::span<const TokenId> ids, CodeRange range, std::size_t length) {
  const TokenId pad = range.size;
  const TokenId end_token = pad + 1;
  std::size_t begin = 0;
  std::size_t end = ids.size();
  while (begin < end && ids[begin] == pad) ++begin;
  while (end > begin && (ids[end - 1] == pad || ids[end - 1] == end_token)) --end;

  const auto ended = [&](DecodeStatus status, std::size_t at) {
    const auto read = at - begin;
    return CodeSequence{ids.subspan(begin, read),
                        {status, static_cast<std::int64_t>(at), static_cast<std::int64_t>(read)}};
  };
  for (std::size_t at = begin; at < end; ++at) {
    const TokenId id = ids[at];
    if (id < 0 || id >= pad) {
      const bool special = id >= pad && id - pad < kSpecialTokens;
      return ended(special ? DecodeStatus::special_token_inside : DecodeStatus::id_outside_vocabulary, at);
    }
    if (id >= range.codes) return ended(DecodeStatus::not_a_coefficient, at);
    if (at - begin == length) return ended(DecodeStatus::too_long, at);
  }
  if (end - begin < length) return ended(DecodeStatus::too_short, end);
  return {ids.subspan(begin, length), {DecodeStatus::ok, -1, static_cast<std::int64_t>(length)}};
}

}  // namespace fast_tokenizer
