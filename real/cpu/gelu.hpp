#pragma once

#include <cstdint>

#include "scenarios/op_forms.hpp"

namespace shardproof::real::cpu {

/// erf: y = (x/2) * (1 + erf(x * (1/sqrt 2))).
/// tanh: y = (x/2) * (1 + tanh(k * x * (1 + c x^2))), the constants as scenarios/op_forms.hpp says.
template <class C>
void gelu(GeluForm form, std::int64_t count, const C* x, C* y);

/// erf: dx = dy * ((1 + erf(x / sqrt 2)) / 2 + x * exp(-x^2 / 2) / sqrt(2 pi)).
/// tanh, with t the tanh: dx = dy * ((1 + t) / 2 + (x/2) * (1 - t^2) * (k + k3 x^2)), k3 = 3 c k.
template <class C>
void gelu_backward(GeluForm form, std::int64_t count, const C* dy, const C* x, C* dx);

}  // namespace shardproof::real::cpu
