#pragma once

#include <optional>

#include "scenarios/dtype.hpp"
#include "scenarios/plan/op_kinds.hpp"
#include "scenarios/settings/scenario.hpp"
#include "scenarios/types.hpp"

namespace shardproof {

/// Where a run may round, and to what: a function of the scenario alone. The engine lowers by it,
/// the judge bounds by it, and the check `policy` demands that a program says the same, op by op.
/// No bound is ever fed by a dtype that only a program or a trace claims.
///
/// | scenario   | working | compute | master |   working: weights, activations, gradients
/// |------------|---------|---------|--------|   compute: accumulators inside a kernel, norms,
/// | fp64       | fp64    | fp64    | fp64   |            softmax, loss, log-sum-exp
/// | fp32       | fp32    | fp32    | fp32   |   master:  optimizer state, clipped gradients
/// | bf16, fp16 | as said | fp32    | fp32   |
struct PrecisionPolicy {
  Dtype working = Dtype::fp32;
  Dtype compute = Dtype::fp32;
  Dtype master = Dtype::fp32;
  /// Of the scalars that an update takes and that change from step to step: the master dtype, but
  /// for torch's form, which computes its coefficients in fp64 (scenarios/settings/optimizer.hpp).
  Dtype scalars = Dtype::fp32;
  /// Of gradients as they are summed over micro-steps: the working dtype, unless the scenario says
  /// otherwise.
  Dtype accumulate = Dtype::fp32;
  /// Dtype in which the operands of an all-reduce travel and are added, per mesh axis: activations
  /// over tp in the working dtype, gradients over dp in the working dtype unless the scenario says
  /// otherwise (spec-autotp 1.4 and 7.5).
  Dtype tp_wire = Dtype::fp32;
  Dtype dp_wire = Dtype::fp32;
  ReductionOrder order = ReductionOrder::ring;
  /// ZeRO 1 and 2 divide the bucket by D before the reduction, stage 0 multiplies by RN(1/D) after
  /// it, and so does stage 1 in bf16 with fp32 accumulators (spec-autotp 7.7.2, 7.7.3, 7.11).
  bool divide_before = false;

  /// What a collective's operands of a dtype travel and are added in: activations over tp and
  /// gradients over dp in the wire dtypes, everything else as it is.
  Dtype wire(OpKind kind, Axis axis, Dtype operand) const;

  /// Dtype of what an op of this kind stores; nullopt: that of its first input (movement,
  /// collectives, in-place forms) or of its attribute (cast, load_scalar, zero).
  std::optional<Dtype> output(OpKind kind) const;
};

PrecisionPolicy precision_policy(const Scenario& scenario);

}  // namespace shardproof
