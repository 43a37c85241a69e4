#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "fast_tokenizer/frequency_decoder.hpp"
#include "fast_tokenizer/quantizer.hpp"

namespace fast_tokenizer {
namespace {

TEST_CASE("a batch decodes to the transform of its lowest frequencies") {
  constexpr std::size_t kSequences = 21;
  constexpr TokenId kSize = 9;
  constexpr std::int32_t kMin = -4;
  for (const ChunkShape shape : {ChunkShape{5, 1}, ChunkShape{4, 7}, ChunkShape{100, 11}}) {
    for (const std::size_t frequencies : {std::size_t{1}, std::size_t{3}, std::size_t{200}}) {
      const std::size_t length = shape.horizon * shape.action_dim;
      const std::size_t told = std::min(frequencies, shape.horizon) * shape.action_dim;
      std::mt19937 random(7);
      std::vector<TokenId> ids;
      std::vector<std::int64_t> offsets{0};
      for (std::size_t i = 0; i < kSequences; ++i) {
        // Every fifth lacks its last id.
        for (std::size_t j = i % 5 == 4 ? 1 : 0; j < told; ++j)
          ids.push_back(static_cast<TokenId>(random() % kSize));
        offsets.push_back(static_cast<std::int64_t>(ids.size()));
      }
      const IdSequences sequences{ids, offsets};
      for (const bool keep_prefix : {true, false}) {
        std::vector<double> actions(kSequences * length);
        std::vector<DecodeOutcome> outcomes(kSequences);
        decode_frequencies({kSize, kMin, frequencies, 4.0}, sequences, shape, keep_prefix, actions.data(),
                           outcomes.data());
        for (std::size_t i = 0; i < kSequences; ++i) {
          const bool whole = i % 5 != 4;
          REQUIRE(outcomes[i].status == (whole ? DecodeStatus::ok : DecodeStatus::too_short));
          REQUIRE(outcomes[i].decoded == static_cast<std::int64_t>(sequences[i].size()));
          std::vector<std::int32_t> coefficients(length);
          if (whole || keep_prefix) {
            for (std::size_t j = 0; j < sequences[i].size(); ++j) coefficients[j] = kMin + sequences[i][j];
          }
          std::vector<double> expected(length);
          dequantize(coefficients.data(), 1, shape.horizon, shape.action_dim, 4.0, expected.data());
          for (std::size_t j = 0; j < length; ++j)
            REQUIRE(actions[i * length + j] == doctest::Approx(expected[j]).epsilon(1e-12));
        }
      }
    }
  }
}

TEST_CASE("no sequences, no actions") {
  const std::vector<std::int64_t> offsets{0};
  decode_frequencies({3, -1, 2, 1.0}, {{}, offsets}, {4, 2}, true, nullptr, nullptr);
}

}  // namespace
}  // namespace fast_tokenizer
