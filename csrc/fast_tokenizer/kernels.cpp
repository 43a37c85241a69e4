#include "fast_tokenizer/kernels.hpp"

namespace fast_tokenizer {

namespace baseline {
extern const Kernels kKernels;
}
#if defined(FAST_TOKENIZER_X86_DISPATCH)
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
#endif

namespace {

const Kernels& choose() {
#if defined(FAST_TOKENIZER_X86_DISPATCH)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return avx512::kKernels;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::kKernels;
#endif
  return baseline::kKernels;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& kernels = choose();
  return kernels;
}

}  // namespace fast_tokenizer
