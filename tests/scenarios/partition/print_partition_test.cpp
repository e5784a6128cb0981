#include "scenarios/plan/print/print_partition.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/scenarios/partition/plans.hpp"

using namespace shardproof;
using namespace shardproof::tests;

BOOST_AUTO_TEST_CASE(the_plan_is_printed_by_class_of_module_with_the_rule_that_decided) {
  Scenario scenario;
  scenario.model = small_model("llama", R"("tie_word_embeddings": true)");
  scenario.partition =
      plan_of(scenario.model, specs(R"({"patterns": [".*up_proj"], "shape": [[16, 8], -1]},
                               {"patterns": [".*down_proj"], "partition_type": "row"},
                               {"patterns": [".*norm"], "partition_type": "skip",
                                "grad_allreduce": true, "model_types": ["llama"]},
                               {"patterns": ["lm_head"], "gather_output": true})"));
  BOOST_TEST(print_partition(scenario) ==
             R"(
What tensor parallelism cuts
  module                                        style                        cut        decided by
  model.layers.{0..1}.mlp.up_proj               column                       8 8 | 4 4  layer_specs[0], .*up_proj
  model.layers.{0..1}.mlp.down_proj             row                          even       layer_specs[1], .*down_proj
  model.layers.{0..1}.input_layernorm           replicated, gradient summed  -          layer_specs[2], .*norm
  model.layers.{0..1}.post_attention_layernorm  replicated, gradient summed  -          layer_specs[2], .*norm
  model.norm                                    replicated, gradient summed  -          layer_specs[2], .*norm
  lm_head                                       replicated                   -          layer_specs[3], lm_head, but tied
  warning: lm_head.weight is tied to model.embed_tokens.weight: both stay replicated, because a coupled vocabulary-parallel embedding is not supported
)");
  scenario.partition = {};
  BOOST_TEST(print_partition(scenario).empty());
}
