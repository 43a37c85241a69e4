#include "bindings.hpp"

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  module.doc() =
      "The compiled arithmetic of fast_tokenizer. Private: its functions check memory, not meaning.";
  using namespace fast_tokenizer::bindings;
  bind_errors(module);
  bind_dct(module);
  bind_byte_level(module);
  bind_coder(module);
  bind_sequences(module);
  bind_fixed_length(module);
  bind_generation(module);
  bind_rate_distortion(module);
  bind_diffusion(module);
  bind_training(module);
}
