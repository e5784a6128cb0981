#include "scenarios/random/random_scenario.hpp"

#include "scenarios/model/families.hpp"
#include "scenarios/random/random_model.hpp"

namespace shardproof {

namespace {

enum class Kind { training, resumed, overflowing, inference };

Kind kind_of(Dice dice) {
  const int face = dice.between(1, 100);
  if (face <= 74) return Kind::training;
  if (face <= 82) return Kind::resumed;
  return face <= 86 ? Kind::overflowing : Kind::inference;
}

struct Grid {
  int tp, dp;
};

// Three and more replicas, and TP degrees that are no power of two, as often as the plain ones.
Grid grid_of(Dice dice) {
  const int tp = dice.one_of<int>({1, 1, 2, 2, 3, 4, 5, 8});
  return {tp, dice.between(1, std::min(8 / tp, 5))};
}

enum class Precision { fp64, fp32, bf16, fp16 };

class Writer {
 public:
  Writer(std::uint64_t seed, Kind kind) : seed_(seed), kind_(kind) {}

  RandomScenario write() {
    grid_ = grid_of(dice("grid"));
    cut_ = {grid_.tp, kind_ == Kind::inference || (grid_.tp > 1 && dice("cut").chance(40))};
    precision_ = precision();
    const Dice length = dice("steps");
    choose_steps(length);

    RandomScenario all;
    all.scenario = scenario();
    if (kind_ == Kind::overflowing) all.deserved = Deserved::unknown;
    if (kind_ == Kind::resumed) all.before = before(all.scenario);
    return all;
  }

 private:
  Dice dice(const char* subject) const { return {seed_, subject}; }
  bool trains() const { return kind_ != Kind::inference; }

  Precision precision() const {
    if (kind_ == Kind::overflowing) return Precision::fp16;
    return dice("precision")
        .one_of<Precision>({Precision::fp64, Precision::fp32, Precision::fp32, Precision::bf16,
                            Precision::bf16, Precision::bf16, Precision::fp16, Precision::fp16});
  }

  // From 2^12 on a toy's gradients may overflow, in some families from 2^8 on: there are steps left
  // when the scale has come down.
  void choose_steps(Dice dice) {
    scale_power_ = this->dice("loss scale").between(4, 19);
    steps_ = dice.between(1, 3);
    if (kind_ == Kind::resumed) {
      scale_power_ = std::min(scale_power_, 8);
      steps_ = std::max(2, steps_);
    } else if (precision_ == Precision::fp16 && scale_power_ > 8) {
      steps_ = std::max(steps_, scale_power_ - 6);
    }
  }

  JsonValue scenario() {
    Dice data = dice("data");
    const int sequence = data.between(2, 13);
    Dice of_model = dice("model");
    const std::string family = dice("family").one_of(published_family_names());
    const RandomModel model = random_model(family, cut_, sequence, of_model);

    JsonValue json = JsonValue::object();
    json.set("name", "random-" + std::to_string(seed_) + "-" + family);
    json.set("model", JsonValue::object().set("config", model.config));
    if (!trains()) json.set("mode", "inference");
    json.set("deepspeed", deepspeed(model)).set("world", grid_.tp * grid_.dp).set("steps", steps_);
    json.set("seed", dice("seed").between(0, 1'000'000));
    json.set("data", data_of(sequence, model, data));
    if (precision_ == Precision::fp64) json.set("precision", "fp64");
    json.set("reduction", dice("reduction").one_of({"ring", "ring", "rank_order", "library"}));
    if (trains()) json.set("uneven", cut_.uneven);
    if (model.own_cut) json.set("cut", "own");
    if (trains()) add_training(json);
    return json.set("executions", JsonValue::array().append("reference").append("sim"));
  }

  // Labels that all are padding are refused: there are enough of them that this does not happen.
  JsonValue data_of(int sequence, const RandomModel& model, Dice& dice) const {
    JsonValue data = JsonValue::object().set("generated", true).set("sequence", sequence);
    const JsonValue* row = model.config.find("pad_token_id");
    if (sequence > 6 && dice.chance(30))
      data.set("padding", row != nullptr && row->is_number() ? *row : JsonValue(3));
    return data;
  }

  JsonValue deepspeed(const RandomModel& model) {
    JsonValue config = JsonValue::object();
    config.set("train_micro_batch_size_per_gpu", dice("micro batch").between(1, 3));
    if (precision_ == Precision::bf16) config.set("bf16", bf16());
    if (precision_ == Precision::fp16) config.set("fp16", fp16());
    JsonValue tensor_parallel = model.tensor_parallel;
    tensor_parallel.set("autotp_size", grid_.tp);
    if (dice("tp overlap").chance(30)) tensor_parallel.set("tp_overlap_comm", true);
    config.set("tensor_parallel", std::move(tensor_parallel));
    if (!trains()) return config;
    config.set("gradient_accumulation_steps", dice("accumulation").between(1, 3));
    config.set("gradient_clipping", dice("clipping").one_of<double>({0, 0.01, 0.5, 1, 100}));
    add_zero(config);
    config.set("optimizer", optimizer());
    add_scheduler(config);
    return config;
  }

