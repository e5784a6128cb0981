#pragma once

#include "reference/bounds/bounds.hpp"

/// Units whose bits are known: data movement, single roundings, and the optimizer's lines, whose
/// form and order of roundings the precision policy pins.
namespace shardproof::reference {

UnitResult replay_copy(const UnitCall& unit);  // copy, cast: one rounding to the output dtype
UnitResult replay_shift_labels(
    const UnitCall& unit);  // labels[b][t] = tokens[b][t+1], the last, and padding, is -100
UnitResult replay_embedding(const UnitCall& unit);  // gather of rows
UnitResult replay_add(const UnitCall& unit);        // a + b
UnitResult replay_relu(const UnitCall& unit);       // x, or 0 where x <= 0
UnitResult replay_relu_backward(const UnitCall& unit);
UnitResult replay_product(const UnitCall& unit);   // a b
UnitResult replay_add_bias(const UnitCall& unit);  // x + bias along the last dimension
UnitResult replay_scale(const UnitCall& unit);     // x * RN(factor)
UnitResult replay_divide(const UnitCall& unit);    // x / RN(factor)
UnitResult replay_multiply(const UnitCall& unit);  // x * scalar argument
UnitResult replay_negate(const UnitCall& unit);
UnitResult replay_nonfinite(const UnitCall& unit);  // 1 if any element is inf or NaN, else 0

UnitResult replay_square_root(const UnitCall& unit);  // sqrt(x) / loss scale in fp64, rounded once
/// 1 / (max((norm + 1e-6) / clip, 1) * loss scale) in fp64, rounded once.
UnitResult replay_clip_factor(const UnitCall& unit);
UnitResult replay_exp_avg(const UnitCall& unit);     // RN(RN(b1 m) + RN((1-b1) g))
UnitResult replay_exp_avg_sq(const UnitCall& unit);  // RN(RN(b2 v) + RN(RN((1-b2) g) g))
/// p - lr ((m / c1) / (sqrt(v / c2) + eps) + wd p), every operation rounded to the compute dtype.
/// Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2.
UnitResult replay_adamw(const UnitCall& unit);
UnitResult replay_add_scaled(const UnitCall& unit);  // decay, momentum, nesterov: a + RN(factor b)
UnitResult replay_sgd(const UnitCall& unit);         // p - RN(lr g)

}  // namespace shardproof::reference
