#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/dtype.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/model/model_description.hpp"
#include "scenarios/partition/partition_plan.hpp"
#include "scenarios/partition/partition_rules.hpp"

namespace shardproof {

struct JsonValue;

/// The order in which a reduction adds the members of its group (DESIGN section 4).
enum class ReductionOrder { rank_order, ring, library };
const char* name_of(ReductionOrder order);

/// What a run does with a batch: forward, backward and update, or forward alone. In inference shards
/// are always as wide as uneven cuts make them, and biases are added in place (spec-autotp 1.1).
enum class Mode { training, inference };
const char* name_of(Mode mode);

/// The optimizer as the DeepSpeed config gives it: the fp64 values of the decimals in the file. AdamW
/// decays weights beside the gradient, Adam and SGD decay them into it.
struct OptimizerConfig {
  enum class Kind { adamw, adam, sgd };
  Kind kind = Kind::adamw;
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  double momentum = 0;    // of SGD
  bool nesterov = false;  // of SGD
};

/// What the learning rate of a step is: the optimizer's own, or DeepSpeed's WarmupLR (from `lowest` to
/// `highest` in `warmup_steps`, then `highest`) or WarmupDecayLR (from there down to 0 at
/// `total_steps`).
struct SchedulerConfig {
  enum class Kind { constant, warmup, warmup_decay };
  Kind kind = Kind::constant;
  double lowest = 0;
  double highest = 1e-3;
  std::int64_t warmup_steps = 1000;
  std::int64_t total_steps = 0;
  bool logarithmic = true;  // how it warms up; else linearly
};

/// The factor by which fp16 training scales its loss (spec-autotp 7.10).
struct LossScaleConfig {
  double fixed = 0;                     // 0: dynamic
  int initial_power = 16;               // it begins as 2^this
  std::int64_t window = 1000;           // steps without overflow after which it doubles
  std::int64_t hysteresis = 2;          // overflows until it halves
  bool consecutive_hysteresis = false;  // every clean step refills the hysteresis
  double lowest = 1;
};

/// The DeepSpeed keys that change numbers, defaults filled in (spec-autotp sections 3.1, 7.5, 7.6).
struct TrainingConfig {
  int tensor_parallel = 1;       // tensor_parallel.autotp_size; 0 and 1 shard nothing
  bool tp_overlap_comm = false;  // a column's backward all-reduce runs beside its weight gradient
  int zero_stage = 0;            // 0, 1 or 2
  int micro_batch = 1;           // train_micro_batch_size_per_gpu
  int accumulation = 1;          // gradient_accumulation_steps
  Dtype working = Dtype::fp32;   // bf16 or fp16.enabled, or fp64 by the scenario's "precision"
  /// Of gradient accumulators (data_types.grad_accum_dtype), and of what replicas send one another
  /// (communication_data_type): the working dtype if absent.
  std::optional<Dtype> accumulate, dp_wire;
  double gradient_clipping = 1.0;                 // 0: off
  std::int64_t reduce_bucket_size = 500'000'000;  // elements
  bool overlap_comm = false;  // a bucket is reduced while the next one is filled
  bool check_grad_overflow = true;
  LossScaleConfig loss_scale;  // where working is fp16
  OptimizerConfig optimizer;
  SchedulerConfig scheduler;
  PartitionRules partition_rules;
  /// Number-changing keys that were absent: "gradient_clipping = 1.0", for `plan` to print.
  std::vector<std::string> defaulted;
  /// Keys that were given and cannot change a number: "zero_optimization.overlap_comm".
  std::vector<std::string> without_effect;
};

/// Where a micro-batch's tokens come from.
struct DataConfig {
  enum class Source { text, tokens, generated };
  Source source = Source::generated;
  std::string path;  // of the text or token file; absolute or relative to the working directory
  std::int64_t sequence = 64;  // T
  /// A token that fills up short samples: positions whose label it is have no loss.
  std::optional<std::int64_t> padding = std::nullopt;
};

/// Parameters that are updated alike, in a flat vector of their own: those that match one of the
/// patterns (Python's re.match on their Hugging Face names) and none of an earlier group. What
/// matches none is the last group, with the optimizer's own weight decay.
struct ParameterGroup {
  std::vector<std::string> patterns;
  double weight_decay = 0;
};

/// What is saved of a run, and when (spec-autotp 8). Counts of steps done: after 1 is after step 0.
struct CheckpointConfig {
  std::vector<int> save_after;  // ascending; empty: nothing is saved
  /// After which of them each rank forgets its state and reads it back from what it has just saved;
  /// 0: never.
  int resume_after = 0;
  bool consolidated = false;  // the weights too, whole, as transformers loads them
};

/// A defect to plant (DESIGN section 7). Which fields mean something depends on `edit`.
struct Injection {
  std::string
      edit;  // drop double add_bias_before_reduce swap_shards stale scale regroup retype set read
  std::string op;                   // as `shardproof plan` prints it
  std::vector<int> ranks;           // empty: all
  std::vector<int> steps;           // empty: all
  double factor = 1.0;              // scale
  std::string dtype;                // retype
  std::string group;                // regroup
  std::vector<std::int64_t> index;  // set: in the local tensor; absent: element 0; read: the input
  std::string value;                // set: "nan", a number, or "flip:BIT"; read: a value
  std::string when = "output";      // set: output | after_record | between_steps
  SourcePlace place;                // for errors: an edit that names no op of the program
};

/// One scenario file, read, checked and completed.
struct Scenario {
  std::string name;
  std::string file;  // where it was read; "" if made from the command line
  ModelDescription model;
  std::string weights;  // "generated", or a safetensors file, an index, or a folder
  Mode mode = Mode::training;
  TrainingConfig training;
  PartitionPlan partition;  // what TP does with each module; empty if T is 1
  int world = 1;
  int steps = 1;  // of the whole training, those before a checkpoint that it goes on from included
  CheckpointConfig checkpoint;
  std::string resume;  // the checkpoint that the run goes on from; "": it begins
  int first_step = 0;  // the steps that this checkpoint's run has done
  std::uint64_t seed = 0;
  DataConfig data;
  std::vector<ParameterGroup> parameter_groups;
  bool overflow_expected = false;  // "overflow": "expected": skipped steps are no failure
  ReductionOrder reduction = ReductionOrder::ring;
  std::vector<std::string> executions = {"reference", "sim", "real"};  // in this order
  std::string real = "mpi";                                            // the machine under "real"
  std::string trace_tier = "full";
  std::string trace_keep = "always";  // always | failed | never
  std::vector<Injection> inject;
  std::int64_t timeout_s = 600;

