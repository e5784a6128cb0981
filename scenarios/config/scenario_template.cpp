#include "scenarios/config/scenario_template.hpp"

namespace shardproof {

std::string scenario_template() {
  return R"json({
  // Results are stored under this name.
  "name": "mine",

  // A Hugging Face config.json: its path, its folder's, or inline as here.
  "model": {
    "config": {
      "model_type": "llama",
      "hidden_size": 64,
      "intermediate_size": 160,
      "num_hidden_layers": 2,
      "num_attention_heads": 4,
      "num_key_value_heads": 2,
      "vocab_size": 256,
      "max_position_embeddings": 128
    },
    // "generated", or a safetensors file, an index, or the folder that holds them.
    "weights": "generated"
  },

  // A DeepSpeed config: its path, or inline as here.
  "deepspeed": {
    "train_micro_batch_size_per_gpu": 2,
    "gradient_accumulation_steps": 2,
    "bf16": { "enabled": true },
    "zero_optimization": { "stage": 1 },
    "tensor_parallel": { "autotp_size": 2 },
    "optimizer": { "type": "AdamW", "params": { "lr": 0.001, "weight_decay": 0.01 } }
  },

  // Ranks: autotp_size of them are a replica. No GPU is needed.
  "world": 4,
  "steps": 2,

  // Or { "text": "FILE" } for bytes as tokens, or { "tokens": "FILE" } for lists of ids.
  "data": { "generated": true, "sequence": 32 },

  // Who computes: the exact oracle, the simulated cluster, and real ranks.
  "executions": ["reference", "sim", "real"],

  // What real ranks run on: "mpi", "cuda" or "cuda_simulated".
  "real": "mpi",

  // A defect to plant, to see it found; shardproof plan --ops FILE names the ops.
  // { "edit": "drop", "op": "model.layers.1.self_attn.o_proj/forward/all_reduce", "ranks": [1] }
  "inject": []
}
)json";
}

}  // namespace shardproof
