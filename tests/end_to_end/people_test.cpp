// What people have, as it is: a model's folder and a DeepSpeed config on the command line. The
// configs are written after the kinds that public repositories hold.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

namespace files = std::filesystem;

const std::string people = "end_to_end/people/";
const std::string llama = people + "models/llama";

// One verdict from one command.
ProgramRun run_people(const std::string& model, const std::string& config,
                      const std::vector<std::string>& more) {
  const TemporaryFolder folder;
  std::vector<std::string> command{
      SHARDPROOF, "run",          "--model",      model,          "--deepspeed",
      config,     "--name",       "people",       "--sequence",   "8",
      "--out",    folder / "out", "--executions", "reference,sim"};
  command.insert(command.end(), more.begin(), more.end());
  const ProgramResult result = run_program(command);
  ProgramRun run{result.exit_code, result.out, result.err, {}};
  if (const std::string summary = folder / "out/people/summary.json"; files::exists(summary)) {
    run.summary = read_json(summary);
    run.page = read_text_file(folder / "out/people/report.html", "the page");
  }
  return run;
}

std::vector<std::string> notices_of(const ProgramRun& run) {
  std::vector<std::string> notices;
  for (const JsonValue& notice : run.summary.find("notices")->elements)
    notices.push_back(notice.text);
  return notices;
}

void check_passes(const ProgramRun& run) {
  BOOST_TEST(run.exit_code == 0, run.out + run.err);
  BOOST_TEST(run.out.find("PASS people") != std::string::npos, run.out);
}

}  // namespace

BOOST_AUTO_TEST_CASE(deepspeed_configs_run_as_they_are) {
  int count = 0;
  for (const auto& entry : files::directory_iterator(people + "deepspeed")) {
    BOOST_TEST_CONTEXT(entry.path().filename()) {
      const ProgramRun run = run_people(llama, entry.path().string(), {"--world", "4"});
      check_passes(run);
      for (const std::string& notice : notices_of(run))  // each stands beside the verdict
        BOOST_TEST(run.out.find("  note       " + notice + "\n") != std::string::npos, notice);
    }
    ++count;
  }
  BOOST_TEST(count == 10);
}

// Narrow enough to be run here; whatever else the config says stays.
JsonValue narrowed(JsonValue config) {
  const std::pair<const char*, int> small[] = {{"hidden_size", 32},
                                               {"n_embd", 32},
                                               {"n_embed", 32},
                                               {"intermediate_size", 48},
                                               {"moe_intermediate_size", 16},
                                               {"num_hidden_layers", 1},
                                               {"n_layer", 1},
                                               {"num_attention_heads", 4},
                                               {"n_head", 4},
                                               {"num_key_value_heads", 2},
                                               {"head_dim", 8},
                                               {"num_experts", 4},
                                               {"num_experts_per_tok", 2},
                                               {"num_local_experts", 4},
                                               {"pad_token_id", 3},
                                               {"ffn_dim", 48},
                                               {"word_embed_proj_dim", 32},
                                               {"vocab_size", 64}};
  for (const auto& [key, value] : small)
    if (config.find(key)) config.set(key, value);
  if (JsonValue* types = config.find("layer_types")) types->elements.resize(1);
  if (JsonValue* scaling = config.find("rope_scaling"))
    for (const char* divisors : {"short_factor", "long_factor"})
      if (JsonValue* list = scaling->find(divisors)) list->elements.resize(3);
  return config;
}

BOOST_AUTO_TEST_CASE(published_models_are_planned_as_they_are_and_run_narrowed) {
  int count = 0;
  for (const auto& entry : files::directory_iterator(people + "published")) {
    BOOST_TEST_CONTEXT(entry.path().filename()) {
      const std::string config = people + "tutorial/basic.json";
      // Dropout is refused in training.
      const std::string name = entry.path().stem();
      const bool drops = name == "gpt2_medium" || name == "opt_125m";
      const std::string mode = drops ? "inference" : "training";
      const ProgramResult plan = run_program({SHARDPROOF, "plan", "--model", entry.path().string(),
                                              "--deepspeed", config, "--world", "2", "--override",
                                              "tensor_parallel.autotp_size=1", "--mode", mode});
      BOOST_TEST(plan.exit_code == 0, plan.err);
      const TemporaryFolder folder;
      std::ofstream(folder / "config.json") << write_json(narrowed(read_json(entry.path())));
      check_passes(run_people(
          folder / "config.json", config,
          {"--world", "2", "--override", "tensor_parallel.autotp_size=1", "--mode", mode}));
    }
    ++count;
  }
  BOOST_TEST(count >= 10);
}

