#include "fast_tokenizer/actions.hpp"

#include <cmath>
#include <string>

#include "fast_tokenizer/errors.hpp"

namespace fast_tokenizer {

template <class Real>
void throw_not_finite(const ActionsView<Real>& actions, std::size_t index) {
  const Real* value = actions.column(index);
  std::size_t step = 0;
  while (step + 1 < actions.horizon && std::isfinite(*value)) {
    value += actions.time_stride;
    ++step;
  }
  const std::size_t chunk = index / actions.action_dim;
  const std::string kind = std::isnan(*value) ? "NaN" : *value > 0 ? "inf" : "-inf";
  throw EncodeError("step " + std::to_string(step) + ", dimension " +
                        std::to_string(index % actions.action_dim) + " is " + kind +
                        ": expected a finite number; drop the chunk or fill the gap before encoding",
                    chunk);
}

template void throw_not_finite(const ActionsView<float>&, std::size_t);
template void throw_not_finite(const ActionsView<double>&, std::size_t);

}  // namespace fast_tokenizer
