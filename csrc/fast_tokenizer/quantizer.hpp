// Actions to rounded DCT coefficients and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fast_tokenizer/actions.hpp"

namespace fast_tokenizer {

// coefficients [batch, horizon, action_dim] = round half to even (DCT-II(actions) * scale), held inside
// +-kCoefficientLimit.
//
// Returns the columns (chunk * action_dim + dimension, ascending) in which a scaled coefficient lies within
// tie_tolerance * max(1, the column's largest magnitude) of a tie. There the side that the reference takes
// depends on the order of scipy's own operations, so the caller must settle these columns with scipy; with a
// tolerance above the rounding error of both, no other column can differ. Throws EncodeError where an action
// is not finite.
template <class Real>
std::vector<std::int64_t> quantize(const ActionsView<Real>& actions, double scale, double tie_tolerance,
                                   int num_threads, std::int32_t* coefficients);

// actions [batch, horizon, action_dim] = DCT-III(coefficients / scale) in float64, both in C order. On the
// calling thread alone.
void dequantize(const std::int32_t* coefficients, std::size_t batch, std::size_t horizon,
                std::size_t action_dim, double scale, double* actions);

}  // namespace fast_tokenizer
