#include "scenarios/config/deepspeed/deepspeed_config.hpp"

#include <boost/test/unit_test.hpp>

#include "scenarios/config/deepspeed/optimizer_config.hpp"
#include "scenarios/config/deepspeed/scheduler_config.hpp"
#include "tests/support/error_of.hpp"

using namespace shardproof;
using tests::error_of;

namespace {

// A config in one line: the given members, an AdamW if they have none, a micro-batch size.
DeepSpeedConfig training(const std::string& members, int world = 4) {
  std::string text = "{" + members;
  if (members.find("\"optimizer\"") == std::string::npos)
    text += R"(, "optimizer": {"type": "AdamW"})";
  if (members.find("batch_size") == std::string::npos)
    text += R"(, "train_micro_batch_size_per_gpu": 2)";
  return deepspeed_from_json(parse_json(text + "}", "ds.json"), world);
}

std::string error_in(const std::string& members, int world = 4) {
  return error_of([&] { training(members, world); });
}

// Members in which an '@' stands before the culprit, and what is said of it.
struct BadInput {
  std::string members;
  std::string message;
};

void check_refused(const BadInput& input) {
  const std::size_t at = input.members.find('@');
  BOOST_REQUIRE(at != std::string::npos);
  const std::string members = input.members.substr(0, at) + input.members.substr(at + 1);
  const std::size_t column = at + 2;  // counted from 1, after the opening brace
  BOOST_TEST(error_in(members) == "ds.json:1:" + std::to_string(column) + ": " + input.message);
}

}  // namespace

