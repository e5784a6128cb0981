#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "scenarios/files/text_file.hpp"
#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {

/// A scenario of a second, simulated alone.
inline JsonValue small(const std::string& name) {
  return parse_json(R"({"model": {"config": {"model_type": "llama", "hidden_size": 16,
      "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 4,
      "num_key_value_heads": 4, "vocab_size": 32, "max_position_embeddings": 32}},
    "deepspeed": {"train_micro_batch_size_per_gpu": 1, "zero_optimization": {"stage": 1},
      "optimizer": {"type": "AdamW", "params": {"lr": 0.001}},
      "tensor_parallel": {"autotp_size": 2}},
    "world": 2, "data": {"generated": true, "sequence": 8}, "executions": ["sim"]})",
                    "night")
      .set("name", name);
}

/// A folder of scenarios, and one of results.
class Night {
 public:
  Night() { std::filesystem::create_directory(folder_ / "s"); }
  std::string path() const { return folder_.path().string(); }
  std::string operator/(const std::string& name) const { return folder_ / name; }
  void add(const std::string& name, const JsonValue& scenario) const {
    write_text(folder_ / ("s/" + name + ".json"), write_json(scenario, 2));
  }
  ProgramResult run(std::vector<std::string> words) const {
    words.insert(words.begin(), SHARDPROOF);
    return run_program(words, path());
  }
  int exit_code_of(const std::string& results) const {
    const JsonValue summary = read_json(folder_ / ("out/" + results + "/summary.json"));
    return static_cast<int>(summary.find("exit_code")->integer);
  }

 private:
  TemporaryFolder folder_;
};

/// One that is stopped before it ends.
inline JsonValue slow(JsonValue scenario) {
  return scenario.set("steps", 3'000).set("timeout_s", 1);
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace shardproof::tests
