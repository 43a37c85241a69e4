// The kernels of the transform by FFT, compiled for several instruction sets as those of kernels.hpp are.
#pragma once

#include "fast_tokenizer/dct.hpp"

namespace fast_tokenizer::FAST_TOKENIZER_ISA {

// In place on a panel; panel and scratch are aligned to kPanelAlignment.
void fourier_forward(const FourierTables& tables, double* panel, double* scratch);
void fourier_inverse(const FourierTables& tables, double* panel, double* scratch);

}  // namespace fast_tokenizer::FAST_TOKENIZER_ISA