BOOST_AUTO_TEST_CASE(absent_keys_have_deepspeeds_defaults_and_are_listed) {
  const DeepSpeedConfig config = training(R"("steps_per_print": 10)");

  BOOST_TEST(config.tensor_parallel == 1);
  BOOST_TEST(config.zero_stage == 0);
  BOOST_TEST(config.micro_batch == 2);
  BOOST_TEST(config.accumulation == 1);
  BOOST_TEST((config.working == Dtype::fp32));
  BOOST_TEST(config.gradient_clipping == 1.0);
  BOOST_TEST(config.reduce_bucket_size == 500'000'000);
  BOOST_TEST(config.check_grad_overflow);
  BOOST_TEST(config.optimizer.learning_rate == 1e-3);
  BOOST_TEST(config.optimizer.beta1 == 0.9);
  BOOST_TEST(config.optimizer.beta2 == 0.999);
  BOOST_TEST(config.optimizer.epsilon == 1e-8);
  BOOST_TEST(config.optimizer.weight_decay == 0.0);
  const std::vector<std::string> defaulted = {"bf16.enabled = false",
                                              "bf16.check_grad_overflow = true",
                                              "tensor_parallel.autotp_size = 0",
                                              "zero_optimization.stage = 0",
                                              "zero_optimization.reduce_bucket_size = 500000000",
                                              "optimizer.params.lr = 0.001",
                                              "optimizer.params.weight_decay = 0.0",
                                              "optimizer.params.eps = 1e-08",
                                              "optimizer.params.betas = [0.9, 0.999]",
                                              "gradient_clipping = 1.0",
                                              "gradient_accumulation_steps = 1"};
  BOOST_TEST(config.defaulted == defaulted, boost::test_tools::per_element());
  BOOST_TEST(config.without_effect == std::vector<std::string>{"steps_per_print"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(implemented_keys_are_read) {
  const DeepSpeedConfig config = training(R"(
    "bf16": {"enabled": true, "check_grad_overflow": false},
    "zero_optimization": {"stage": 1, "reduce_bucket_size": 2e3, "overlap_comm": true},
    "tensor_parallel": {"autotp_size": 2, "preset_model": "LLaMA", "tp": {"tp_size": 2}},
    "gradient_clipping": 0.25, "gradient_accumulation_steps": 3,
    "communication_data_type": "bfloat16", "data_types": {"grad_accum_dtype": "bf16"},
    "optimizer": {"type": "Adam", "params": {"lr": 0.5, "betas": [0.8, 0.9], "eps": 1e-6,
                                             "weight_decay": 0.1, "adam_w_mode": true}},
    "fp16": {"enabled": false, "loss_scale": 0}, "scheduler": null, "amp": {})");

  BOOST_TEST(config.tensor_parallel == 2);
  BOOST_TEST(config.zero_stage == 1);
  BOOST_TEST(config.reduce_bucket_size == 2000);
  BOOST_TEST((config.working == Dtype::bf16));
  BOOST_TEST(!config.check_grad_overflow);
  BOOST_TEST(config.gradient_clipping == 0.25);
  BOOST_TEST(config.accumulation == 3);
  BOOST_TEST(config.optimizer.learning_rate == 0.5);
  BOOST_TEST(config.optimizer.beta1 == 0.8);
  BOOST_TEST(config.optimizer.beta2 == 0.9);
  BOOST_TEST(config.optimizer.epsilon == 1e-6);
  BOOST_TEST(config.optimizer.weight_decay == 0.1);
  BOOST_TEST(config.defaulted.empty());
}

BOOST_AUTO_TEST_CASE(buckets_overlap_in_stages_1_and_2_where_the_config_says_so) {
  const auto zero = [](const std::string& members) {
    return training(R"("zero_optimization": {)" + members + "}");
  };
  const DeepSpeedConfig stage_0 = zero(R"("stage": 0, "overlap_comm": true)");

  BOOST_TEST(zero(R"("stage": 2)").zero_stage == 2);
  BOOST_TEST(zero(R"("stage": 2, "overlap_comm": true)").overlap_comm);
  BOOST_TEST(zero(R"("stage": 1, "overlap_comm": true)").overlap_comm);
  BOOST_TEST(!zero(R"("stage": 2, "overlap_comm": false)").overlap_comm);
  BOOST_TEST(!zero(R"("stage": 2, "overlap_comm": null)").overlap_comm);
  BOOST_TEST(!zero(R"("stage": 2)").overlap_comm);
  BOOST_TEST(!stage_0.overlap_comm);
  BOOST_TEST(stage_0.without_effect == std::vector<std::string>{"zero_optimization.overlap_comm"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(gradients_may_be_summed_and_sent_in_other_dtypes_than_the_models) {
  const DeepSpeedConfig config = training(R"("bf16": {"enabled": true},
      "zero_optimization": {"stage": 2}, "communication_data_type": "float32",
      "data_types": {"grad_accum_dtype": "fp32"})");
  const DeepSpeedConfig back =
      deepspeed_from_json(parse_json(write_json(to_json(config)), "effective"), 4);

  for (const DeepSpeedConfig* read : {&config, &back}) {
    BOOST_CHECK(read->accumulate == Dtype::fp32);
    BOOST_CHECK(read->dp_wire == Dtype::fp32);
  }
  const DeepSpeedConfig silent = training(R"("bf16": {"enabled": true})");
  BOOST_CHECK(!silent.accumulate);
  BOOST_CHECK(!silent.dp_wire);
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back) {
  DeepSpeedConfig config = training(R"("tensor_parallel": {"autotp_size": 2},
      "bf16": {"enabled": true}, "zero_optimization": {"stage": 1}, "gradient_clipping": 0.3)");
  const DeepSpeedConfig back = deepspeed_from_json(to_json(config), 4);

  BOOST_TEST(write_json(to_json(back)) == write_json(to_json(config)));
  BOOST_TEST(back.defaulted.empty());
  BOOST_TEST(back.tensor_parallel == 2);
  BOOST_TEST(back.gradient_clipping == 0.3);
}

BOOST_AUTO_TEST_CASE(adam_is_adamw_unless_it_says_that_it_is_not) {
  using Kind = OptimizerConfig::Kind;
  const auto optimizer = [](const std::string& section) {
    return training("\"optimizer\": " + section).optimizer;
  };
  BOOST_TEST((optimizer(R"({"type": "Adam"})").kind == Kind::adamw));
  BOOST_TEST(
      (optimizer(R"({"type": "ADAM", "params": {"adam_w_mode": true}})").kind == Kind::adamw));
  BOOST_TEST(
      (optimizer(R"({"type": "Adam", "params": {"adam_w_mode": false}})").kind == Kind::adam));
  BOOST_TEST(
      (optimizer(R"({"type": "AdamW", "params": {"adam_w_mode": false}})").kind == Kind::adamw));
  const OptimizerConfig sgd = optimizer(R"({"type": "SGD", "params": {"lr": 0.5, "momentum": 0.9,
      "weight_decay": 0.1, "nesterov": true, "dampening": 0, "foreach": null}})");
  BOOST_TEST((sgd.kind == Kind::sgd));
  BOOST_TEST(sgd.learning_rate == 0.5);
  BOOST_TEST(sgd.momentum == 0.9);
  BOOST_TEST(sgd.weight_decay == 0.1);
  BOOST_TEST(sgd.nesterov);
}

BOOST_AUTO_TEST_CASE(schedules_have_deepspeeds_defaults) {
  const auto scheduler = [](const std::string& section) {
    return training(R"("optimizer": {"type": "Adam", "params": {"lr": 0.5}}, "scheduler": )" +
                    section)
        .scheduler;
  };
  const SchedulerConfig warmup = scheduler(R"({"type": "WarmupLR"})");
  BOOST_TEST((warmup.kind == SchedulerConfig::Kind::warmup));
  BOOST_TEST(warmup.lowest == 0.0);
  BOOST_TEST(warmup.highest == 0.5);  // the optimizer's
  BOOST_TEST(warmup.warmup_steps == 1000);
  BOOST_TEST(warmup.logarithmic);
  const SchedulerConfig decay = scheduler(
      R"({"type": "WarmupDecayLR", "params": {"total_num_steps": 20, "warmup_type": "linear"}})");
  BOOST_TEST((decay.kind == SchedulerConfig::Kind::warmup_decay));
  BOOST_TEST(decay.highest == 0.001);  // its own
  BOOST_TEST(decay.total_steps == 20);
  BOOST_TEST(!decay.logarithmic);
  const SchedulerConfig cosine =
      scheduler(R"({"type": "WarmupCosineLR", "params": {"total_num_steps": 20}})");
  BOOST_TEST((cosine.kind == SchedulerConfig::Kind::warmup_cosine));
  BOOST_TEST(cosine.lowest_ratio == 0.0);
  BOOST_TEST(cosine.last_ratio == 0.0001);
  BOOST_TEST(cosine.warmup_steps == 1000);
  BOOST_TEST(cosine.total_steps == 20);
  BOOST_TEST(cosine.logarithmic);
}

// DeepSpeed hands what a file does not say to torch's class, whose AdamW decays weights.
BOOST_AUTO_TEST_CASE(torch_adam_has_torchs_defaults_and_says_whose_rounding_it_is) {
  using Kind = OptimizerConfig::Kind;
  const auto optimizer = [](const std::string& section) {
    return training("\"optimizer\": " + section).optimizer;
  };
  const OptimizerConfig adamw =
      optimizer(R"({"type": "AdamW", "params": {"torch_adam": true, "foreach": false}})");
  BOOST_TEST((adamw.form == OptimizerConfig::Form::torch));
  BOOST_TEST((adamw.kind == Kind::adamw));
  BOOST_TEST(adamw.weight_decay == 0.01);
  BOOST_TEST(adamw.epsilon == 1e-8);
  const OptimizerConfig adam =
      optimizer(R"({"type": "Adam", "params": {"torch_adam": true, "adam_w_mode": false}})");
  BOOST_TEST((adam.kind == Kind::adam));
  BOOST_TEST(adam.weight_decay == 0.0);
  const OptimizerConfig said = optimizer(
      R"({"type": "Adam", "params": {"torch_adam": true, "weight_decay": 0.0, "fused": true}})");
  BOOST_TEST((said.kind == Kind::adamw));
  BOOST_TEST(said.weight_decay == 0.0);

  BOOST_TEST(rounding_of_update(adamw).find("torch.optim.AdamW") != std::string::npos);
  BOOST_TEST(rounding_of_update(adamw).find("fused") != std::string::npos);
  BOOST_TEST(rounding_of_update(adam).find("torch.optim.Adam'") != std::string::npos);
  const OptimizerConfig deepspeeds =
      optimizer(R"({"type": "AdamW", "params": {"torch_adam": false}})");
  BOOST_TEST((deepspeeds.form == OptimizerConfig::Form::fused));
  BOOST_TEST(rounding_of_update(deepspeeds) == "");
}

BOOST_AUTO_TEST_CASE(owners_take_turns_only_where_zero_cuts_among_several) {
  const auto zero = [](const std::string& members, const std::string& others = "") {
    return training("\"zero_optimization\": {\"round_robin_gradients\": true, " + members + "}" +
                    others);
  };
  const std::vector<std::string> without{"zero_optimization.round_robin_gradients"};
  for (const char* stage : {R"("stage": 1)", R"("stage": 2)"}) {
    const DeepSpeedConfig config = zero(stage);
    BOOST_TEST(config.round_robin_gradients);
    BOOST_TEST(config.without_effect.empty());
    const std::string written = write_json(to_json(config));
    BOOST_TEST(deepspeed_from_json(parse_json(written, "effective"), 4).round_robin_gradients);
  }
  for (const DeepSpeedConfig& config :
       {zero(R"("stage": 0)"), zero(R"("stage": 2)", R"(, "tensor_parallel": {"autotp_size": 4})"),
        zero(R"("stage": 1)", R"(, "bf16": {"enabled": true}, )"
                              R"("data_types": {"grad_accum_dtype": "fp32"})")}) {
    BOOST_TEST(!config.round_robin_gradients);
    BOOST_TEST(config.without_effect == without, boost::test_tools::per_element());
  }
  BOOST_TEST(!training(R"("zero_optimization": {"stage": 2, "round_robin_gradients": false})")
                  .round_robin_gradients);
}

BOOST_AUTO_TEST_CASE(optimizers_and_schedules_are_written_as_they_are_read) {
  for (const char* members :
       {R"("optimizer": {"type": "Adam", "params": {"adam_w_mode": false, "weight_decay": 0.1}})",
        R"("optimizer": {"type": "SGD", "params": {"momentum": 0.9, "nesterov": true}})",
        R"("optimizer": {"type": "AdamW", "params": {"torch_adam": true}})",
        R"("optimizer": {"type": "Adam", "params": {"torch_adam": true, "adam_w_mode": false}})",
        R"("scheduler": {"type": "WarmupCosineLR", "params": {"total_num_steps": 9,
            "warmup_min_ratio": 0.5, "cos_min_ratio": 0.25, "warmup_type": "linear"}})",
        R"("zero_optimization": {"stage": 2, "round_robin_gradients": true})",
        R"("scheduler": {"type": "WarmupLR", "params": {"warmup_num_steps": 3}})",
        R"("scheduler": {"type": "WarmupDecayLR", "params": {"total_num_steps": 9,
            "warmup_type": "linear", "warmup_min_lr": 0.5}})"}) {
    const std::string written = write_json(to_json(training(members)));
    const DeepSpeedConfig back = deepspeed_from_json(parse_json(written, "effective"), 4);
    BOOST_TEST(write_json(to_json(back)) == written);
    BOOST_TEST(back.defaulted.empty(), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(any_two_of_the_batch_equation_give_the_third) {
  struct Row {
    const char* members;
    int micro, accumulation;
  };
  // World 8, TP 2: four replicas.
  const Row rows[] = {
      {R"("train_batch_size": 24, "train_micro_batch_size_per_gpu": 2)", 2, 3},
      {R"("train_batch_size": 24, "gradient_accumulation_steps": 3)", 2, 3},
      {R"("train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": 3)", 2, 3},
      {R"("train_batch_size": 24, "train_micro_batch_size_per_gpu": 2,
          "gradient_accumulation_steps": 3)",
       2, 3},
      {R"("train_batch_size": 24)", 6, 1},
      {R"("train_micro_batch_size_per_gpu": 5)", 5, 1},
  };
  for (const Row& row : rows) {
    const auto config =
        training(std::string(R"("tensor_parallel": {"autotp_size": 2}, )") + row.members, 8);
    BOOST_TEST(config.micro_batch == row.micro);
    BOOST_TEST(config.accumulation == row.accumulation);
  }
}

BOOST_AUTO_TEST_CASE(a_batch_equation_that_cannot_hold_shows_both_sides) {
  const std::string equation =
      "is not train_micro_batch_size_per_gpu * gradient_accumulation_steps * replicas"
      " (world / autotp_size): ";
  BOOST_TEST(error_in(R"("train_batch_size": 24, "train_micro_batch_size_per_gpu": 2,
      "gradient_accumulation_steps": 4)") ==
             "ds.json:1:22: train_batch_size = 24: " + equation + "24 != 2 * 4 * 4");
  BOOST_TEST(
      error_in(R"("train_batch_size": 10)") ==
      "ds.json:1:22: train_batch_size = 10: train_micro_batch_size_per_gpu was not given, and "
      "the batch is no multiple of 4, the product of gradient_accumulation_steps and the "
      "replicas (world / autotp_size)");
  BOOST_TEST(error_in(R"("train_batch_size": 12, "train_micro_batch_size_per_gpu": 2)") ==
             "ds.json:1:22: train_batch_size = 12: gradient_accumulation_steps was not given, and "
             "the batch is no multiple of 8, the product of train_micro_batch_size_per_gpu and the "
             "replicas (world / autotp_size)");
  BOOST_TEST(error_of([] {
               deepspeed_from_json(parse_json(R"({"optimizer": {"type": "AdamW"}})", "ds.json"), 4);
             }) ==
             "ds.json:1:1: missing key \"train_micro_batch_size_per_gpu\": expected it or"
             " train_batch_size");
}

BOOST_AUTO_TEST_CASE(number_changing_keys_that_are_not_implemented_are_refused_by_name) {
  const BadInput rows[] = {
      {R"("zero_optimization": {"stage": @3})",
       "zero_optimization.stage = 3: partitioned parameters are not implemented: expected 0, "
       "1 or 2"},
      {R"("zero_optimization": {"stage": @4})", "zero_optimization.stage = 4: expected 0, 1 or 2"},
      {R"("zero_optimization": {"stage": @4294967296})",  // 0 if it were cut to an int
       "zero_optimization.stage = 4294967296: expected 0, 1 or 2"},
      {R"("zero_optimization": {"stage": 1, "overlap_comm": @1})",
       "zero_optimization.overlap_comm = 1: expected true or false"},
      {R"("zero_optimization": @true)",
       "zero_optimization = true: expected {\"stage\": 0}, {\"stage\": 1} or {\"stage\": 2}"},
      {R"("zero_optimization": {"offload_optimizer": {"device": @"cpu"}})",
       "zero_optimization.offload_optimizer.device = \"cpu\": offload is not implemented: only "
       "\"none\""},
      {R"("zero_optimization": {"offload_param": {@"pin_memry": true}})",
       "unknown key \"zero_optimization.offload_param.pin_memry\"; did you mean \"pin_memory\"?"},
      {R"("zero_optimization": {"stage": @"auto"})",
       "zero_optimization.stage = \"auto\": expected a whole number (Hugging Face's Trainer fills "
       "in "
       "other keys)"},
      {R"("expert_parallel": @{"enabled": true})",
       "expert_parallel = {\"enabled\":true}: expert parallelism is not implemented"},
      {R"("gradient_clipping": @Infinity)",
       "gradient_clipping = Infinity: expected a number of at least 0"},
      {R"("zero_optimization": {"zero_quantized_weights": @true})",
       "zero_optimization.zero_quantized_weights = true: ZeRO++ is not implemented: only "
       "false"},
      {R"("bf16": {"enabled": true}, "fp16": {"enabled": @true})",
       "fp16.enabled = true: bf16 is enabled too: keep one of them"},
      {R"("fp16": {"enabled": true, "loss_scale": @-1})",
       "fp16.loss_scale = -1: expected a number of at least 0 and below 8.507059173023462e+37"},
      {R"("fp16": {"enabled": true, "fp16_master_weights_and_grads": @true})",
       "fp16.fp16_master_weights_and_grads = true: fp16 master weights are not implemented"},
      {R"("amp": @{"enabled": true})",
       "amp = {\"enabled\":true}: automatic mixed precision is not implemented"},
      {R"("scheduler": {"type": @"OneCycle"})",
       "scheduler.type = \"OneCycle\": only \"WarmupLR\", \"WarmupDecayLR\" and"
       " \"WarmupCosineLR\" are implemented"},
      {R"("scheduler": {"type": @"LRRangeTest"})",
       "scheduler.type = \"LRRangeTest\": only \"WarmupLR\", \"WarmupDecayLR\" and"
       " \"WarmupCosineLR\" are implemented"},
      {R"("optimizer": {"type": "Adam", "params": {"torch_adam": true, "amsgrad": @true}})",
       "optimizer.params.amsgrad = true: AMSGrad is not implemented: only false"},
      {R"("optimizer": {"type": "Adam", "params": {"torch_adam": true, "capturable": @true}})",
       "optimizer.params.capturable = true: torch's bias corrections in fp32 are not implemented:"
       " only false"},
      {R"("optimizer": {"type": "Adam", "params": {"torch_adam": true, "bias_correction": @true}})",
       "optimizer.params.bias_correction = true: torch's optimizers have no such argument: remove"
       " the key"},
      {R"("optimizer": {"type": "Adam", "params": {"torch_adam": @1}})",
       "optimizer.params.torch_adam = 1: expected true or false"},
      {R"("zero_optimization": {"stage": 1, "round_robin_gradients": @1})",
       "zero_optimization.round_robin_gradients = 1: expected true or false"},
      {R"("scheduler": {"type": "WarmupLR", "params": {"last_batch_iteration": @5}})",
       "scheduler.params.last_batch_iteration = 5: a schedule begins with the run: only -1"},
      {R"("optimizer": {"type": @"Lamb"})",
       "optimizer.type = \"Lamb\": only \"Adam\", \"AdamW\" and \"SGD\" are implemented"},
      {R"("optimizer": {"type": "SGD", "params": {"momentum": 0.9, "dampening": @0.5}})",
       "optimizer.params.dampening = 0.5: SGD whose momentum is dampened is not implemented:"
       " only 0"},
      {R"("optimizer": {"type": "SGD", "params": {"nesterov": @true}})",
       "optimizer.params.nesterov = true: Nesterov's form needs a momentum"},
      {R"("optimizer": {"type": "Adam", "params": {"max_grad_norm": @1.0}})",
       "optimizer.params.max_grad_norm = 1.0: DeepSpeed clips by the top-level key"
       " gradient_clipping: use that"},
      {R"("tensor_parallel": {"autotp_size": 2, "tp_overlap_comm": @1})",
       "tensor_parallel.tp_overlap_comm = 1: expected true or false"},
      {R"("tensor_parallel": {"autotp_size": 2, "preset_model": @"mixtrl"})",
       "tensor_parallel.preset_model = \"mixtrl\": expected one of bloom, chatglm, deepseek_v2,"
       " llama, mixtral, phi3, qwen2; did you mean \"mixtral\"?"},
      {R"("tensor_parallel": {"autotp_size": 2, "preset_model": @"qwen3"})",  // another model
       "tensor_parallel.preset_model = \"qwen3\": expected one of bloom, chatglm, deepseek_v2,"
       " llama, mixtral, phi3, qwen2"},
      {R"("tensor_parallel": {"autotp_size": 2, "tp": {"tp_group": @3}})",
       "tensor_parallel.tp.tp_group = 3: groups are made by the scenario: only null"},
      {R"("tensor_parallel": {"autotp_size": 2, "tp": {"tp_grain_size": @0}})",
       "tensor_parallel.tp.tp_grain_size = 0: expected a whole number from 1 to 1099511627776"},
      {R"("tensor_parallel": {"autotp_size": 2, "tp": {"tp_size": @4}})",
       "tensor_parallel.tp.tp_size = 4: does not match tensor_parallel.autotp_size = 2"},
      {R"("prescale_gradients": @true)",
       "prescale_gradients = true: pre-division of gradients is not implemented: only false"},
      {R"("gradient_predivide_factor": @2.0)",
       "gradient_predivide_factor = 2.0: pre-division of gradients is not implemented: only "
       "1.0"},
      {R"("communication_data_type": @"fp8")",
       "communication_data_type = \"fp8\": expected \"fp32\", \"bf16\" or \"fp16\""},
      {R"("bf16": {"enabled": true}, "data_types": {"grad_accum_dtype": @"fp32"})",
       "data_types.grad_accum_dtype = \"fp32\": without ZeRO, DeepSpeed refuses other sums than the"
       " model's: expected \"bf16\""},
      {R"("bf16": {"enabled": true}, "zero_optimization": {"stage": 1}, )"
       R"("data_types": {"grad_accum_dtype": @"fp16"})",
       "data_types.grad_accum_dtype = \"fp16\": expected \"bf16\", the model's, or \"fp32\""},
      {R"("curriculum_learning": @{"enabled": true})",
       "curriculum_learning = {\"enabled\":true}: curriculum learning is not implemented"},
  };
  for (const BadInput& row : rows) check_refused(row);
}

BOOST_AUTO_TEST_CASE(values_of_the_wrong_type_or_range_are_refused_at_their_place) {
  const BadInput rows[] = {
      {R"("gradient_clipping": @"1")",
       "gradient_clipping = \"1\": expected a number of at least 0"},
      {R"("gradient_clipping": @-1)", "gradient_clipping = -1: expected a number of at least 0"},
      {R"("train_micro_batch_size_per_gpu": @0)",
       "train_micro_batch_size_per_gpu = 0: expected a whole number from 1 to 1000000"},
      {R"("train_micro_batch_size_per_gpu": @1.5)",
       "train_micro_batch_size_per_gpu = 1.5: expected a whole number from 1 to 1000000"},
      {R"("bf16": @true)", "bf16 = true: expected an object { ... }"},
      {R"("bf16": {"enabled": @1})", "bf16.enabled = 1: expected true or false"},
      {R"("optimizer": {"type": "Adam", "params": {"betas": [0.9, @1.0]}})",
       "optimizer.params.betas[1] = 1.0: expected a number of at least 0 and below 1"},
      {R"("optimizer": {"type": "Adam", "params": {"betas": @[0.9]}})",
       "optimizer.params.betas = [0.9]: expected two numbers [beta1, beta2]"},
      {R"("optimizer": {"type": "Adam", "params": {"eps": @0}})",
       "optimizer.params.eps = 0: expected a number above 0"},
      {R"("scheduler": {"type": @"WarmupDecay"})",
       "scheduler.type = \"WarmupDecay\": expected WarmupLR, WarmupDecayLR or WarmupCosineLR"},
      {R"("scheduler": {"type": "WarmupLR", "params": {"warmup_type": @"cosine"}})",
       "scheduler.params.warmup_type = \"cosine\": expected log or linear"},
      {R"("optimizer": {"type": "SGD", "params": {"momentum": @-0.5}})",
       "optimizer.params.momentum = -0.5: expected a number of at least 0"},
      {R"("tensor_parallel": {"autotp_size": @3})",
       "tensor_parallel.autotp_size = 3: does not divide world = 4"},
  };
  for (const BadInput& row : rows) check_refused(row);
  for (const char* scheduler : {R"("scheduler": {"type": "WarmupDecayLR", "params": {}})",
                                R"("scheduler": {"type": "WarmupDecayLR"})"}) {
    const std::string error = error_in(scheduler);
    BOOST_TEST(error.starts_with("ds.json:"), error);
    BOOST_TEST(error.find("missing key \"scheduler.params.total_num_steps\"") != std::string::npos);
  }
  BOOST_TEST(error_of([] { deepspeed_from_json(parse_json("{}", "ds.json"), 1); }) ==
             "ds.json:1:1: missing key \"optimizer\": expected { \"type\": \"AdamW\", \"params\":"
             " {...} }");
}

BOOST_AUTO_TEST_CASE(unknown_keys_are_refused_with_the_nearest_known_one) {
  BOOST_TEST(error_in(R"("gradient_cliping": 1.0)") ==
             "ds.json:1:2: unknown key \"gradient_cliping\"; did you mean \"gradient_clipping\"?");
  BOOST_TEST(error_in(R"("zero_optimization": {"stgae": 1})") ==
             "ds.json:1:24: unknown key \"zero_optimization.stgae\"; did you mean \"stage\"?");
  BOOST_TEST(error_in(R"("fp16": {"enabled": true, "loss_scale_windw": 5})") ==
             "ds.json:1:28: unknown key \"fp16.loss_scale_windw\"; did you mean"
             " \"loss_scale_window\"?");
  BOOST_TEST(error_in(R"("tensor_parallel": {"autotp": 1})") ==
             "ds.json:1:22: unknown key \"tensor_parallel.autotp\"; did you mean \"autotp_size\"?");
  BOOST_TEST(error_in(R"("scheduler": {"type": "WarmupLR", "params": {"warmup_num_step": 1}})") ==
             "ds.json:1:47: unknown key \"scheduler.params.warmup_num_step\"; did you mean"
             " \"warmup_num_steps\"?");
  BOOST_TEST(error_in(R"("optimizer": {"type": "SGD", "params": {"betas": [0.9, 0.9]}})")
                 .find("unknown key \"optimizer.params.betas\"") != std::string::npos);
  BOOST_TEST(error_in(R"("optimizer": {"type": "Adam", "params": {"learning": 1}})") ==
             "ds.json:1:43: unknown key \"optimizer.params.learning\"");
}

BOOST_AUTO_TEST_CASE(keys_that_deepspeed_does_not_read_are_listed_unless_they_may_be_misspelt) {
  const DeepSpeedConfig config = training(R"("_comment": "a", "cuda_visible_devices": "0",
      "unsloth": {"stage": 3}, "lr": 1)");
  const std::vector<std::string> ignored{"_comment", "cuda_visible_devices", "unsloth", "lr"};

  BOOST_TEST(config.ignored == ignored, boost::test_tools::per_element());
  const std::pair<const char*, const char*> misspelt[] = {
      {"batch_size", "train_batch_size"},
      {"micro_batch_size_per_gpu", "train_micro_batch_size_per_gpu"},
      {"zero_optimisation", "zero_optimization"},
      {"optimizers", "optimizer"},
      {"gradient_acumulation_steps", "gradient_accumulation_steps"},
      {"fp_16", "fp16"}};
  for (const auto& [key, meant] : misspelt)
    BOOST_TEST(error_in("\"" + std::string(key) + "\": 1") ==
               "ds.json:1:2: unknown key \"" + std::string(key) + "\"; did you mean \"" + meant +
                   "\"?");
}

BOOST_AUTO_TEST_CASE(what_stands_beside_device_none_is_without_effect) {
  const DeepSpeedConfig config = training(R"("zero_optimization": {"stage": 2,
      "offload_optimizer": {"device": "none", "pin_memory": true, "nvme_path": "/dev/shm"},
      "offload_param": {"device": "none", "buffer_count": 5},
      "stage3_max_live_parameters": Infinity, "stage3_prefetch_bucket_size": "auto",
      "allgather_sequential": true})");
  const std::vector<std::string> expected{"zero_optimization.offload_param.buffer_count",
                                          "zero_optimization.offload_optimizer.nvme_path",
                                          "zero_optimization.offload_optimizer.pin_memory",
                                          "zero_optimization.stage3_prefetch_bucket_size",
                                          "zero_optimization.stage3_max_live_parameters",
                                          "zero_optimization.allgather_sequential"};

  BOOST_TEST(config.zero_stage == 2);
  BOOST_TEST(config.without_effect == expected, boost::test_tools::per_element());
}

