#pragma once

#include <cmath>
#include <vector>

#include "tests/end_to_end/deepspeed_runs.hpp"

/// The runs of DeepSpeed that are kept, which of them we run too, and how norms may differ.
namespace shardproof::tests {

inline constexpr int steps = 2, micro_steps = 2, replicas = 2;

inline const DeepSpeedCase fp32_0{"fp32", 0}, fp32_1{"fp32", 1}, fp32_2{"fp32", 2};
inline const DeepSpeedCase bf16_0{.file = "bf16",
                                  .working = Dtype::bf16,
                                  .sums = Dtype::bf16,
                                  .stepped_at_construction = true,
                                  .first_other_update = 0};
inline const DeepSpeedCase bf16_1{"bf16", 1, Dtype::bf16, Dtype::bf16};
inline const DeepSpeedCase bf16_2{"bf16", 2, Dtype::bf16, Dtype::bf16};
inline const DeepSpeedCase bf16_1_fp32_sums{"bf16", 1, Dtype::bf16, Dtype::fp32, "fp32"};
inline const DeepSpeedCase bf16_2_fp32_sums{"bf16", 2, Dtype::bf16, Dtype::bf16,
                                            "fp32"};  // summed in bf16 all the same
inline const DeepSpeedCase fp16_0{.file = "fp16-stage0",
                                  .working = Dtype::fp16,
                                  .sums = Dtype::fp16,
                                  .stepped_at_construction = true,
                                  .loss_scale = 1,
                                  .unscaled_by = {256, 512},
                                  .clipping = 1};
inline const DeepSpeedCase fp16_1{.file = "fp16",
                                  .stage = 1,
                                  .working = Dtype::fp16,
                                  .sums = Dtype::fp16,
                                  .first_other_update = 1,
                                  .loss_scale = 256,
                                  .unscaled_by = {256, 512},
                                  .clipping = 1};

inline const std::vector<DeepSpeedCase> deepspeed_ran = {
    fp32_0, fp32_1,           fp32_2,           bf16_0, bf16_1,
    bf16_2, bf16_1_fp32_sums, bf16_2_fp32_sums, fp16_0, fp16_1};
inline const std::vector<DeepSpeedCase> we_run = {fp32_0, fp32_1, fp32_2,           bf16_0,
                                                  bf16_1, bf16_2, bf16_1_fp32_sums, fp16_1};

inline const double u = unit_roundoff(Dtype::fp32);

inline Scenario any_scenario() {
  const TemporaryFolder folder;
  return scenario_of(fp32_0, folder);
}

inline double norm_of_difference(const Tensor& a, const Tensor& b) {
  SHARDPROOF_EXPECTS(a.shape == b.shape, to_string(a.shape), to_string(b.shape));
  double squares = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares);
}

/// How many roundoffs a norm may be off (spec-autotp 7.8). Stages 1 and 2 add squares in fp64: what
/// is left is the rounding of norms to fp32 and two sums over ranks. Stage 0, and stage 1 with sums
/// in fp32, add all squares in fp32: at most one roundoff for each, halved by the root.
inline double norm_roundoffs(const DeepSpeedCase& of) {
  const bool in_fp64 = of.stage == 2 || (of.stage == 1 && of.asked_sums.empty());
  double squares = 0;
  for (const ParameterDescription& p : any_scenario().model.parameters)
    squares += static_cast<double>(element_count(p.shape));
  return in_fp64 ? 8 : squares / 2;
}

}  // namespace shardproof::tests
