#include "reference/models/families.hpp"

#include <map>

#include "reference/ops/loss_scaler.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

using Family = Value (*)(Graph& net, const ModelDescription& model);

const std::map<std::string, Family> families{
    {"llama", llama},
    {"mistral", llama},
    {"mixtral", mixtral},
    {"deepseek_v2", deepseek_v2},
    {"deepseek_v3", deepseek_v3},
    {"qwen2", llama},
    {"qwen3", qwen3},
    {"qwen3_moe", qwen3_moe},
    {"gemma2", gemma2},
    {"gemma3_text", gemma3},
    {"olmo2", olmo2},
    {"phi3", phi3},
    {"gpt2", gpt2},
    {"gpt_neox", gpt_neox},
    {"opt", opt},
    {"bloom", bloom},
    {"chatglm", chatglm},
    {"residual_mlp", residual_mlp},
};

// Without a loss if it is only asked for the logits.
Graph make_graph(const ModelDescription& model, const MicroBatch& micro_batch, bool with_loss) {
  const auto family = families.find(model.family);
  if (family == families.end())
    throw ScenarioError("the reference does not know the forward pass of a " + model.family +
                        " model");
  Graph net(model.parameters, micro_batch, model.untrained);
  const Value logits = family->second(net, model);
  if (with_loss)
    net.loss(logits,
             model.has_number("squared_error") ? UnitKind::squared_error : UnitKind::cross_entropy);
  for (const std::string& name : net.unused_parameters())
    SHARDPROOF_EXPECTS(false, model.family, "has no use for", name);
  return net;
}

}  // namespace

Graph graph_of(const ModelDescription& model, const MicroBatch& micro_batch) {
  return make_graph(model, micro_batch, /*with_loss=*/true);
}

Graph graph_of(const Task& task) {
  const std::int64_t groups = task.replicas;
  const MicroBatch micro_batch{.batch = groups * task.training.micro_batch,
                               .positions = task.data.sequence,
                               .groups = groups,
                               .gradient_scale = 1.0 / task.training.accumulation,
                               .scales_loss = scales_loss(task.training),
                               .padding = task.data.padding,
                               .working = task.training.working};
  return make_graph(task.model, micro_batch, task.trains());
}

}  // namespace shardproof::reference