namespace {

DeepSpeedConfig inference(const std::string& members) {
  return deepspeed_from_json(
      parse_json(R"({"train_micro_batch_size_per_gpu": 2, )" + members + "}", "ds.json"), 4,
      Mode::inference);
}

}  // namespace

BOOST_AUTO_TEST_CASE(inference_needs_nothing_that_says_how_to_train) {
  const DeepSpeedConfig config = inference(R"("tensor_parallel": {"autotp_size": 2})");

  BOOST_TEST(config.tensor_parallel == 2);
  BOOST_TEST(config.micro_batch == 2);
  BOOST_TEST(config.accumulation == 1);
  BOOST_TEST(config.without_effect.empty());
  BOOST_TEST(config.defaulted == std::vector<std::string>{"bf16.enabled = false"});
}

BOOST_AUTO_TEST_CASE(fp16_is_read_with_its_loss_scale_and_written_back) {
  const DeepSpeedConfig config = training(R"("fp16": {"enabled": true, "auto_cast": true,
      "initial_scale_power": 12, "loss_scale_window": 5, "hysteresis": 3,
      "consecutive_hysteresis": true, "min_loss_scale": 0.5})");

  BOOST_TEST((config.working == Dtype::fp16));
  BOOST_TEST(config.check_grad_overflow);
  BOOST_TEST(config.loss_scale.fixed == 0);
  BOOST_TEST(config.loss_scale.initial_power == 12);
  BOOST_TEST(config.loss_scale.window == 5);
  BOOST_TEST(config.loss_scale.hysteresis == 3);
  BOOST_TEST(config.loss_scale.consecutive_hysteresis);
  BOOST_TEST(config.loss_scale.lowest == 0.5);
  const std::string written = write_json(to_json(config, Mode::training));
  const DeepSpeedConfig back =
      deepspeed_from_json(parse_json(written, "effective"), 4, Mode::training);
  BOOST_TEST(write_json(to_json(back, Mode::training)) == written);
}