  int data_parallel() const { return world / training.tensor_parallel; }
  bool runs(const std::string& execution) const;
  bool trains() const { return mode == Mode::training; }
};

/// Reads a scenario file: JSON as `write_scenario` writes it, with paths relative to the file,
/// absent keys filled in, everything checked. An override is "num_hidden_layers=2"
/// (config/overrides.hpp). Throws ScenarioError with file:line:column.
Scenario read_scenario(const std::string& path, const std::vector<std::string>& overrides = {});

/// The same of a scenario that stands inside another file, such as a checkpoint's manifest.
Scenario scenario_inside(JsonValue document, const std::string& file,
                         const std::vector<std::string>& overrides = {});

/// What `shardproof run --model DIR --deepspeed FILE --world 8` gives instead of a scenario file.
struct CommandLineScenario {
  std::string model;      // a folder with config.json (and weights, if there are any), or the file
  std::string deepspeed;  // a DeepSpeed config
  int world = 1;
  std::string name;  // "": that of the model's folder
  std::optional<int> steps;
  std::optional<std::int64_t> seed;
  std::string text;  // a text file for byte tokens; "": generated tokens
  std::optional<std::int64_t> sequence;
  std::string mode, precision, reduction;  // "": the default
  std::vector<std::string> executions;     // empty: all
  std::vector<std::string> overrides;
};
Scenario scenario_from_command_line(const CommandLineScenario& given);

/// The effective scenario as JSON: every default filled in, the configs inlined, paths absolute.
/// read_scenario of it gives the same scenario, so running it repeats the run.
std::string write_scenario(const Scenario& scenario);

/// Hex digest of the effective scenario. A data file counts by its bytes, weights by their files'
/// names and sizes, a checkpoint by its manifest, none by its place on this machine.
std::string scenario_hash(const Scenario& scenario);

}  // namespace shardproof
