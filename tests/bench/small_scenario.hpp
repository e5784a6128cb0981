#pragma once

#include <string>

#include "scenarios/config/scenario_file.hpp"
#include "scenarios/files/text_file.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::bench {

/// A Llama of 2 layers in bf16, one step, on so many ranks: tensor-parallel by 2, else replicas.
inline Scenario small_scenario(int hidden, int ranks) {
  const tests::TemporaryFolder folder;
  const std::string h = std::to_string(hidden);
  write_text(folder / "small.json", R"({"name": "small", "model": {"config": {
      "model_type": "llama", "hidden_size": )" +
                                        h + R"(, "intermediate_size": )" + h + R"(,
      "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
      "vocab_size": 512, "max_position_embeddings": 64}},
    "deepspeed": {"train_micro_batch_size_per_gpu": 1, "bf16": {"enabled": true},
      "zero_optimization": {"stage": 1}, "tensor_parallel": {"autotp_size": 2},
      "optimizer": {"type": "AdamW", "params": {"lr": 0.001}}},
    "data": {"generated": true, "sequence": 16}, "steps": 1, "executions": ["sim"],
    "world": )" + std::to_string(ranks) +
                                        "}");
  return read_scenario(folder / "small.json");
}

}  // namespace shardproof::bench
