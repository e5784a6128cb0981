#pragma once

namespace shardproof {

/// Where the 1/n of a mean is applied (spec-autotp 7.7): each term divided before the sum (ZeRO 1),
/// or the sum multiplied by RN(1/n) afterwards (stage 0).
enum class MeanForm { divide_before, multiply_after };

/// How a step's gradients become their mean over the replicas: what, of the way in which training
/// is divided, decides how numbers are rounded. The oracle is told this and nothing else of it.
struct MeanOverReplicas {
  MeanForm form = MeanForm::multiply_after;
  /// Each micro-step's gradients are averaged and the means summed; else each replica sums up its
  /// own, and the sums are averaged.
  bool each_micro_step = false;
};

}  // namespace shardproof
