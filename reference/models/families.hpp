#pragma once

#include "reference/models/graph.hpp"
#include "scenarios/settings/task.hpp"

namespace shardproof::reference {

/// The graph of a model, as its family tells it, loss included. Throws ScenarioError for a family
/// that nobody has told.
Graph graph_of(const ModelDescription& model, const MicroBatch& micro_batch);

/// Over the sequences of one of the task's micro-steps, in inference without a loss. Of the grid
/// it knows the batch groups alone: the replicas.
Graph graph_of(const Task& task);

/// The families' forward passes, from the tokens to the logits: reference/models, a file each.
/// Llama's is also that of Mistral and of Qwen2, whose window and biases the description tells.
Value llama(Graph& net, const ModelDescription& model);
Value deepseek_v2(Graph& net, const ModelDescription& model);
Value deepseek_v3(Graph& net, const ModelDescription& model);
Value mixtral(Graph& net, const ModelDescription& model);
Value qwen3(Graph& net, const ModelDescription& model);
Value qwen3_moe(Graph& net, const ModelDescription& model);
Value gemma2(Graph& net, const ModelDescription& model);
Value olmo2(Graph& net, const ModelDescription& model);
Value gemma3(Graph& net, const ModelDescription& model);
Value phi3(Graph& net, const ModelDescription& model);
Value gpt2(Graph& net, const ModelDescription& model);
Value gpt_neox(Graph& net, const ModelDescription& model);
Value opt(Graph& net, const ModelDescription& model);
Value bloom(Graph& net, const ModelDescription& model);
Value chatglm(Graph& net, const ModelDescription& model);
Value residual_mlp(Graph& net, const ModelDescription& model);

}  // namespace shardproof::reference
