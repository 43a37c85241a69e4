// Vocabularies as a damaged tokenizer.json gives them: any tokens, any merges. A coder is made or a
// FormatError thrown, and a coder that was made encodes and decodes its own output.
#include <cstdlib>
#include <string>
#include <vector>

#include "fast_tokenizer/coefficient_coder.hpp"
#include "fast_tokenizer/errors.hpp"
#include "fuzz_input.hpp"

using namespace fast_tokenizer;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const Scheme scheme = input.take<std::uint8_t>() % 2 == 0 ? Scheme::bytes : Scheme::symbols;
  const auto min_coefficient = input.take<std::int32_t>();
  std::vector<std::u32string> tokens(input.below(64));
  for (std::u32string& token : tokens) {
    for (std::size_t length = input.below(8); length > 0; --length) {
      // Mostly small letters, so that merges often spell a token; now and then anything at all.
      const auto kind = input.take<std::uint8_t>();
      token.push_back(kind < 250 ? kind % 4 + U'a' : static_cast<char32_t>(input.take<std::uint32_t>()));
    }
  }
  std::vector<Merge> merges(input.below(64));
  for (Merge& merge : merges)
    merge = {input.take<std::int8_t>(), input.take<std::int8_t>(), input.take<std::int8_t>()};
  try {
    const CoefficientCoder coder(scheme, min_coefficient, tokens, merges);
    std::vector<std::int32_t> coefficients;
    for (char32_t letter : {U'a', U'b', U'a', U'a', U'c', U'd', U'a', U'b'})
      coefficients.push_back(min_coefficient + static_cast<std::int32_t>(letter));
    const EncodedBatch encoded = coder.encode(coefficients.data(), 1, coefficients.size());
    if (encoded.clipped[0] != 0) return 0;
    std::vector<std::int32_t> back(coefficients.size());
    const DecodeStatus status = coder.decode(encoded.ids, back).status;
    if (status != DecodeStatus::ok || back != coefficients) std::abort();
  } catch (const FormatError&) {
  } catch (const EncodeError&) {
  }
  return 0;
}