BOOST_AUTO_TEST_CASE(fp16_defaults_are_deepspeed_s) {
  const DeepSpeedConfig config = training(R"("fp16": {"enabled": true})");

  BOOST_TEST(config.loss_scale.fixed == 0);
  BOOST_TEST(config.loss_scale.initial_power == 16);
  BOOST_TEST(config.loss_scale.window == 1000);
  BOOST_TEST(config.loss_scale.hysteresis == 2);
  BOOST_TEST(!config.loss_scale.consecutive_hysteresis);
  BOOST_TEST(config.loss_scale.lowest == 1);
}

BOOST_AUTO_TEST_CASE(inference_in_fp16_scales_nothing) {
  const DeepSpeedConfig config = inference(R"("fp16": {"enabled": true, "loss_scale": 100})");

  BOOST_TEST((config.working == Dtype::fp16));
  BOOST_TEST(config.without_effect == std::vector<std::string>{"fp16.loss_scale"});
}

BOOST_AUTO_TEST_CASE(what_says_how_to_train_is_without_effect_in_inference) {
  const DeepSpeedConfig config = inference(R"("gradient_accumulation_steps": 4,
      "train_batch_size": 16, "gradient_clipping": 0.1, "scheduler": {"type": "WarmupLR"},
      "optimizer": {"type": "Lion"}, "zero_optimization": {"stage": 2},
      "bf16": {"enabled": true, "check_grad_overflow": false},
      "tensor_parallel": {"autotp_size": 2, "tp_overlap_comm": true})");

  BOOST_TEST((config.working == Dtype::bf16));
  BOOST_TEST(config.accumulation == 1);
  BOOST_TEST(config.zero_stage == 0);
  BOOST_TEST(!config.tp_overlap_comm);
  const std::vector<std::string> expected{"bf16.check_grad_overflow",
                                          "optimizer",
                                          "zero_optimization",
                                          "gradient_clipping",
                                          "gradient_accumulation_steps",
                                          "scheduler",
                                          "tensor_parallel.tp_overlap_comm"};
  BOOST_TEST(config.without_effect == expected, boost::test_tools::per_element());
  const std::string written = write_json(to_json(config, Mode::inference));
  const DeepSpeedConfig back =
      deepspeed_from_json(parse_json(written, "effective"), 4, Mode::inference);
  BOOST_TEST(write_json(to_json(back, Mode::inference)) == written);
  BOOST_TEST(back.without_effect.empty());
}

