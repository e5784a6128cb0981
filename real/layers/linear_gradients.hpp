#pragma once

#include <string>

#include "real/layers/builder.hpp"

namespace shardproof::real {

/// Appends the parameter gradients of y = x W^T (+ b) and adds them to their accumulators:
/// dW = dy^T x and, with a bias, db = the sum of dy. What dy and x are cut by decides what the
/// gradients are cut by; nothing is communicated (spec-autotp 2.7).
void lower_linear_gradients(Builder& builder, const std::string& module, bool bias, ValueId dy,
                            ValueId x);

}  // namespace shardproof::real