  JsonValue bf16() const {
    JsonValue section = JsonValue::object().set("enabled", true);
    if (trains() && dice("overflow check").chance(20)) section.set("check_grad_overflow", false);
    return section;
  }

  JsonValue fp16() const {
    JsonValue section = JsonValue::object().set("enabled", true);
    Dice scale = dice("scaler");
    if (!trains()) return section;
    if (kind_ == Kind::overflowing)  // far above what it could fall to
      return section.set("initial_scale_power", 100).set("hysteresis", scale.between(1, 3));
    if (scale_power_ <= 8 && scale.chance(40)) return section.set("loss_scale", 1 << scale_power_);
    section.set("initial_scale_power", scale_power_);
    section.set("loss_scale_window", scale.between(1, 3));
    section.set("hysteresis", scale_power_ > 10 ? 1 : scale.between(1, 2));
    return section.set("consecutive_hysteresis", scale.chance(50));
  }

  void add_zero(JsonValue& config) const {
    Dice zero = dice("zero");
    const int stage = zero.between(0, 2);
    JsonValue section = JsonValue::object().set("stage", stage);
    section.set("reduce_bucket_size", zero.one_of<int>({53, 500, 1500, 4001, 500'000'000}));
    section.set("overlap_comm", zero.chance(50)).set("round_robin_gradients", zero.chance(40));
    config.set("zero_optimization", std::move(section));
    const bool narrow = precision_ == Precision::bf16 || precision_ == Precision::fp16;
    if (stage > 0 && narrow && zero.chance(40))
      config.set("data_types", JsonValue::object().set("grad_accum_dtype", "fp32"));
    if (narrow && zero.chance(30))
      config.set("communication_data_type",
                 precision_ == Precision::fp16 ? "fp32" : zero.one_of({"fp32", "bf16"}));
  }

  JsonValue optimizer() const {
    Dice of = dice("optimizer");
    const char* type = of.one_of({"AdamW", "AdamW", "Adam", "SGD"});
    JsonValue params = JsonValue::object().set("lr", of.one_of<double>({1e-4, 1e-3, 0.02}));
    params.set("weight_decay", of.one_of<double>({0, 0.01, 0.1}));
    if (std::string(type) == "SGD") {
      const double momentum = of.one_of<double>({0, 0.9});
      params.set("momentum", momentum).set("nesterov", momentum > 0 && of.chance(50));
    } else {
      params.set("betas", JsonValue::array().append(0.9).append(of.one_of<double>({0.95, 0.999})));
      params.set("eps", of.one_of<double>({1e-8, 1e-6})).set("torch_adam", of.chance(25));
      if (std::string(type) == "Adam") params.set("adam_w_mode", of.chance(50));
    }
    return JsonValue::object().set("type", type).set("params", std::move(params));
  }

  void add_scheduler(JsonValue& config) const {
    Dice of = dice("scheduler");
    if (of.chance(60)) return;
    const std::string type = of.one_of({"WarmupLR", "WarmupDecayLR", "WarmupCosineLR"});
    JsonValue params = JsonValue::object().set("warmup_num_steps", of.between(1, 3));
    if (type != "WarmupLR") params.set("total_num_steps", 5);
    if (type != "WarmupCosineLR") params.set("warmup_max_lr", 1e-3);
    params.set("warmup_type", of.one_of({"log", "linear"}));
    config.set("scheduler", JsonValue::object().set("type", type).set("params", std::move(params)));
  }

  void add_training(JsonValue& json) const {
    if (dice("groups").chance(30))  // the first layer, in every family
      json.set("parameter_groups", JsonValue::array().append(
                                       JsonValue::object()
                                           .set("patterns", JsonValue::array().append(".*\\.0\\."))
                                           .set("weight_decay", 0.03)));
    Dice saving = dice("checkpoint");
    if (kind_ == Kind::training && steps_ > 1 && saving.chance(20))
      json.set("checkpoint", JsonValue::object()
                                 .set("save_after", JsonValue::array().append(1))
                                 .set("resume_after", 1)
                                 .set("consolidated", saving.chance(50)));
  }

  // The same model, dtypes and optimizer, unsharded or on replicas alone, in any stage that these
  // dtypes allow.
  JsonValue before(JsonValue scenario) const {
    Dice of = dice("before");
    const int replicas = of.between(1, 3);
    scenario.set("name", scenario.find("name")->text + "-before").set("steps", saved_steps);
    scenario.set("world", replicas).set("uneven", false);
    JsonValue* config = scenario.find("deepspeed");
    config->set("tensor_parallel", JsonValue::object());
    const int lowest = config->find("data_types") == nullptr ? 0 : 1;
    config->find("zero_optimization")->set("stage", of.between(lowest, 2));
    return scenario.set("checkpoint", JsonValue::object().set(
                                          "save_after", JsonValue::array().append(saved_steps)));
  }

  std::uint64_t seed_;
  Kind kind_;
  Grid grid_{};
  Cut cut_;
  Precision precision_ = Precision::fp32;
  int scale_power_ = 0;
  int steps_ = 1;
};

}  // namespace

RandomScenario random_scenario(std::uint64_t seed) {
  return Writer(seed, kind_of(Dice(seed, "kind"))).write();
}

}  // namespace shardproof
