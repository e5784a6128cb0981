#pragma once

#include <string>

#include "scenarios/config/deepspeed/deepspeed_config.hpp"
#include "scenarios/config/deepspeed/partition_config.hpp"
#include "scenarios/config/model/model_config.hpp"
#include "tests/support/error_of.hpp"

namespace shardproof::tests {

/// A model of 2 small layers: hidden 16, inner 24, vocabulary 32, 4 heads, and what `members` say.
inline ModelDescription small_model(const std::string& type, const std::string& members = "") {
  const bool gpt2 = type == "gpt2", bloom = type == "bloom", glm = type == "chatglm";
  const std::string inner = type == "opt" ? "ffn_dim" : "intermediate_size";
  std::string text = "{\"model_type\": \"" + type + "\", \"vocab_size\": 32";
  text += gpt2 || bloom ? ", \"n_head\": 4, \"n_layer\": 2" : ", \"num_attention_heads\": 4";
  text += glm ? ", \"num_layers\": 2, \"ffn_hidden_size\": 24, \"padded_vocab_size\": 32"
          : gpt2 || bloom ? ""
                          : ", \"num_hidden_layers\": 2, \"" + inner + "\": 24";
  text += gpt2 ? ", \"n_embd\": 16" : ", \"hidden_size\": 16";
  return model_from_json(parse_json(text + (members.empty() ? "" : ", ") + members + "}", "m"));
}

/// The rules of a DeepSpeed config with this section tensor_parallel.
inline PartitionRules rules_of(const std::string& section, int tp) {
  const std::string text =
      "{\"train_micro_batch_size_per_gpu\": 1, \"optimizer\": {\"type\": \"AdamW\"},\n"
      "\"tensor_parallel\": {\"autotp_size\": " +
      std::to_string(tp) + (section.empty() ? "" : ",\n") + section + "}}";
  return deepspeed_from_json(parse_json(text, "ds.json"), tp).partition_rules;
}

struct PlanOptions {
  int tp = 2;
  bool uneven = false;
  bool own_cut = false;
};
inline PartitionPlan plan_of(const ModelDescription& model, const std::string& section,
                             PlanOptions options = {}) {
  PartitionRules rules = rules_of(section, options.tp);
  rules.uneven = options.uneven;
  rules.own_cut = options.own_cut;
  return resolve_partition(model, rules, options.tp);
}
inline std::string error_of_plan(const ModelDescription& model, const std::string& section,
                                 PlanOptions options = {}) {
  return error_of([&] { plan_of(model, section, options); });
}

/// A partition_config of such specs, as a member of the section.
inline std::string specs(const std::string& specs, const std::string& more = "") {
  return "\"partition_config\": {\"layer_specs\": [" + specs + "]" + more + "}";
}

/// "column", "row gathered", "replicated summed", with the widths: "column {4 4}{2 2}".
inline std::string shown(const PartitionPlan& plan, const std::string& module) {
  const LayerPartition& partition = plan.of(module);
  std::string text = name_of(partition.style);
  if (partition.gather_output) text += " gathered";
  if (partition.grad_allreduce) text += " summed";
  if (!partition.widths.empty()) text += " ";
  for (const std::vector<std::int64_t>& block : partition.widths) {
    text += "{";
    for (std::size_t i = 0; i < block.size(); ++i)
      text += (i == 0 ? "" : " ") + std::to_string(block[i]);
    text += "}";
  }
  return text;
}

}  // namespace shardproof::tests
