#include "real/cpu/update.hpp"

#include <algorithm>
#include <cmath>

namespace shardproof::real::cpu {

template <class C>
void exp_avg(std::int64_t count, const C* m, const C* g, C* out, double beta) {
  const auto keep = static_cast<C>(beta);
  const auto take = static_cast<C>(1.0 - beta);
  for (std::int64_t i = 0; i < count; ++i) out[i] = keep * m[i] + take * g[i];
}

template <class C>
void exp_avg_sq(std::int64_t count, const C* v, const C* g, C* out, double beta) {
  const auto keep = static_cast<C>(beta);
  const auto take = static_cast<C>(1.0 - beta);
  for (std::int64_t i = 0; i < count; ++i) out[i] = keep * v[i] + (take * g[i]) * g[i];
}

template <class C>
void adamw(std::int64_t count, const C* p, const C* m, const C* v, C* out, AdamwScalars<C> s) {
  for (std::int64_t i = 0; i < count; ++i) {
    const C step = (m[i] / s.c1) / (std::sqrt(v[i] / s.c2) + s.eps);
    out[i] = p[i] - s.lr * (step + s.weight_decay * p[i]);
  }
}

template <class C>
void add_scaled(std::int64_t count, const C* a, const C* b, C* out, C factor) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = a[i] + factor * b[i];
}

double clip_factor(double norm, double clip, double loss_scale) {
  // A NaN norm must give a NaN factor: std::max(x, 1.0) returns its first argument then.
  const double excess = clip == 0 ? 1.0 : std::max((norm + 1e-6) / clip, 1.0);
  return 1.0 / (excess * loss_scale);
}

template void exp_avg(std::int64_t, const float*, const float*, float*, double);
template void exp_avg(std::int64_t, const double*, const double*, double*, double);
template void exp_avg_sq(std::int64_t, const float*, const float*, float*, double);
template void exp_avg_sq(std::int64_t, const double*, const double*, double*, double);
template void adamw(std::int64_t, const float*, const float*, const float*, float*,
                    AdamwScalars<float>);
template void adamw(std::int64_t, const double*, const double*, const double*, double*,
                    AdamwScalars<double>);
template void add_scaled(std::int64_t, const float*, const float*, float*, float);
template void add_scaled(std::int64_t, const double*, const double*, double*, double);

}  // namespace shardproof::real::cpu
