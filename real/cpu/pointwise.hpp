#pragma once

#include <cstdint>

namespace shardproof::real::cpu {

// Element by element, in the order written; C is float or double. y may be one of the inputs.

template <class C>
void add(std::int64_t count, const C* a, const C* b, C* y);
/// x (rows, columns), bias (columns).
template <class C>
void add_bias(std::int64_t rows, std::int64_t columns, const C* x, const C* bias, C* y);
/// dbias (columns) = sum over the rows of dy, first to last.
template <class C>
void bias_backward(std::int64_t rows, std::int64_t columns, const C* dy, C* dbias);
template <class C>
void multiply(std::int64_t count, const C* x, C factor, C* y);
template <class C>
void divide(std::int64_t count, const C* x, C divisor, C* y);
template <class C>
void negate(std::int64_t count, const C* x, C* y);
template <class C>
bool any_nonfinite(std::int64_t count, const C* x);

/// y = (gate * sigmoid(gate)) * up.
template <class C>
void swiglu(std::int64_t count, const C* gate, const C* up, C* y);
/// dup = dy * (gate * s), dgate = (dy * up) * (s * (1 + gate * (1 - s))), s = sigmoid(gate).
template <class C>
void swiglu_backward(std::int64_t count, const C* dy, const C* gate, const C* up, C* dgate, C* dup);

}  // namespace shardproof::real::cpu