BOOST_AUTO_TEST_CASE(inference_refuses_what_would_change_a_forward_pass) {
  const auto error = [](const std::string& members) {
    return error_of([&] { inference(members); });
  };
  BOOST_TEST(error(R"("zero_optimization": {"stage": 3})") ==
             "ds.json:1:70: zero_optimization.stage = 3: partitioned parameters are not"
             " implemented: expected 0, 1 or 2");
  BOOST_TEST(error(R"("gradient_cliping": 1.0)").find("did you mean \"gradient_clipping\"?") !=
             std::string::npos);
  BOOST_TEST(error(R"("train_batch_size": 7)").find("no multiple of 8") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(inference_knows_misspelt_keys_of_what_it_does_not_need) {
  const auto error = [](const std::string& members) {
    return error_of([&] { inference(members); });
  };
  const auto suggested = [&](const std::string& members, const std::string& key) {
    const std::string message = error(members);
    return message.find("did you mean \"" + key + "\"?") != std::string::npos ? "yes" : message;
  };
  BOOST_TEST(suggested(R"("zero_optimization": {"stagee": 1})", "stage") == "yes");
  BOOST_TEST(suggested(R"("zero_optimization": {"overlap_com": true})", "overlap_comm") == "yes");
  BOOST_TEST(suggested(R"("optimizer": {"typ": "AdamW"})", "type") == "yes");
  BOOST_TEST(suggested(R"("optimizer": {"type": "AdamW", "params": {"weight_deca": 0}})",
                       "weight_decay") == "yes");
  BOOST_TEST(error(R"("optimizer": {"type": "Lion", "params": {"use_triton": true}})") ==
             "no error");
}
