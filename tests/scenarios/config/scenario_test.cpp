#include "scenarios/settings/scenario.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "scenarios/config/command_line.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/config/scenario_template.hpp"
#include "scenarios/config/scenario_writer.hpp"
#include "scenarios/json/json_document.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using tests::error_of;
using tests::TemporaryFolder;

namespace {

const std::string kModel = R"({"model_type": "llama", "hidden_size": 48, "intermediate_size": 96,
  "num_hidden_layers": 2, "num_attention_heads": 12, "num_key_value_heads": 4, "vocab_size": 256,
  "max_position_embeddings": 128})";
const std::string kDeepSpeed = R"({
  "train_micro_batch_size_per_gpu": 1,
  "tensor_parallel": {"autotp_size": 2},
  "optimizer": {"type": "AdamW"}
})";
const std::string kScenario = R"({
  "model": {"config": "model"},
  "deepspeed": "ds.json",
  "world": 4,
  "data": {"text": "text.txt", "sequence": 16}
})";

// A folder with a scenario s.json and the files that it names.
class Files {
 public:
  Files() {
    std::filesystem::create_directory(folder_ / "model");
    write("model/config.json", kModel);
    write("ds.json", kDeepSpeed);
    write("text.txt", std::string(100, 'x'));
    write("s.json", kScenario);
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string operator/(const std::string& name) const { return folder_ / name; }

  Scenario read(const std::vector<std::string>& overrides = {}) const {
    return read_scenario(folder_ / "s.json", overrides);
  }
  // The error of s.json after a change of its text, without the folder's name.
  std::string error_after(const std::string& from, const std::string& to) const {
    std::string text = kScenario;
    const std::size_t at = text.find(from);
    BOOST_REQUIRE(at != std::string::npos);
    write("s.json", text.replace(at, from.size(), to));
    const std::string message = error();
    write("s.json", kScenario);
    return message;
  }
  // The error of s.json with more members.
  std::string error_with(const std::string& members) const {
    return error_after("{\n", "{ " + members + ",\n");
  }
  std::string error(const std::vector<std::string>& overrides = {}) const {
    return error_of([&] { read(overrides); }, folder_.path().string() + "/");
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_scenario_of_few_lines_is_completed) {
  const Files files;
  const Scenario scenario = files.read();

  BOOST_TEST(scenario.name == "s");
  BOOST_TEST(scenario.file == files / "s.json");
  BOOST_TEST(scenario.world() == 4);
  BOOST_TEST(scenario.data_parallel() == 2);
  BOOST_TEST(scenario.steps == 1);
  BOOST_TEST(scenario.seed == 0U);
  BOOST_TEST(scenario.weights == "generated");
  BOOST_TEST((scenario.data.source == DataConfig::Source::text));
  BOOST_TEST(scenario.data.path == files / "text.txt");
  BOOST_TEST(scenario.data.sequence == 16);
  BOOST_TEST((scenario.reduction == ReductionOrder::ring));
  BOOST_TEST(scenario.executions.size() == 3U);
  BOOST_TEST(scenario.runs(Execution::sim));
  BOOST_TEST((scenario.trace_keep == TraceKeep::always));
  BOOST_TEST(scenario.inject.empty());
  BOOST_TEST(scenario.model.hidden_size == 48);
  BOOST_TEST((scenario.training.working == Dtype::fp32));
}

BOOST_AUTO_TEST_CASE(groups_that_have_no_effect_in_inference_are_checked_all_the_same) {
  const Files files;
  BOOST_TEST(files.error_with(R"("mode": "inference", "parameter_groups": "junk")") ==
             "s.json:1:44: parameter_groups = \"junk\": expected a list of groups");
}

BOOST_AUTO_TEST_CASE(what_is_saved_of_a_run_is_read_and_refused_where_the_run_has_no_such_step) {
  const Files files;
  const auto error = [&](const std::string& checkpoint) {
    return files.error_with("\"steps\": 3, \"checkpoint\": " + checkpoint);
  };
  BOOST_TEST(error(R"({"save_after": [1, 3], "resume_after": 3, "consolidated": true})") ==
             "no error");
  BOOST_TEST(error(R"({"save_after": []})") ==
             "s.json:1:44: checkpoint.save_after = []: expected a list of counts of steps");
  BOOST_TEST(error(R"({"save_after": [4]})").find("s.json:1:45: checkpoint.save_after") == 0);
  BOOST_TEST(
      error(R"({"save_after": [2, 1]})") ==
      "s.json:1:48: checkpoint.save_after = 1: expected each count once, in ascending order");
  BOOST_TEST(error(R"({"save_after": [1], "resume_after": 2})") ==
             "s.json:1:65: checkpoint.resume_after = 2: expected one of save_after: nothing is "
             "saved after that step");
  BOOST_TEST(error(R"({"safe_after": [1]})").find("save_after") != std::string::npos);
  BOOST_TEST(files.error_with(R"("resume": "nowhere")").find("s.json:1:13: resume") == 0);
  BOOST_TEST(files.error_with(R"("resume": "model")") ==
             "s.json:1:13: resume = \"model\": is no checkpoint: it holds no manifest.json");
  BOOST_TEST(files.error_with(R"("mode": "inference", "checkpoint": {"save_after": [1]})")
                 .find("inference has no state") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(every_scenario_of_the_catalog_is_read_and_survives_a_round_trip) {
  int count = 0;
  const TemporaryFolder folder;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("../scenarios/catalog")) {
    const std::string folder_name = entry.path().parent_path().filename().string();
    if (entry.path().extension() != ".json" || entry.path().filename() == "config.json" ||
        folder_name == "faults")  // which name scenarios, and what is planted in them
      continue;
    BOOST_TEST_CONTEXT(entry.path()) {
      const Scenario scenario = read_scenario(entry.path().string());
      const std::string effective = write_scenario(scenario);
      std::ofstream(folder / "scenario.json") << effective;
      const Scenario back = read_scenario(folder / "scenario.json");

      BOOST_TEST(scenario.name == entry.path().stem().string());
      BOOST_TEST(write_scenario(back) == effective);
      BOOST_TEST(scenario_hash(back) == scenario_hash(scenario));
      BOOST_TEST(hash_of(back.model) == hash_of(scenario.model));
      BOOST_TEST(back.defaulted.empty());
      ++count;
    }
  }
  BOOST_TEST(count >= 11);
}

BOOST_AUTO_TEST_CASE(the_quickstart_is_what_the_readme_says) {
  const Scenario scenario = read_scenario("../scenarios/catalog/quickstart.json");

  BOOST_TEST(scenario.model.num_hidden_layers == 4);
  BOOST_TEST(scenario.model.hidden_size == 256);
  BOOST_TEST(scenario.model.num_attention_heads == 8);
  BOOST_TEST(scenario.model.num_key_value_heads == 4);
  BOOST_TEST(scenario.model.intermediate_size == 688);
  BOOST_TEST(scenario.data.sequence == 64);
  BOOST_TEST(scenario.training.micro_batch == 2);
  BOOST_TEST(scenario.training.accumulation == 2);
  BOOST_TEST(scenario.parallel.tensor_parallel == 2);
  BOOST_TEST(scenario.data_parallel() == 2);
  BOOST_TEST(scenario.parallel.zero_stage == 1);
  BOOST_TEST((scenario.training.working == Dtype::bf16));
  BOOST_TEST(scenario.steps == 3);
  BOOST_TEST(std::filesystem::file_size(scenario.data.path) >= 16'384U);
}

BOOST_AUTO_TEST_CASE(an_overflow_is_expected_where_the_loss_scale_is_found_by_it) {
  const Files files;
  const auto expected = [&](const std::string& precision, const std::string& overflow) {
    files.write("s.json", R"({"model": {"config": "model/config.json"}, "world": 1,
        "data": {"generated": true, "sequence": 4}, )" +
                              overflow + R"(
        "deepspeed": {"train_batch_size": 1, "optimizer": {"type": "Adam"}, )" +
                              precision + "}}");
    const Scenario scenario = files.read();
    files.write("s.json", write_scenario(scenario));
    BOOST_TEST(files.read().overflow_expected == scenario.overflow_expected);
    return scenario.overflow_expected;
  };
  const std::string dynamic = R"("fp16": {"enabled": true})";
  const std::string fixed = R"("fp16": {"enabled": true, "loss_scale": 128})";
  const std::string bf16 = R"("bf16": {"enabled": true})";
  const std::string careless = R"("bf16": {"enabled": true, "check_grad_overflow": false})";
  BOOST_TEST(expected(dynamic, ""));
  BOOST_TEST(!expected(dynamic, R"("overflow": "unexpected",)"));
  BOOST_TEST(!expected(fixed, ""));
  BOOST_TEST(expected(fixed, R"("overflow": "expected",)"));
  BOOST_TEST(!expected(bf16, ""));
  BOOST_TEST(expected(bf16, R"("overflow": "expected",)"));
  BOOST_CHECK_THROW(expected(careless, R"("overflow": "expected",)"), ScenarioError);
}

BOOST_AUTO_TEST_CASE(every_field_survives_a_round_trip) {
  const Files files;
  files.write("tokens.json", "[1, 2, 3, 4, 5, 6, 7, 8]");
  files.write("w.safetensors", "");
  files.write("s.json", R"({
    "name": "all-fields", "model": {"config": "model/config.json", "weights": "w.safetensors"},
    "deepspeed": {"train_batch_size": 12, "gradient_accumulation_steps": 3,
      "gradient_clipping": 0.1, "bf16": {"enabled": true, "check_grad_overflow": false},
      "zero_optimization": {"stage": 1, "reduce_bucket_size": 1234},
      "tensor_parallel": {"autotp_size": 2},
      "optimizer": {"type": "Adam", "params": {"lr": 0.3, "betas": [0.7, 0.8], "eps": 1e-5,
                                               "weight_decay": 0.01}}},
    "world": 4, "steps": 5, "seed": 9223372036854775807,
    "data": {"tokens": "tokens.json", "sequence": 4, "padding": 3}, "precision": "fp64",
    "reduction": "rank_order", "executions": ["sim", "reference"], "real": "mpi", "uneven": false,
    "trace": {"tier": "full", "keep": "failed"}, "overflow": "unexpected", "timeout_s": 30,
    "strict": true, "inject": [
      {"edit": "drop", "op": "a", "ranks": [0, 3], "steps": [1, 4]},
      {"edit": "scale", "op": "b", "factor": 0.1},
      {"edit": "regroup", "op": "c", "group": "dp"},
      {"edit": "retype", "op": "d", "dtype": "bf16"},
      {"edit": "set", "op": "e", "value": "flip:14", "index": [1, 2], "when": "between_steps"},
      {"edit": "set", "op": "f", "value": -1.5e3},
      {"edit": "set", "op": "g", "value": "nan", "ranks": "all"},
      {"edit": "read", "op": "h", "value": "accumulator/x", "index": [1]}]
  })");
  const Scenario scenario = files.read();
  files.write("s.json", write_scenario(scenario));
  const Scenario back = files.read();

  BOOST_TEST(write_scenario(back) == write_scenario(scenario));
  for (const Scenario* read : {&scenario, &back}) {
    BOOST_TEST(read->name == "all-fields");
    BOOST_TEST(read->weights == files / "w.safetensors");
    BOOST_TEST(read->training.micro_batch == 2);
    BOOST_TEST(read->training.accumulation == 3);
    BOOST_TEST(read->training.gradient_clipping == 0.1);
    BOOST_TEST((read->training.working == Dtype::fp64));
    BOOST_TEST(!read->training.check_grad_overflow);
    BOOST_TEST(read->parallel.zero_stage == 1);
    BOOST_TEST(read->parallel.reduce_bucket_size == 1234);
    BOOST_TEST(read->training.optimizer.beta2 == 0.8);
    BOOST_TEST(read->training.optimizer.epsilon == 1e-5);
    BOOST_TEST(read->steps == 5);
    BOOST_TEST(read->seed == 9223372036854775807U);
    BOOST_TEST((read->data.source == DataConfig::Source::tokens));
    BOOST_TEST((read->data.padding == 3));
    BOOST_TEST((read->reduction == ReductionOrder::rank_order));
    BOOST_TEST((read->executions == std::vector{Execution::reference, Execution::sim}));
    BOOST_TEST(!read->runs(Execution::real));
    BOOST_TEST((read->trace_keep == TraceKeep::failed));
    BOOST_TEST(read->timeout_s == 30);
    BOOST_TEST(read->strict);
    BOOST_REQUIRE_EQUAL(read->inject.size(), 8U);
    BOOST_TEST((read->inject[0].ranks == std::vector<int>{0, 3}));
    BOOST_TEST((read->inject[0].steps == std::vector<int>{1, 4}));
    BOOST_TEST(read->inject[1].factor == 0.1);
    BOOST_TEST(read->inject[2].group == "dp");
    BOOST_TEST(read->inject[3].dtype == "bf16");
    BOOST_TEST(read->inject[4].value == "flip:14");
    BOOST_TEST((read->inject[4].index == std::vector<std::int64_t>{1, 2}));
    BOOST_TEST((read->inject[4].when == SetTime::between_steps));
    BOOST_TEST(read->inject[5].value == "-1.5e3");
    BOOST_TEST(read->inject[6].ranks.empty());
    BOOST_TEST((read->inject[6].when == SetTime::output));
    BOOST_TEST(read->inject[7].value == "accumulator/x");
    BOOST_TEST((read->inject[7].index == std::vector<std::int64_t>{1}));
  }
}

BOOST_AUTO_TEST_CASE(what_decides_the_partition_survives_a_round_trip) {
  const Files files;
  files.write(
      "model/config.json",
      "{\"base_model_tp_plan\": {\"layers.*.mlp.up_proj\": \"colwise\"}, " + kModel.substr(1));
  for (const std::string section :
       {R"("autotp_size": 2)", R"("autotp_size": 2, "preset_model": "Llama")",
        R"("autotp_size": 2, "preset_model": "llama", "partition_config": {"layer_specs": [
            {"patterns": [".*up_proj"], "shape": [[64, 32], -1]}]})",
        R"("autotp_size": 3, "preset_model": "llama", "tp": {"tp_grain_size": 32})"}) {
    files.write("ds.json", R"({"train_micro_batch_size_per_gpu": 1, "optimizer": {"type": "AdamW"},
      "tensor_parallel": {)" + section +
                               "}}");
    const Scenario scenario = files.read({"world=6", "uneven=true"});
    files.write("effective.json", write_scenario(scenario));
    const Scenario back = read_scenario(files / "effective.json");
    BOOST_TEST(write_scenario(back) == write_scenario(scenario));
    BOOST_TEST(back.parallel.partition_rules.uneven);
    BOOST_TEST(!scenario.partition.modules.empty());
    BOOST_TEST(back.partition.modules.size() == scenario.partition.modules.size());
    for (const auto& [module, partition] : scenario.partition.modules) {
      BOOST_TEST((back.partition.of(module).style == partition.style), module);
      BOOST_TEST((back.partition.of(module).widths == partition.widths), module);
      BOOST_TEST((back.partition.of(module).gather_output == partition.gather_output), module);
      BOOST_TEST(back.partition.of(module).rule == partition.rule);
    }
  }
}