BOOST_AUTO_TEST_CASE(models_that_autotp_does_not_cut_run_with_a_cut_of_our_own_and_say_so) {
  for (const std::string model : {"gpt2_medium", "olmo_2_1b", "phi_3_mini_4k_instruct", "phi_4",
                                  "phi_4_mini", "gemma_3_270m_of_transformers_5"}) {
    BOOST_TEST_CONTEXT(model) {
      const TemporaryFolder folder;
      JsonValue config = narrowed(read_json(people + "published/" + model + ".json"));
      for (const char* dropout : {"resid_pdrop", "embd_pdrop", "attn_pdrop"})
        if (config.find(dropout)) config.set(dropout, 0);
      std::ofstream(folder / "config.json") << write_json(config);
      // AutoTP would cut Gemma 3, and wrongly: there it is asked for.
      const std::string cut = model.starts_with("gemma_3") ? "own" : "autotp";
      const ProgramRun run =
          run_people(folder / "config.json", people + "tutorial/basic.json",
                     {"--world", "4", "--cut", cut, "--override", "tensor_parallel.autotp_size=2"});
      check_passes(run);
      const std::string line = "DeepSpeed would not run this cut, Shardproof's own of ";
      BOOST_TEST(std::ranges::count_if(notices_of(run), [&](const std::string& notice) {
                   return notice.starts_with(line);
                 }) == 1);
      BOOST_TEST(run.out.find("  note       " + line) != std::string::npos, run.out);
      BOOST_TEST(run.page.find("Shardproof&#39;s own of ") != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_trainer_fills_in_stands_beside_the_verdict) {
  const ProgramRun run = run_people(llama, people + "deepspeed/fine_tuning_without_optimizer.json",
                                    {"--world", "2", "--override", "trainer.learning_rate=0.001",
                                     "--override", "trainer.per_device_train_batch_size=1"});
  check_passes(run);
  const std::vector<std::string> notices = notices_of(run);
  BOOST_REQUIRE(notices.size() >= 1U);
  for (const char* said :
       {"transformers 4.57.6", "train_micro_batch_size_per_gpu = 1", "gradient_clipping = 1",
        "fp16.enabled = false", "optimizer = AdamW {\"lr\":0.001,", "\"torch_adam\":true",
        "lr_scheduler_type = linear over 1 steps"})
    BOOST_TEST(notices[0].find(said) != std::string::npos, said + (": " + notices[0]));
}

BOOST_AUTO_TEST_CASE(the_configs_of_deepspeeds_tutorial_on_autotp_training_run) {
  const std::string micro_batch = "train_micro_batch_size_per_gpu=1";
  check_passes(run_people(llama, people + "tutorial/basic.json", {"--world", "8"}));
  check_passes(run_people(llama, people + "tutorial/preset.json", {"--world", "8"}));
  // Fragments: how many sequences, and of the last one how many ranks and what cuts the other
  // modules, is left to the reader.
  check_passes(run_people(
      people + "models/phi3", people + "tutorial/unequal_parts.json",
      {"--world", "2", "--override", micro_batch, "--override", "tensor_parallel.autotp_size=2",
       "--override", "tensor_parallel.preset_model=phi3"}));
  // It cuts no gate and no up projection of this model, whose product down_proj takes by parts.
  const ProgramRun patterns = run_people(llama, people + "tutorial/patterns.json",
                                         {"--world", "4", "--override", micro_batch});
  BOOST_TEST(patterns.exit_code == 2);
  BOOST_TEST(
      patterns.err.find("down_proj cannot take what no module before it cuts: it is cut by rows "
                        "(layer_specs[0]") != std::string::npos,
      patterns.err);
}

}  // namespace shardproof::tests
