// The kernel of a logit reduction, compiled for several instruction sets as those of kernels.hpp are.
#pragma once

#include "fast_tokenizer/logit_reduction.hpp"

namespace fast_tokenizer::FAST_TOKENIZER_ISA {

LogitSums sum_logits(const float* logits, const LogitQuery& query, double* scratch);
LogitSums sum_logits(const double* logits, const LogitQuery& query, double* scratch);

}  // namespace fast_tokenizer::FAST_TOKENIZER_ISA
