#pragma once

#include <cstdint>

namespace shardproof::real::cpu {

// Every operation is rounded to C, in the form of real/backend.hpp.

/// out = beta m + (1 - beta) g.
template <class C>
void exp_avg(std::int64_t count, const C* m, const C* g, C* out, double beta);
/// out = beta v + ((1 - beta) g) g.
template <class C>
void exp_avg_sq(std::int64_t count, const C* v, const C* g, C* out, double beta);

template <class C>
struct AdamwScalars {
  C lr;
  C c1;  // 1 - beta1^k
  C c2;  // 1 - beta2^k
  C eps;
  C weight_decay;
};
/// out = p - lr * ((m / c1) / (sqrt(v / c2) + eps) + weight_decay * p).
template <class C>
void adamw(std::int64_t count, const C* p, const C* m, const C* v, C* out, AdamwScalars<C> s);

/// out = a + factor b.
template <class C>
void add_scaled(std::int64_t count, const C* a, const C* b, C* out, C factor);

/// 1 / (max((norm + 1e-6) / clip, 1) * loss_scale); clip 0 clips nothing.
double clip_factor(double norm, double clip, double loss_scale);

}  // namespace shardproof::real::cpu
