// Any actions through quantization, and the BPE search against BPE by definition in any small vocabulary.
#include <cmath>
#include <cstdlib>
#include <vector>

#include "fast_tokenizer/bpe_model.hpp"
#include "fast_tokenizer/errors.hpp"
#include "fast_tokenizer/quantizer.hpp"
#include "fuzz_input.hpp"
#include "small_vocabulary.hpp"

using namespace fast_tokenizer;

namespace {

void fuzz_bpe(FuzzInput& input) {
  const std::size_t alphabet = 1 + input.below(4);
  const SmallVocabulary vocabulary = random_vocabulary(alphabet, input.below(32), 2 + input.below(12),
                                                       [&](std::size_t count) { return input.below(count); });
  const BpeModel model(vocabulary.pieces(), vocabulary.merges);
  Units word;
  std::vector<TokenId> letters;
  while (!input.empty() && word.size() < 200) {
    word.push_back(static_cast<Unit>(input.take<std::uint8_t>() % alphabet));
    letters.push_back(static_cast<TokenId>(word.back()));
  }
  std::vector<TokenId> ids;
  if (model.encode(word, ids) != word.size() || ids != slow_bpe(vocabulary.merges, letters)) std::abort();
}

template <class Real>
void fuzz_quantize(FuzzInput& input) {
  const std::size_t batch = input.below(4);
  const std::size_t horizon = 1 + input.below(130);
  const std::size_t action_dim = 1 + input.below(10);
  std::vector<Real> actions(batch * horizon * action_dim);
  bool finite = true;
  for (Real& action : actions) {
    action = input.take<Real>();
    finite &= std::isfinite(action);
  }
  std::vector<std::int32_t> coefficients(actions.size());
  std::vector<double> back(actions.size());
  try {
    quantize(dense_view(actions.data(), batch, horizon, action_dim), std::abs(double{input.take<float>()}),
             1e-11, 1, coefficients.data());
    if (!finite) std::abort();
    dequantize(coefficients.data(), batch, horizon, action_dim, 10.0, back.data());
  } catch (const EncodeError&) {
    if (finite) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  switch (input.take<std::uint8_t>() % 3) {
    case 0:
      fuzz_bpe(input);
      break;
    case 1:
      fuzz_quantize<float>(input);
      break;
    default:
      fuzz_quantize<double>(input);
  }
  return 0;
}
