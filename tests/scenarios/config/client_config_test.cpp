#include "scenarios/config/trainer/client_config.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/error_of.hpp"

using namespace shardproof;
using tests::error_of;

namespace {

JsonValue parsed(const std::string& text) { return parse_json(text, "ds.json"); }

ClientConfig client_of(const std::string& config, const std::string& trainer = "",
                       const std::string& optimizer = "", bool trains = true) {
  const JsonValue arguments = trainer.empty() ? JsonValue() : parse_json(trainer, "trainer");
  const JsonValue own = optimizer.empty() ? JsonValue() : parse_json(optimizer, "optimizer");
  const ClientKeys keys{trainer.empty() ? nullptr : &arguments, optimizer.empty() ? nullptr : &own};
  return client_config(parsed(config), keys, {.hidden_size = 48, .steps = 10, .trains = trains});
}

std::string text_of(const ClientConfig& client) { return write_json(client.deepspeed); }

// What LLaMA-Factory and Trainer's documentation write, in another order.
constexpr const char* kAuto = R"({
  "bf16": {"enabled": "auto"}, "fp16": {"enabled": "auto", "loss_scale": 0},
  "optimizer": {"type": "AdamW", "params":
    {"lr": "auto", "betas": "auto", "eps": "auto", "weight_decay": "auto"}},
  "scheduler": {"type": "WarmupDecayLR", "params": {"warmup_min_lr": "auto",
    "warmup_max_lr": "auto", "warmup_num_steps": "auto", "total_num_steps": "auto"}},
  "zero_optimization": {"stage": 2, "reduce_bucket_size": "auto",
    "stage3_prefetch_bucket_size": "auto"},
  "gradient_clipping": "auto", "gradient_accumulation_steps": "auto",
  "train_batch_size": "auto", "train_micro_batch_size_per_gpu": "auto"})";

}  // namespace

BOOST_AUTO_TEST_CASE(auto_is_filled_in_by_trainers_defaults) {
  const ClientConfig client = client_of(kAuto);

  BOOST_TEST(text_of(client) ==
             R"({"bf16":{"enabled":false},"fp16":{"enabled":false,"loss_scale":0},)"
             R"("optimizer":{"type":"AdamW","params":)"
             R"({"lr":5e-05,"betas":[0.9,0.999],"eps":1e-08,"weight_decay":0}},)"
             R"("scheduler":{"type":"WarmupDecayLR","params":{"warmup_min_lr":0,)"
             R"("warmup_max_lr":5e-05,"warmup_num_steps":0,"total_num_steps":10}},)"
             R"("zero_optimization":{"stage":2,"reduce_bucket_size":2304,)"
             R"("stage3_prefetch_bucket_size":"auto"},)"
             R"("gradient_clipping":1,"gradient_accumulation_steps":1,)"
             R"("train_micro_batch_size_per_gpu":8})");
  BOOST_TEST(!client.schedule);
  BOOST_TEST(client.groups.is_null());
  BOOST_TEST(client.filled.size() == 15U);
  BOOST_TEST(client.filled[0] == "train_batch_size = by the batch equation (calculated)");
  BOOST_REQUIRE(client.notices.size() == 1U);
  BOOST_TEST(client.notices[0].starts_with(
      "Hugging Face's Trainer (transformers 4.57.6) fills in train_batch_size = "));
  BOOST_TEST(client.notices[0].ends_with(
      "; neither bf16 nor fp16 unless asked for: --override trainer.bf16=true"));
}

