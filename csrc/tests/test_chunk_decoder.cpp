#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "fast_tokenizer/chunk_decoder.hpp"
#include "fast_tokenizer/quantizer.hpp"

namespace fast_tokenizer {
namespace {

// Three coefficients, -1 to 1, and no merges: an id is a coefficient plus one.
CoefficientCoder small_coder() {
  return CoefficientCoder(Scheme::symbols, -1, {std::u32string(1, 0), U"\1", U"\2"}, {});
}

constexpr std::size_t kSequences = 21;

// Sequences of random ids; every fifth lacks its last one.
struct RandomSequences {
  explicit RandomSequences(std::size_t length) {
    std::mt19937 random(7);
    for (std::size_t i = 0; i < kSequences; ++i) {
      for (std::size_t j = i % 5 == 4 ? 1 : 0; j < length; ++j)
        ids.push_back(static_cast<TokenId>(random() % 3));
      offsets.push_back(static_cast<std::int64_t>(ids.size()));
    }
  }
  IdSequences all() const { return {ids, offsets}; }

  std::vector<TokenId> ids;
  std::vector<std::int64_t> offsets{0};
};

TEST_CASE("a batch decodes as each of its sequences does") {
  const CoefficientCoder coder = small_coder();
  for (const ChunkShape shape : {ChunkShape{5, 1}, ChunkShape{4, 7}, ChunkShape{3, 8}, ChunkShape{100, 11}}) {
    const std::size_t length = shape.horizon * shape.action_dim;
    const RandomSequences sequences(length);
    for (const bool keep_prefix : {true, false}) {
      std::vector<double> actions(kSequences * length);
      std::vector<DecodeOutcome> outcomes(kSequences);
      // In two parts, as threads do.
      decode_chunks(coder, sequences.all().range(0, 10), shape, 4.0, keep_prefix, actions.data(),
                    outcomes.data());
      decode_chunks(coder, sequences.all().range(10, kSequences), shape, 4.0, keep_prefix,
                    actions.data() + 10 * length, outcomes.data() + 10);
      for (std::size_t i = 0; i < kSequences; ++i) {
        std::vector<std::int32_t> coefficients(length);
        const DecodeOutcome outcome = coder.decode(sequences.all()[i], coefficients);
        REQUIRE(outcome.status == (i % 5 == 4 ? DecodeStatus::too_short : DecodeStatus::ok));
        REQUIRE(outcomes[i].status == outcome.status);
        REQUIRE(outcomes[i].position == outcome.position);
        REQUIRE(outcomes[i].decoded == outcome.decoded);
        if (outcome.status != DecodeStatus::ok && !keep_prefix) coefficients.assign(length, 0);
        std::vector<double> expected(length);
        dequantize(coefficients.data(), 1, shape.horizon, shape.action_dim, 4.0, expected.data());
        for (std::size_t j = 0; j < length; ++j)
          REQUIRE(actions[i * length + j] == doctest::Approx(expected[j]).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("no sequences, no actions") {
  const std::vector<std::int64_t> offsets{0};
  decode_chunks(small_coder(), {{}, offsets}, {4, 2}, 1.0, true, nullptr, nullptr);
}

}  // namespace
}  // namespace fast_tokenizer