BOOST_AUTO_TEST_CASE(inference_cuts_unevenly_without_being_asked) {
  const Files files;
  const std::string hash = scenario_hash(files.read());
  const std::string three =
      "\"world\": 3, \"deepspeed\": {\"train_micro_batch_size_per_gpu\": 1,"
      " \"tensor_parallel\": {\"autotp_size\": 3}}";
  const std::string model = "\"model\": {\"config\": \"model\"}, \"data\": {\"generated\": true},";
  files.write("s.json", "{" + model + "\"mode\": \"inference\", " + three + "}");
  const Scenario scenario = files.read();

  BOOST_TEST(!scenario.trains());
  BOOST_TEST(scenario.parallel.partition_rules.uneven);
  // 12 heads over 4 KV heads, 4 wide, among 3 ranks
  BOOST_TEST(
      (scenario.partition.of("model.layers.0.self_attn.q_proj").widths == Widths{{24, 12, 12}}));
  BOOST_TEST(scenario_hash(scenario) != hash);
  files.write("effective.json", write_scenario(scenario));
  const Scenario back = read_scenario(files / "effective.json");
  BOOST_TEST(write_scenario(back) == write_scenario(scenario));

  files.write("s.json", "{" + model + "\"mode\": \"training\", " + three + "}");
  BOOST_TEST(files.error().find("does not divide") != std::string::npos);
  files.write("s.json", "{" + model + "\"mode\": \"inference\", \"uneven\": false, " + three + "}");
  BOOST_TEST(files.error().find("uneven = false: inference cuts by whole heads") !=
             std::string::npos);
  files.write("s.json", "{" + model + "\"mode\": \"inferrence\", " + three + "}");
  BOOST_TEST(files.error().find("mode = \"inferrence\": expected") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_hash_follows_the_contents_and_not_the_place_of_the_data) {
  const Files here, there;
  const std::string hash = scenario_hash(here.read());

  BOOST_TEST(hash.size() == 32U);
  BOOST_TEST(scenario_hash(there.read()) == hash);
  BOOST_TEST(scenario_hash(here.read({"seed=1"})) != hash);
  there.write("text.txt", std::string(100, 'y'));
  BOOST_TEST(scenario_hash(there.read()) != hash);
}

BOOST_AUTO_TEST_CASE(overrides_reach_the_model_the_deepspeed_config_and_the_scenario) {
  const Files files;
  const Scenario scenario =
      files.read({"num_hidden_layers=7", "zero_optimization.stage=1", "gradient_clipping=0",
                  "steps=9", "data.sequence=8", "precision=fp64", "model.config.hidden_size=96",
                  "deepspeed.bf16.enabled=true", "executions=[\"sim\"]",
                  R"(parameter_groups=[{"patterns": [".*norm.*"], "weight_decay": 0}])"});

  BOOST_TEST(scenario.model.num_hidden_layers == 7);
  BOOST_TEST(scenario.model.hidden_size == 96);
  BOOST_TEST(scenario.parallel.zero_stage == 1);
  BOOST_TEST(scenario.training.gradient_clipping == 0.0);
  BOOST_TEST(scenario.steps == 9);
  BOOST_TEST(scenario.data.sequence == 8);
  BOOST_TEST((scenario.training.working == Dtype::fp64));
  BOOST_TEST((scenario.executions == std::vector<Execution>{Execution::sim}));
  BOOST_TEST(scenario.parameter_groups.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_override_that_fits_nowhere_is_refused_by_its_own_text) {
  const Files files;
  BOOST_TEST(files.error({"steps"}) == "--override steps: expected KEY=VALUE");
  BOOST_TEST(files.error({"steps=0"}) ==
             "--override steps=0: steps = 0: expected a whole number from 1 to 1000000");
  BOOST_TEST(files.error({"gradient_cliping=1"}) ==
             "--override gradient_cliping=1: unknown key \"gradient_cliping\"; did you mean"
             " \"gradient_clipping\"?");
  BOOST_TEST(files.error({"world.x=1"}) == "--override world.x=1: \"world\" is no section");
}

BOOST_AUTO_TEST_CASE(a_command_line_needs_no_scenario_file) {
  const Files files;
  ScenarioOptions given;
  given.model = files / "model";
  given.deepspeed = files / "ds.json";
  given.world = 4;
  const Scenario scenario = scenario_from_command_line(given);

  BOOST_TEST(scenario.name == "model");
  BOOST_TEST(scenario.file.empty());
  BOOST_TEST(scenario.world() == 4);
  BOOST_TEST(scenario.weights == "generated");
  BOOST_TEST((scenario.data.source == DataConfig::Source::generated));
  BOOST_TEST(scenario.data.sequence == 64);
  given.model = files / "model/config.json";
  given.text = files / "text.txt";
  given.sequence = 10;
  given.steps = 2;
  given.seed = 3;
  given.precision = "fp64";
  given.reduction = "rank_order";
  given.executions = {"sim"};
  given.overrides = {"max_position_embeddings=40"};
  const Scenario full = scenario_from_command_line(given);
  BOOST_TEST(full.name == "model");
  BOOST_TEST(full.data.path == given.text);
  BOOST_TEST(full.data.sequence == 10);
  BOOST_TEST(full.steps == 2);
  BOOST_TEST(full.seed == 3U);
  BOOST_TEST((full.training.working == Dtype::fp64));
  BOOST_TEST((full.reduction == ReductionOrder::rank_order));
  BOOST_TEST(full.model.max_position_embeddings == 40);
  files.write("again.json", write_scenario(full));
  BOOST_TEST(scenario_hash(read_scenario(files / "again.json")) == scenario_hash(full));
}

BOOST_AUTO_TEST_CASE(an_option_takes_the_place_of_what_the_scenarios_file_says) {
  const Files files;
  files.write("other/config.json", "");
  std::filesystem::create_directory(files / "other");
  files.write("other/config.json", kModel);
  files.write("ds2.json", R"({"train_micro_batch_size_per_gpu": 3, "optimizer": {"type": "SGD"}})");
  ScenarioOptions given;
  given.model = files / "other";
  given.deepspeed = files / "ds2.json";
  given.world = 2;
  given.name = "else";
  given.steps = 5;
  given.seed = 7;
  given.sequence = 12;
  given.mode = "training";
  given.precision = "fp64";
  given.reduction = "rank_order";
  given.executions = {"sim"};
  given.inject = {R"({"edit": "drop", "op": "x"})", R"({"edit": "double", "op": "y"})"};
  const Scenario scenario = scenario_of_file(files / "s.json", given);

  BOOST_TEST(scenario.name == "else");
  BOOST_TEST(scenario.world() == 2);
  BOOST_TEST(scenario.training.micro_batch == 3);
  BOOST_TEST(scenario.steps == 5);
  BOOST_TEST(scenario.seed == 7U);
  BOOST_TEST(scenario.data.sequence == 12);
  BOOST_TEST(scenario.data.path == files / "text.txt");
  BOOST_TEST((scenario.training.working == Dtype::fp64));
  BOOST_TEST((scenario.reduction == ReductionOrder::rank_order));
  BOOST_TEST((scenario.executions == std::vector<Execution>{Execution::sim}));
  BOOST_TEST(scenario.inject.size() == 2U);
  given.real = "cuda";
  BOOST_TEST(error_of([&] {
               scenario_of_file(files / "s.json", given);
             }).starts_with("--reduction: reduction = \"rank_order\": real = cuda adds by NCCL"));
  given = {};
  given.text = files / "no.txt";
  BOOST_TEST(error_of([&] { scenario_of_file(files / "s.json", given); }, files / "") ==
             "--text: data.text = \"no.txt\": there is no \"no.txt\"");
  given = {};
  given.inject = {R"({"edit": "drop"})"};
  BOOST_TEST(error_of([&] {
               scenario_of_file(files / "s.json", given);
             }).starts_with("--inject {\"edit\": \"drop\"}: missing key \"inject[0].op\""));
}

BOOST_AUTO_TEST_CASE(what_a_trainer_adds_is_written_and_read_back) {
  const Files files;
  files.write("ds.json", R"({"train_micro_batch_size_per_gpu": "auto", "_note": "ours"})");
  const Scenario scenario =
      files.read({"trainer.lr_scheduler_type=cosine", "trainer.warmup_steps=2", "steps=5",
                  "trainer.weight_decay=0.1", "trainer.per_device_train_batch_size=3"});

  BOOST_TEST(scenario.training.micro_batch == 3);
  BOOST_TEST((scenario.training.optimizer.form == OptimizerConfig::Form::torch));
  BOOST_TEST(scenario.training.optimizer.learning_rate == 5e-5);
  BOOST_TEST((scenario.training.scheduler.kind == SchedulerConfig::Kind::cosine));
  BOOST_TEST(scenario.training.scheduler.total_steps == 5);
  BOOST_REQUIRE(scenario.parameter_groups.size() == 1U);
  BOOST_TEST(scenario.parameter_groups[0].weight_decay == 0);
  BOOST_TEST(scenario.notices.size() == 3U);  // the trainer, its rounding, the key that is not read
  files.write("effective.json", write_scenario(scenario));
  const Scenario back = read_scenario(files / "effective.json");
  BOOST_TEST(write_scenario(back) == write_scenario(scenario));
  BOOST_TEST(back.notices == scenario.notices, boost::test_tools::per_element());
  BOOST_TEST(scenario_hash(back) == scenario_hash(scenario));
}

BOOST_AUTO_TEST_CASE(the_template_of_a_scenario_is_one) {
  const Files files;
  files.write("mine.json", scenario_template());
  const Scenario scenario = read_scenario(files / "mine.json");

  BOOST_TEST(scenario.world() == 4);
  BOOST_TEST(scenario.notices.empty());
  BOOST_TEST(scenario.executions.size() == 3U);
}

BOOST_AUTO_TEST_CASE(all_that_is_wrong_is_told_at_once_what_cannot_be_repaired_first) {
  const Files files;
  files.write("ds.json", R"({
  "train_micro_batch_size_per_gpu": "four",
  "gradient_cliping": 1.0,
  "zero_optimization": {"stage": 3, "offload_param": {"device": "cpu"}, "stgae": 1},
  "tensor_parallel": {"autotp_size": 2},
  "optimizer": {"type": "Lamb", "params": {"lr": 0.1}}
})");
  BOOST_TEST(
      files.error_with("\"sed\": 4, \"precision\": \"fp8\"") ==
      "7 problems\n"
      "  ds.json:4:34: zero_optimization.stage = 3: partitioned parameters are not implemented: "
      "expected 0, 1 or 2\n"
      "  ds.json:4:65: zero_optimization.offload_param.device = \"cpu\": offload is not "
      "implemented: only \"none\"\n"
      "  ds.json:6:25: optimizer.type = \"Lamb\": only \"Adam\", \"AdamW\" and \"SGD\" are "
      "implemented\n"
      "  s.json:1:3: unknown key \"sed\"; did you mean \"seed\"?\n"
      "  ds.json:3:3: unknown key \"gradient_cliping\"; did you mean \"gradient_clipping\"?\n"
      "  ds.json:4:73: unknown key \"zero_optimization.stgae\"; did you mean \"stage\"?\n"
      "  ds.json:2:37: train_micro_batch_size_per_gpu = \"four\": expected a whole number from 1 "
      "to "
      "1000000");
}

BOOST_AUTO_TEST_CASE(a_model_folder_with_weights_is_trained_from_them) {
  const Files files;
  files.write("model/model.safetensors", "");
  ScenarioOptions given;
  given.model = files / "model";
  given.deepspeed = files / "ds.json";
  given.world = 2;

  BOOST_TEST(scenario_from_command_line(given).weights == files / "model");
}

BOOST_AUTO_TEST_CASE(weights_that_are_not_read_are_not_replaced_in_silence) {
  const Files files;
  files.write("model/pytorch_model.bin", "");
  ScenarioOptions given;
  given.model = files / "model";
  given.deepspeed = files / "ds.json";
  given.world = 2;

  BOOST_TEST(error_of([&] { scenario_from_command_line(given); }).find("safetensors only") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(errors_of_a_command_line_name_the_option) {
  const Files files;
  ScenarioOptions given;
  given.model = files / "model";
  given.deepspeed = files / "ds.json";
  given.world = 3;
  BOOST_TEST(error_of([&] { scenario_from_command_line(given); }, files / "") ==
             "ds.json:3:38: tensor_parallel.autotp_size = 2: does not divide world = 3");
  given.world = 0;
  BOOST_TEST(error_of([&] { scenario_from_command_line(given); }) ==
             "--world: world = 0: expected a whole number from 1 to 1000000");
  given.world = 4;
  given.deepspeed = files / "no.json";
  BOOST_TEST(error_of([&] { scenario_from_command_line(given); }, files / "") ==
             "--deepspeed: deepspeed = \"no.json\": there is no \"no.json\"");
  given.model = files / "nowhere";
  given.deepspeed = files / "ds.json";
  BOOST_TEST(error_of([&] { scenario_from_command_line(given); }, files / "") ==
             "--model: model.config = \"nowhere\": there is no \"nowhere\"");
}

BOOST_AUTO_TEST_CASE(bad_scenarios_are_refused_in_one_line_with_their_place) {
  const Files files;
  BOOST_TEST(files.error_after("\"world\": 4", "\"wolrd\": 4") ==
             "s.json:4:3: unknown key \"wolrd\"; did you mean \"world\"?");
  BOOST_TEST(files.error_after("\"world\": 4,", "") ==
             "s.json:1:1: missing key \"world\": expected the number of ranks");
  BOOST_TEST(files.error_with("\"step\": 4") ==
             "s.json:1:3: unknown key \"step\"; did you mean \"steps\"?");
  BOOST_TEST(files.error_with("\"world\": 4") == "s.json:4:3: duplicate key \"world\"");
  BOOST_TEST(files.error_after("\"world\": 4,", "\"world\": 4")
                 .starts_with("s.json:5:3: expected ',' or '}', got '\"'"));
  BOOST_TEST(files.error_after("4", "\"four\"") ==
             "s.json:4:12: world = \"four\": expected a whole number from 1 to 1000000");
  BOOST_TEST(files.error_after("\"model\"}", "\"modle\"}") ==
             "s.json:2:23: model.config = \"modle\": there is no \"modle\"");
  BOOST_TEST(files.error_after("\"ds.json\"", "\"no.json\"") ==
             "s.json:3:16: deepspeed = \"no.json\": there is no \"no.json\"");
  BOOST_TEST(files.error_after("text.txt", "no.txt") ==
             "s.json:5:20: data.text = \"no.txt\": there is no \"no.txt\"");
  BOOST_TEST(files.error_after("text.txt", "model") ==
             "s.json:5:20: data.text = \"model\": is not a file");
  BOOST_TEST(files.error_after("\"sequence\"", "\"generated\": true, \"sequence\"") ==
             "s.json:5:11: data: expected exactly one of text, tokens and generated");
  BOOST_TEST(files.error_with("\"precision\": \"fp32\"") ==
             "s.json:1:16: precision = \"fp32\": expected from_deepspeed or fp64");
  BOOST_TEST(files.error_with("\"reduction\": \"tree\"") ==
             "s.json:1:16: reduction = \"tree\": not implemented: expected ring, rank_order or "
             "library");
  BOOST_TEST(files.error_with("\"executions\": [\"sim\", \"sim\"]") ==
             "s.json:1:17: executions = [\"sim\",\"sim\"]: expected each one once");
  BOOST_TEST(files.error_with("\"executions\": [\"simulator\"]") ==
             "s.json:1:18: executions = \"simulator\": expected reference, sim or real");
  BOOST_TEST(files.error_with("\"executions\": []") ==
             "s.json:1:17: executions = []: expected a list of reference, sim and real");
  BOOST_TEST(files.error_with("\"real\": \"gpu\"") ==
             "s.json:1:11: real = \"gpu\": expected mpi, cuda or cuda_simulated");
  BOOST_TEST(files.error_with("\"uneven\": 1") ==
             "s.json:1:13: uneven = 1: expected true or false");
  BOOST_TEST(files.error_with("\"cut\": \"ours\"") ==
             "s.json:1:10: cut = \"ours\": expected autotp or own");
  BOOST_TEST(files.error_with("\"cut\": \"own\"") ==
             "s.json:1:10: cut = \"own\": Shardproof has no cut of its own for llama, only for "
             "gemma3_text, olmo2, phi3 and gpt2: expected autotp, with a partition_config for "
             "another cut than AutoTP's");
  BOOST_TEST(files.error_with("\"trace\": {\"tier\": \"half\"}") ==
             "s.json:1:21: trace.tier = \"half\": expected full, digest or off");
  BOOST_TEST(files.error_with("\"name\": \"a/b\"") ==
             "s.json:1:11: name = \"a/b\": expected letters, digits, '-', '_' and '.'");
  BOOST_TEST(files.error_with("\"seed\": -1") ==
             "s.json:1:11: seed = -1: expected a whole number, 0 or more");
}

BOOST_AUTO_TEST_CASE(what_the_model_s_config_says_to_nobody_is_a_notice) {
  const Files files;
  BOOST_TEST(files.read().notices.empty());
  std::string config = kModel;
  files.write("model/config.json", config.insert(1, R"("unsloth_version": "2025.1", )"));
  BOOST_TEST(files.read().notices ==
                 std::vector<std::string>{
                     "config.json: unsloth_version is read by no transformers model: ignored"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(dropout_is_turned_off_by_the_overrides_that_its_error_names) {
  const Files files;
  std::string config = kModel;
  files.write("model/config.json",
              config.insert(1, R"("attention_dropout": 0.1, "hidden_dropout": 0.2, )"));
  BOOST_TEST(files.error() ==
             "model/config.json:1:23: attention_dropout = 0.1, hidden_dropout = 0.2: dropout is not"
             " implemented in training; turn it off: --override attention_dropout=0 --override"
             " hidden_dropout=0");
  BOOST_TEST(files.error({"attention_dropout=0", "hidden_dropout=0"}) == "no error");
  BOOST_TEST(files.error({"mode=inference"}) == "no error");
  ScenarioOptions given;
  given.model = files / "model";
  given.deepspeed = files / "ds.json";
  given.world = 1;
  given.overrides = {"attention_dropout=0", "hidden_dropout=0", "tensor_parallel.autotp_size=1"};
  BOOST_TEST(scenario_from_command_line(given).model.hidden_size == 48);
}

// Without its value each of GPT-2's is 0.1 again: as it is published, and of few words.
BOOST_AUTO_TEST_CASE(dropouts_that_are_the_default_too_are_told_once_beside_other_problems) {
  const std::string gpt2 = R"("model_type": "gpt2", "n_embd": 32, "n_head": 4, "vocab_size": 64)";
  const std::string last =
      "turn it off: --override resid_pdrop=0 --override embd_pdrop=0 "
      "--override attn_pdrop=0";
  for (const std::string given :
       {"", R"("resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1, )"}) {
    const Files files;
    files.write("model/config.json", "{" + given + gpt2 + "}");
    const std::string error = files.error();
    BOOST_TEST(error.ends_with(last), error);
    BOOST_TEST(error.find("problems") == std::string::npos, error);
    files.write("model/config.json", "{" + given + R"("n_layre": 2, )" + gpt2 + "}");
    const std::string two = files.error({"deepspeed.zero_optimization.stage=3"});
    BOOST_TEST(two.find("unknown key \"n_layre\"") != std::string::npos, two);
    BOOST_TEST(two.find("stage = 3") != std::string::npos, two);
    BOOST_TEST(two.find(last) != std::string::npos, two);
    BOOST_TEST(two.find(last) == two.rfind(last), two);
  }
}

BOOST_AUTO_TEST_CASE(a_machine_adds_in_the_orders_that_it_has) {
  const Files files;
  BOOST_TEST(files.error_with("\"reduction\": \"library\"") ==
             "s.json:1:16: reduction = \"library\": real = mpi adds in an order that is pinned: "
             "expected ring or rank_order");
  BOOST_TEST(files.error({"reduction=library", "executions=[\"sim\"]"}) == "no error");
  for (const std::string real : {"cuda", "cuda_simulated"}) {
    for (const std::string order : {"ring", "rank_order"})
      BOOST_TEST(files.error({"real=" + real, "reduction=" + order}) ==
                 "--override reduction=" + order + ": reduction = \"" + order + "\": real = " +
                     real + " adds by NCCL, in an order that cannot be pinned: expected library");
    const Scenario scenario = files.read({"real=" + real});
    BOOST_TEST((scenario.reduction == ReductionOrder::library));
    BOOST_TEST(scenario.gpu_schedule == (real == "cuda" ? "" : "latest"));
  }
}

// Three gradients that lie elsewhere in each TP rank's bucket are added in another order there.
BOOST_AUTO_TEST_CASE(nccl_trains_no_uneven_cuts_of_three_replicas) {
  const Files files;
  const std::vector<std::string> uneven{"real=cuda_simulated", "uneven=true",
                                        "intermediate_size=95"};
  const auto error = [&](const std::string& world, std::vector<std::string> more = {}) {
    more.insert(more.begin(), uneven.begin(), uneven.end());
    more.push_back("world=" + world);
    return files.error(more);
  };
  BOOST_TEST(error("6") ==
             "--override uneven=true: uneven = true: model.layers.0.mlp.down_proj is cut unevenly, "
             "and with 3 replicas NCCL would add the gradients of what all TP ranks hold in "
             "another order on each of them, so that its copies part: expected two replicas at "
             "most, an even cut, or real = mpi");
  BOOST_TEST(error("4") == "no error");
  BOOST_TEST(error("6", {"intermediate_size=96"}) == "no error");
  BOOST_TEST(error("6", {"real=mpi"}) == "no error");
  BOOST_TEST(error("6", {"executions=[\"sim\"]"}) == "no error");
  BOOST_TEST(files.error({"real=cuda_simulated", "mode=inference", "intermediate_size=95",
                          "world=6"}) == "no error");
}

BOOST_AUTO_TEST_CASE(a_schedule_is_for_simulated_gpus_only) {
  const Files files;
  BOOST_TEST(files.error({"gpu_schedule=earliest"}) ==
             "--override gpu_schedule=earliest: gpu_schedule = \"earliest\": of no effect unless "
             "real is cuda_simulated");
  for (const std::string wrong : {"random", "random:", "random:x", "random:-1", "never"})
    BOOST_TEST(files.error({"real=cuda_simulated", "gpu_schedule=" + wrong}) ==
               "--override gpu_schedule=" + wrong + ": gpu_schedule = \"" + wrong +
                   "\": expected latest, earliest or random:SEED");
  for (const std::string right : {"latest", "earliest", "random:0", "random:18446744073709551615"})
    BOOST_TEST(files.read({"real=cuda_simulated", "gpu_schedule=" + right}).gpu_schedule == right);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_together_is_refused_with_both_numbers) {
  const Files files;
  BOOST_TEST(files.error({"world=5"}) ==
             "ds.json:3:38: tensor_parallel.autotp_size = 2: does not divide world = 5");
  BOOST_TEST(files.error_after("4,", "8,") == "no error");
  BOOST_TEST(files.error({"world=8", "tensor_parallel.autotp_size=8"}) ==
             "--override tensor_parallel.autotp_size=8: tensor_parallel.autotp_size = 8 does not"
             " divide num_attention_heads = 12: model.layers.0.self_attn.q_proj cannot be cut"
             " evenly; \"uneven\": true in"
             " the scenario, or --override uneven=true, allows uneven cuts");
  files.write("ds.json", R"({"train_micro_batch_size_per_gpu": 1,
"tensor_parallel": {"autotp_size": 6}, "optimizer": {"type": "AdamW"}})");
  BOOST_TEST(
      files.error({"world=6"}) ==
      "ds.json:2:36: tensor_parallel.autotp_size = 6 does not divide num_key_value_heads = 4:"
      " model.layers.0.self_attn.q_proj cannot be cut evenly; \"uneven\": true in"
      " the scenario, or --override uneven=true, allows uneven cuts");
  BOOST_TEST(
      files.error({"world=6", "num_key_value_heads=6", "intermediate_size=100"}) ==
      "ds.json:2:36: tensor_parallel.autotp_size = 6 does not divide the 100 output features of"
      " model.layers.0.mlp.gate_proj evenly (17, 17, 17, 17, 16, 16); \"uneven\": true in"
      " the scenario, or --override uneven=true, allows uneven cuts");
  BOOST_TEST(files.error({"world=6", "intermediate_size=100", "uneven=true"}) == "no error");
  files.write("ds.json", kDeepSpeed);
  BOOST_TEST(files.error_after("16", "129") ==
             "s.json:5:44: data.sequence = 129: longer than the model's max_position_embeddings ="
             " 128");
  files.write("gpt2.json", R"({"model_type": "gpt2", "resid_pdrop": 0, "embd_pdrop": 0,
      "attn_pdrop": 0, "n_positions": 32})");
  files.write("long.json", R"({"name": "long", "model": {"config": "gpt2.json"}, "world": 1,
      "deepspeed": {"train_micro_batch_size_per_gpu": 1, "optimizer": {"type": "AdamW"}},
      "data": {"generated": true, "sequence": 33}})");
  BOOST_TEST(error_of([&] {
               read_scenario(files / "long.json");
             }).ends_with("data.sequence = 33: longer than the model's n_positions = 32"));
  BOOST_TEST(files.error_after("16", "101") ==
             "s.json:5:20: \"text.txt\" has 100 bytes, fewer than one sequence of 101");
  BOOST_TEST(files.error_after("16", "100") == "no error");
  BOOST_TEST(files.error_after("16", "1") ==
             "s.json:5:44: data.sequence = 1: expected a whole number from 2 to 2147483648");
  BOOST_TEST(files.error({"vocab_size=255"}) ==
             "s.json:5:20: byte tokens need a vocab_size of at least 256, got 255");
}

BOOST_AUTO_TEST_CASE(every_field_of_an_injection_is_checked) {
  const Files files;
  const auto error = [&](const std::string& injection) {
    return files.error_with("\"inject\": [" + injection + "]")
        .substr(std::string("s.json:1:").size());
  };
  BOOST_TEST(error(R"({"edit": "dorp", "op": "x"})") ==
             "23: inject[0].edit = \"dorp\": expected drop, double, add_bias_before_reduce,"
             " swap_shards, stale, scale, regroup, retype, set, read, drop_wait, restream, reuse or"
             " not_restored; did you mean \"drop\"?");
  BOOST_TEST(error(R"({"edit": "drop"})") ==
             "14: missing key \"inject[0].op\": expected the name of an op as `shardproof plan`"
             " prints it");
  BOOST_TEST(error(R"({"edit": "drop", "op": "x", "ranks": [4]})") ==
             "52: inject[0].ranks = 4: expected a whole number from 0 to 3");
  BOOST_TEST(error(R"({"edit": "drop", "op": "x", "ranks": "some"})") ==
             "51: inject[0].ranks = \"some\": expected \"all\" or a list of numbers");
  BOOST_TEST(error(R"({"edit": "drop", "op": "x", "steps": [1]})") ==
             "52: inject[0].steps = 1: expected a whole number from 0 to 0");
  BOOST_TEST(error(R"({"edit": "drop", "op": "x", "factor": 2})") ==
             "42: unknown key \"inject[0].factor\"");
  BOOST_TEST(error(R"({"edit": "scale", "op": "x"})") ==
             "14: missing key \"inject[0].factor\": expected a number");
  BOOST_TEST(error(R"({"edit": "retype", "op": "x", "dtype": "half"})") ==
             "53: inject[0].dtype = \"half\": expected fp64, fp32, bf16 or fp16");
  BOOST_TEST(error(R"({"edit": "set", "op": "x", "value": "flip:64"})") ==
             "50: inject[0].value = \"flip:64\": expected a number, \"nan\", \"inf\", \"-inf\" or"
             " \"flip:BIT\"");
  BOOST_TEST(error(R"({"edit": "set", "op": "x", "value": 1, "when": "later"})") ==
             "61: inject[0].when = \"later\": expected output, after_record or between_steps");
  for (const std::string edit : {"drop_wait", "restream"})
    BOOST_TEST(error(R"({"edit": ")" + edit + R"(", "op": "x"})") ==
               "14: " + edit +
                   " plants nothing where no GPU runs: it needs real = cuda or "
                   "cuda_simulated");
}

BOOST_AUTO_TEST_CASE(a_missing_scenario_file_is_named) {
  const TemporaryFolder folder;
  BOOST_TEST(error_of([&] { read_scenario(folder / "no.json"); }) ==
             folder / "no.json" + ": the file cannot be read");
}