BOOST_AUTO_TEST_CASE(arguments_that_are_given_fill_in_what_is_auto) {
  const ClientConfig client = client_of(kAuto, R"({"bf16": true, "learning_rate": 0.25,
      "weight_decay": 0.5, "adam_beta1": 0.8, "adam_beta2": 0.85, "adam_epsilon": 0.125,
      "max_grad_norm": 2, "per_device_train_batch_size": 3, "gradient_accumulation_steps": 4,
      "warmup_ratio": 0.25})");

  BOOST_TEST(text_of(client) ==
             R"({"bf16":{"enabled":true},"fp16":{"enabled":false,"loss_scale":0},)"
             R"("optimizer":{"type":"AdamW","params":)"
             R"({"lr":0.25,"betas":[0.8,0.85],"eps":0.125,"weight_decay":0.5}},)"
             R"("scheduler":{"type":"WarmupDecayLR","params":{"warmup_min_lr":0,)"
             R"("warmup_max_lr":0.25,"warmup_num_steps":3,"total_num_steps":10}},)"
             R"("zero_optimization":{"stage":2,"reduce_bucket_size":2304,)"
             R"("stage3_prefetch_bucket_size":"auto"},)"
             R"("gradient_clipping":2,"gradient_accumulation_steps":4,)"
             R"("train_micro_batch_size_per_gpu":3})");
  BOOST_TEST(client.notices[0].find("unless asked for") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_number_in_the_config_stands_for_the_argument) {
  const std::string config = R"({"optimizer": {"type": "AdamW", "params": {"lr": 0.5}},
      "scheduler": {"type": "WarmupLR", "params": {"warmup_max_lr": "auto"}}})";
  BOOST_TEST(text_of(client_of(config)).find(R"("warmup_max_lr":0.5)") != std::string::npos);
  BOOST_TEST(
      error_of([&] { client_of(config, R"({"learning_rate": 0.25})"); }) ==
      "ds.json:1:50: optimizer.params.lr = 0.5: trainer.learning_rate says 0.25: expected the "
      "same, or \"auto\"");
  BOOST_TEST(error_of([&] { client_of(config, R"({"learning_rate": 0.5})"); }) == "no error");
}

BOOST_AUTO_TEST_CASE(a_schedule_that_a_scheduler_of_the_config_replaces_is_told) {
  const std::string cosine = R"({"lr_scheduler_type": "cosine"})";
  BOOST_TEST(client_of(kAuto, cosine).notices[0] ==
             "trainer.lr_scheduler_type = cosine is not used, as by Trainer: the DeepSpeed config "
             "has a scheduler");
  for (const ClientConfig& client : {client_of(kAuto), client_of(kAuto, cosine, "", false),
                                     client_of(R"({"gradient_clipping": "auto"})", cosine)})
    BOOST_TEST(client.notices[0].starts_with("Hugging Face's Trainer"), client.notices[0]);
}

BOOST_AUTO_TEST_CASE(a_batch_that_is_given_gives_the_micro_batch) {
  const std::string optimizer = R"(, "optimizer": {"type": "AdamW"}, "scheduler": {}})";
  BOOST_TEST(text_of(client_of(R"({"train_batch_size": 32, "gradient_accumulation_steps": "auto",
                 "train_micro_batch_size_per_gpu": "auto")" +
                               optimizer))
                 .starts_with(R"({"train_batch_size":32,"gradient_accumulation_steps":1,"opt)"));
  BOOST_TEST(text_of(client_of(R"({"train_batch_size": 32, "gradient_accumulation_steps": 2,
                 "train_micro_batch_size_per_gpu": "auto")" +
                                   optimizer,
                               R"({"per_device_train_batch_size": 4})"))
                 .starts_with(R"({"train_batch_size":32,"gradient_accumulation_steps":2,)"
                              R"("train_micro_batch_size_per_gpu":4,)"));
}

