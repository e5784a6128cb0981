#pragma once

#include "reference/bounds/bounds.hpp"

/// Adam and AdamW as torch rounds them: torch.optim with foreach and fused off, one tensor at a
/// time on the CPU, as torch 2.15.0 and 2.8.0 compute for AVX2 (tests/oracle/torch_adam_golden.py).
/// RN rounds to the compute dtype; fma(a, b, c) is RN(a b + c), of the exact product.
///
///   torch_exp_avg     w = RN(1 - beta1):  fma(w, RN(g - m), m), or from w = 1/2 on
///                     fma(RN(w - 1), RN(g - m), g)
///   torch_exp_avg_sq  w = RN(1 - beta2):  fma(RN(w g), g, RN(RN(beta2) v))
///   torch_decay       fma(RN(wd), p, g)
///   torch_adamw       q = RN(p RN(1 - lr wd)),  d = RN(RN(RN(sqrt v) / RN(root of c2)) + RN(eps)):
///                     RN(q + RN(RN(RN(-lr / c1) m) / d)), each coefficient computed in fp64 first
///
/// One thing is not torch's: its builds for x86 take square roots from MKL, whose results are not
/// always the nearest number (one in six of fp32 is the number beside it); here they are.
namespace shardproof::reference {

UnitResult replay_torch_exp_avg(const UnitCall& unit);
UnitResult replay_torch_exp_avg_sq(const UnitCall& unit);
UnitResult replay_torch_adamw(const UnitCall& unit);
UnitResult replay_torch_decay(const UnitCall& unit);

}  // namespace shardproof::reference
