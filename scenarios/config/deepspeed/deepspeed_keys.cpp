// Which DeepSpeed keys change numbers: a table to be read against DeepSpeed's own list of keys.
#include "scenarios/config/deepspeed/deepspeed_keys.hpp"

namespace shardproof {

namespace {

constexpr const char* kTopHarmless[] = {"steps_per_print",
                                        "wall_clock_breakdown",
                                        "memory_breakdown",
                                        "dump_state",
                                        "tensorboard",
                                        "wandb",
                                        "comet",
                                        "csv_monitor",
                                        "flops_profiler",
                                        "comms_logger",
                                        "timers",
                                        "autotuning",
                                        "activation_checkpointing",
                                        "checkpoint",
                                        "nebula",
                                        "aio",
                                        "compile",
                                        "graph_harvesting",
                                        "zero_allow_untested_optimizer",
                                        "zero_force_ds_cpu_optimizer",
                                        "use_node_local_storage",
                                        "seq_parallel_communication_data_type",
                                        "log_level",
                                        "datastates",
                                        "vocabulary_size",
                                        "model_info"};

constexpr NeutralKey kUpdateNeutral[] = {
    {"prescale_gradients", "false", "pre-division of gradients is not implemented: only false"},
    {"gradient_predivide_factor", "1", "pre-division of gradients is not implemented: only 1.0"},
    {"gradient_allreduce_op", "\"mean\"", "only \"mean\" is implemented"},
    {"managed_gradient_accumulation", "true",
     "accumulation that the training loop manages is not implemented: only true"},
    {"disable_allgather", "false", "ranks with weights of their own are not implemented"},
    {"sparse_gradients", "false", "sparse gradients are not implemented: only false"},
};

constexpr NeutralKey kTopNeutral[] = {
    {"sparse_attention", "null", "sparse attention is not implemented: remove the section"},
    {"dataloader_drop_last", "false", "data come from the scenario: only false",
     ScenarioError::Kind::wrong},
    {"sequence_parallel_size", "1", "sequence parallelism is not implemented: only 1"},
    {"pipeline", "{}", "pipeline parallelism is not implemented: remove the section"},
    {"use_data_before_expert_parallelism", "false", "expert parallelism is not implemented"},
    {"train_steps", "null", "the number of steps is the scenario's \"steps\": remove the key",
     ScenarioError::Kind::wrong},
};

constexpr NeutralKey kUpdateSwitchedOff[] = {
    {"curriculum_learning", "", "curriculum learning is not implemented"},
    {"data_efficiency", "", "data-efficiency techniques are not implemented"},
    {"progressive_layer_drop", "", "dropping layers is not implemented"},
    {"zenflow", "", "ZenFlow is not implemented"},
};

constexpr NeutralKey kTopSwitchedOff[] = {
    {"amp", "", "automatic mixed precision is not implemented"},
    {"torch_autocast", "", "automatic mixed precision is not implemented"},
    {"eigenvalue", "", "eigenvalue-driven quantisation is not implemented"},
    {"compression_training", "", "compression is not implemented"},
    {"quantize_training", "", "quantised training is not implemented"},
    {"weight_quantization", "", "quantised weights are not implemented"},
    {"expert_parallel", "", "expert parallelism is not implemented"},
    {"elasticity", "", "elastic batch sizes are not implemented"},
    {"hybrid_engine", "", "the hybrid engine is not implemented"},
};

constexpr const char* kZeroHarmless[] = {
    "contiguous_gradients", "allgather_partitions", "allgather_bucket_size",
    "load_from_fp32_weights", "elastic_checkpoint", "ignore_unused_parameters",
    "pipeline_loading_checkpoint", "override_module_apply", "log_trace_cache_warnings",
    "enable_sanity_checks", "memory_efficient_linear", "save_muon_momentum_buffer_in_memory",
    // of stage 3 only
    "sub_group_size", "prefetch_bucket_size", "param_persistence_threshold",
    "model_persistence_threshold", "max_live_parameters", "max_reuse_distance",
    "gather_16bit_weights_on_model_save", "module_granularity_threshold",
    "use_all_reduce_for_fetch_params", "stage3_prefetch_bucket_size",
    "stage3_param_persistence_threshold", "stage3_model_persistence_threshold",
    "stage3_max_live_parameters", "stage3_max_reuse_distance",
    "stage3_gather_16bit_weights_on_model_save", "stage3_gather_fp16_weights_on_model_save",
    "stage3_module_granularity_threshold", "stage3_use_all_reduce_for_fetch_params",
    "allgather_sequential", "stage3_allgather_sequential"};

constexpr NeutralKey kZeroNeutral[] = {
    {"reduce_scatter", "true", "reducing to single owners is not implemented: only true"},
    {"use_multi_rank_bucket_allreduce", "true",
     "reducing to single owners is not implemented: only true"},
    {"cpu_offload", "false", "offload is not implemented"},
    {"cpu_offload_param", "false", "offload is not implemented"},
    {"cpu_offload_params", "false", "offload is not implemented"},
    {"cpu_offload_use_pin_memory", "false", "offload is not implemented"},
    {"zero_hpz_partition_size", "1", "ZeRO++ is not implemented: only 1"},
    {"zero_quantized_weights", "false", "ZeRO++ is not implemented: only false"},
    {"zero_quantized_nontrainable_weights", "false", "ZeRO++ is not implemented: only false"},
    {"zero_quantized_gradients", "false", "ZeRO++ is not implemented: only false"},
    {"zeropp_loco_param", "null", "ZeRO++ is not implemented"},
    {"mics_shard_size", "-1", "MiCS is not implemented: only -1"},
    {"mics_hierarchical_params_gather", "false", "MiCS is not implemented: only false"},
    {"legacy_stage1", "false", "the old stage 1 is not implemented: only false"},
    {"zenflow", "null", "ZenFlow is not implemented"},
    {"leaf_module", "null", "leaf modules are of stage 3, which is not implemented"},
};

constexpr const char* kOffloadHarmless[] = {"nvme_path",      "buffer_count",      "buffer_size",
                                            "max_in_cpu",     "pin_memory",        "pipeline_read",
                                            "pipeline_write", "fast_init",         "ratio",
                                            "super_offload",  "cpuadam_cores_perc"};

constexpr NeutralKey kOffloadNeutral[] = {
    {"device", "\"none\"", "offload is not implemented: only \"none\""},
};

constexpr const char* kTensorParallelHarmless[] = {"dtype", "keep_module_on_host"};

constexpr NeutralKey kTensorParallelNeutral[] = {
    {"injection_policy_tuple", "null", "injection policies are not implemented: remove the key"},
    {"replace_with_kernel_inject", "false", "kernel injection is not implemented: only false"},
    {"kernel_inject", "false", "kernel injection is not implemented: only false"},
};

constexpr const char* kBf16Harmless[] = {"immediate_grad_update"};

constexpr NeutralKey kBf16Neutral[] = {
    {"bf16_master_weights_and_grads", "false", "bf16 master weights are not implemented"},
    {"bf16_optimizer_states", "false", "bf16 optimizer states are not implemented"},
    {"loss_scale", "1", "bf16 has no loss scale: only 1", ScenarioError::Kind::wrong},
};

constexpr const char* kFp16Harmless[] = {"auto_cast"};  // of a model's inputs: token ids

constexpr NeutralKey kFp16Neutral[] = {
    {"fp16_master_weights_and_grads", "false", "fp16 master weights are not implemented"},
};

constexpr const char* kAdamHarmless[] = {"set_grad_none", "foreach", "capturable"};

constexpr NeutralKey kAdamNeutral[] = {
    {"fused", "true", "only the fused form of the update is implemented"},
    {"bias_correction", "true", "Adam without bias correction is not implemented: only true"},
    {"amsgrad", "false", "AMSGrad is not implemented: only false"},
    {"maximize", "false", "maximisation is not implemented: only false"},
    {"max_grad_norm", "null", "DeepSpeed clips by the top-level key gradient_clipping: use that",
     ScenarioError::Kind::wrong},
    {"fp32_optimizer_states", "true", "optimizer states are fp32: only true"},
};

constexpr NeutralKey kTorchAdamNeutral[] = {
    {"amsgrad", "false", "AMSGrad is not implemented: only false"},
    {"maximize", "false", "maximisation is not implemented: only false"},
    {"capturable", "false", "torch's bias corrections in fp32 are not implemented: only false"},
    {"differentiable", "false", "an update with a derivative is not implemented: only false"},
    {"bias_correction", "null", "torch's optimizers have no such argument: remove the key",
     ScenarioError::Kind::wrong},
    {"set_grad_none", "null", "torch's optimizers have no such argument: remove the key",
     ScenarioError::Kind::wrong},
    {"fp32_optimizer_states", "null", "torch's optimizers have no such argument: remove the key",
     ScenarioError::Kind::wrong},
    {"max_grad_norm", "null", "DeepSpeed clips by the top-level key gradient_clipping: use that",
     ScenarioError::Kind::wrong},
};

constexpr const char* kSgdHarmless[] = {"foreach", "differentiable", "fused"};

constexpr NeutralKey kSgdNeutral[] = {
    {"dampening", "0", "SGD whose momentum is dampened is not implemented: only 0"},
    {"maximize", "false", "maximisation is not implemented: only false"},
    {"max_grad_norm", "null", "DeepSpeed clips by the top-level key gradient_clipping: use that",
     ScenarioError::Kind::wrong},
};

}  // namespace

SectionKeys top_level_keys() { return {kTopHarmless, kTopNeutral, kTopSwitchedOff}; }
SectionKeys update_keys() { return {{}, kUpdateNeutral, kUpdateSwitchedOff}; }
SectionKeys zero_optimization_keys() { return {kZeroHarmless, kZeroNeutral, {}}; }
SectionKeys offload_keys() { return {kOffloadHarmless, kOffloadNeutral, {}}; }
SectionKeys tensor_parallel_keys() { return {kTensorParallelHarmless, kTensorParallelNeutral, {}}; }
SectionKeys fp16_keys() { return {kFp16Harmless, kFp16Neutral, {}}; }
SectionKeys bf16_keys() { return {kBf16Harmless, kBf16Neutral, {}}; }
SectionKeys adam_keys() { return {kAdamHarmless, kAdamNeutral, {}}; }
SectionKeys torch_adam_keys() { return {{}, kTorchAdamNeutral, {}}; }
SectionKeys sgd_keys() { return {kSgdHarmless, kSgdNeutral, {}}; }

void apply(const SectionKeys& keys, ObjectReader& reader,
           std::vector<std::string>& without_effect) {
  require_neutral(reader, keys.neutral);
  for (const NeutralKey& row : keys.switched_off) {
    const JsonValue* section = reader.find(row.key);
    if (!section) continue;
    const JsonValue* enabled = section->find("enabled");
    const bool off =
        section->is_object() && (!enabled || (enabled->is_boolean() && !enabled->boolean));
    if (!off) refuse_unimplemented(*section, reader.name(row.key), row.reason);
  }
  accept_harmless(reader, keys.harmless, &without_effect);
}

void pass_over(const SectionKeys& keys, ObjectReader& reader,
               std::vector<std::string>& without_effect) {
  accept_harmless(reader, keys.harmless, &without_effect);
  for (const auto& rows : {keys.neutral, keys.switched_off})
    for (const NeutralKey& row : rows)
      if (reader.find(row.key)) without_effect.push_back(reader.name(row.key));
}

}  // namespace shardproof