BOOST_AUTO_TEST_CASE(trainers_own_optimizer_and_schedule_run_where_the_config_has_none) {
  const ClientConfig client =
      client_of(R"({"train_micro_batch_size_per_gpu": "auto"})",
                R"({"weight_decay": 0.1, "lr_scheduler_type": "cosine", "warmup_steps": 2})");

  BOOST_TEST(text_of(client) ==
             R"({"train_micro_batch_size_per_gpu":8,"optimizer":{"type":"AdamW","params":)"
             R"({"lr":5e-05,"betas":[0.9,0.999],"eps":1e-08,"weight_decay":0.1,)"
             R"("torch_adam":true}}})");
  BOOST_REQUIRE(client.schedule.has_value());
  BOOST_CHECK(client.schedule->kind == SchedulerConfig::Kind::cosine);
  BOOST_TEST(client.schedule->warmup_steps == 2);
  BOOST_TEST(client.schedule->total_steps == 10);
  BOOST_TEST(client.groups.elements.size() == 1U);
  BOOST_TEST(client.notices[0].find("lr_scheduler_type = cosine over 10 steps") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(without_a_trainer_the_clients_optimizer_is_torchs_or_the_scenarios) {
  const std::string none = R"({"train_micro_batch_size_per_gpu": 1})";
  const ClientConfig silent = client_of(none);
  const ClientConfig given =
      client_of(none, "", R"({"type": "Adam", "params": {"lr": 0.5, "torch_adam": false}})");
  const ClientConfig adamw = client_of(none, "", R"({"type": "AdamW"})");
  const ClientConfig sgd = client_of(none, "", R"({"type": "SGD"})");

  BOOST_TEST(text_of(silent) == text_of(adamw));
  BOOST_TEST(
      text_of(silent).ends_with(R"("optimizer":{"type":"AdamW","params":{"torch_adam":true}}})"));
  BOOST_TEST(silent.notices.size() == 1U);
  BOOST_TEST(!silent.schedule);
  BOOST_TEST(text_of(given).ends_with(
      R"("optimizer":{"type":"Adam","params":{"lr":0.5,"torch_adam":false,)"
      R"("adam_w_mode":false}}})"));
  BOOST_TEST(text_of(sgd).ends_with(R"("optimizer":{"type":"SGD","params":{}}})"));
  BOOST_TEST(error_of([] { client_of(R"({"optimizer": {"type": "SGD"}})", "", "{}"); }) ==
             "optimizer:1:1: optimizer: the DeepSpeed config has one too: keep one of them");
  BOOST_TEST(error_of([&] { client_of(none, "", "3"); }) ==
             "optimizer:1:1: optimizer = 3: expected { \"type\": \"AdamW\", \"params\": {...} }");
}

BOOST_AUTO_TEST_CASE(a_config_that_leaves_nothing_open_stays_as_it_is) {
  const std::string config = R"({"optimizer":{"type":"SGD"},"gradient_clipping":1})";
  const ClientConfig client = client_of(config);

  BOOST_TEST(text_of(client) == config);
  BOOST_TEST(client.notices.empty());
  BOOST_TEST(client.filled.empty());
}

BOOST_AUTO_TEST_CASE(inference_has_no_optimizer_to_be_filled_in) {
  const ClientConfig client =
      client_of(R"({"train_micro_batch_size_per_gpu": "auto"})", "", "", false);

  BOOST_TEST(text_of(client) == R"({"train_micro_batch_size_per_gpu":8})");
  BOOST_TEST(!client.schedule);
}

BOOST_AUTO_TEST_CASE(arguments_are_checked) {
  const auto error = [](const std::string& arguments) {
    return error_of([&] { client_of("{}", arguments); });
  };
  BOOST_TEST(error(R"({"learning_rat": 1})") ==
             "trainer:1:2: unknown key \"trainer.learning_rat\"; did you mean \"learning_rate\"?");
  BOOST_TEST(error(R"({"bf16": true, "fp16": true})") ==
             "trainer:1:24: trainer.fp16 = true: bf16 is true too: keep one of them");
  BOOST_TEST(error(R"({"lr_scheduler_type": "polynomial"})") ==
             "trainer:1:23: trainer.lr_scheduler_type = \"polynomial\": expected linear, cosine or "
             "constant");
  BOOST_TEST(error(R"({"optim": "adafactor"})") ==
             "trainer:1:11: trainer.optim = \"adafactor\": expected adamw_torch or "
             "adamw_torch_fused");
  BOOST_TEST(error("[]") == "trainer:1:1: trainer = []: expected an object { ... }");
}
