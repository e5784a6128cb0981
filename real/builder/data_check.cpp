#include "real/builder/data_check.hpp"

#include "real/builder/combine_over_ranks.hpp"

namespace shardproof::real {

namespace {
constexpr const char* data = "data";  // module
}

ValueId lower_load_tokens(Builder& builder) {
  const ValueId tokens = builder.integers("data/tokens");
  builder.append(OpKind::load_tokens, data, Phase::data, "load_tokens", {}, {tokens});
  return tokens;
}

DataCheck lower_data_check(Builder& builder) {
  builder.open_segment("data_check");
  const ValueId tokens = lower_load_tokens(builder);
  const ValueId largest = lower_combination(builder,
                                            {.module = data,
                                             .phase = Phase::data,
                                             .op = "tokens_max",
                                             .value = "data/tokens_max",
                                             .axes = {Axis::tp}},
                                            tokens);
  builder.last_op().recorded = false;  // equal to the tokens, or the run ends
  const AxisPlacement over_dp = builder.dp() > 1 ? partial() : replicate();
  const ValueId differs = builder.add_value({.name = "data/inconsistent_partial",
                                             .shape = {1},
                                             .dtype = Dtype::fp32,
                                             .placement = {partial(), over_dp}});
  builder.append(OpKind::differ, data, Phase::data, "differ", {tokens, largest}, {differs});
  const ValueId inconsistent = lower_combination(builder,
                                                 {.module = data,
                                                  .phase = Phase::data,
                                                  .op = "inconsistent_all_reduce",
                                                  .value = "data/inconsistent",
                                                  .axes = {Axis::tp, Axis::dp}},
                                                 differs);
  for (const ValueId id : {tokens, inconsistent})  // for the micro-step, and for the decision
    builder.program().value(id).lifetime = Lifetime::state;
  return {tokens, inconsistent};
}

}  // namespace shardproof::real
