// Checkpoints through the whole program, in sim and in real (spec-autotp 8; 10.1: 4, 5, 24): saving
// one changes nothing, going on from one is the uninterrupted run, and a wrong one is named.
#include <boost/test/unit_test.hpp>
#include <functional>

#include "scenarios/checkpoint/checkpoint.hpp"
#include "scenarios/checkpoint/checkpoint_paths.hpp"
#include "scenarios/checkpoint/write_checkpoint.hpp"
#include "scenarios/data/safetensors.hpp"
#include "tests/end_to_end/program.hpp"
#include "tests/support/trace_differences.hpp"

namespace shardproof::tests {
namespace {

const std::string zero_0 = "sgd-momentum-tp2-dp2-zero0-fp32";
const std::string zero_1 = "llama-fp16-dynamic-tp2-dp2-zero1";  // skips its first two steps
const std::string zero_2 = "llama-tp2-dp2-zero2-bf16-groups";
const std::string uneven = "llama-uneven-tp3-dp2-zero1-bf16";  // pads its flat vectors

JsonValue three_steps(const std::string& name) {
  JsonValue scenario = sweep_json(name).set("steps", 3).set("name", "run");
  // One that skips its first two steps is to take the third.
  if (name == zero_1) scenario.find("deepspeed")->find("fp16")->set("initial_scale_power", 18);
  return scenario;
}

JsonValue saving(JsonValue scenario, const char* checkpoint) {
  return scenario.set("checkpoint", parse_json(checkpoint, "checkpoint"));
}

/// Runs it, and returns the folder of its results.
std::string results_of(const JsonValue& scenario, const TemporaryFolder& folder) {
  const ProgramRun run = run_scenario(scenario, folder.path().string());
  BOOST_REQUIRE_MESSAGE(run.exit_code == 0, run.err << run.out);
  return folder / "out/run";
}

std::string after(int steps, const std::string& execution_folder) {
  return checkpoint_path(execution_folder, steps);
}

BOOST_AUTO_TEST_SUITE(checkpoints)

/// Both executions of a run do what was done in `plain`, as far as they lie in `under`.
void expect_equal(const std::string& run, const std::string& plain, const std::string& under) {
  for (const char* execution : {"/sim", "/real"}) {
    const Differences in = differences(run + execution, plain, "", under);
    BOOST_TEST(in.compared > 1000);
    BOOST_TEST(in.different == 0, run << execution);
  }
}

BOOST_AUTO_TEST_CASE(
    saving_and_reading_back_change_nothing_and_a_run_that_goes_on_is_the_same_run) {
  for (const std::string& scenario : {zero_0, zero_1, zero_2, uneven})
    BOOST_TEST_CONTEXT(scenario) {
      const TemporaryFolder a, b, c;
      const std::string plain = results_of(simulated(three_steps(scenario)), a) + "/sim";
      const std::string saved = results_of(
          saving(three_steps(scenario),
                 R"({"save_after": [1, 2, 3], "resume_after": 2, "consolidated": true})"),
          b);
      const std::string resumed =
          results_of(three_steps(scenario).set("resume", after(1, saved + "/real")), c);
      expect_equal(saved, plain, "/");
      expect_equal(resumed, plain, "/step/");
    }
}

BOOST_AUTO_TEST_CASE(a_run_on_another_grid_goes_on_too_and_repartitioned_or_not_is_the_same) {
  const TemporaryFolder a, b, c;
  const std::string whole =
      results_of(saving(simulated(three_steps(zero_2)), R"({"save_after": [2]})"), a);
  const std::string saved = after(2, whole + "/sim");
  const ProgramResult done = run_program({SHARDPROOF, "repartition", saved, "--tp", "4", "--dp",
                                          "1", "--zero", "1", "--out", b / "moved"});
  BOOST_REQUIRE_MESSAGE(done.exit_code == 0, done.err);
  const Checkpoint moved(b / "moved");
  BOOST_TEST(moved.origin().tp == 4);
  BOOST_TEST(moved.origin().steps_done == 2);

  JsonValue elsewhere = simulated(three_steps(zero_2));
  JsonValue* deepspeed = elsewhere.find("deepspeed");
  deepspeed->find("tensor_parallel")->set("autotp_size", 4);
  deepspeed->find("zero_optimization")->set("stage", 1);
  const std::string from_saved = results_of(JsonValue(elsewhere).set("resume", saved), b);
  const std::string from_moved = results_of(JsonValue(elsewhere).set("resume", b / "moved"), c);
  const Differences in = differences(from_saved + "/sim", from_moved + "/sim", "");
  BOOST_TEST(in.compared > 1000);
  BOOST_TEST(in.different == 0);
}

BOOST_AUTO_TEST_CASE(the_consolidate_command_writes_what_the_run_writes) {
  const TemporaryFolder folder;
  const std::string run = results_of(
      saving(three_steps(uneven), R"({"save_after": [1], "consolidated": true})"), folder);
  const std::string file = folder / "model.safetensors";
  const ProgramResult done =
      run_program({SHARDPROOF, "consolidate", after(1, run + "/sim"), "--out", file});
  BOOST_REQUIRE_MESSAGE(done.exit_code == 0, done.err);
  const std::string weights = read_text_file(file, "the command's");
  for (const char* execution : {"/sim", "/real"})
    BOOST_TEST(read_text_file(consolidated_path(run + execution, 1) + "/model.safetensors",
                              "the run's") == weights);

  // Neither the checkpoint nor what is there already is lost.
  const std::string saved = after(1, run + "/sim");
  const auto refused = [&](std::vector<std::string> words, const std::string& said) {
    words.insert(words.begin(), SHARDPROOF);
    const ProgramResult result = run_program(words);
    BOOST_TEST(result.exit_code == 2, result.err);
    BOOST_TEST(result.err.find(said) != std::string::npos, result.err);
  };
  refused({"consolidate", saved, "--out", file}, "is there already; --force replaces it");
  refused({"consolidate", saved, "--out", saved + "/rank-00000.safetensors", "--force"},
          "the checkpoint that is read");
  refused({"consolidate", saved, "--out", folder.path().string(), "--force"},
          "the checkpoint that is read");
  refused({"repartition", saved, "--tp", "1", "--out", saved + "/new"},
          "the checkpoint that is read");
  refused({"repartition", saved, "--tp", "1", "--out", saved, "--force"},
          "the checkpoint that is read");
  BOOST_TEST(read_text_file(file, "the command's") == weights);
  Checkpoint(saved).check_all();
  const ProgramResult again =
      run_program({SHARDPROOF, "consolidate", saved, "--out", file, "--force"});
  BOOST_TEST(again.exit_code == 0, again.err);
  BOOST_TEST(!std::filesystem::exists(file + ".part"));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_that_does_not_fit_is_refused_and_nothing_is_lost) {
  const TemporaryFolder a, b;
  const std::string whole =
      results_of(saving(simulated(three_steps(zero_0)), R"({"save_after": [1]})"), a);
  std::string saved = after(1, whole + "/sim");
  const auto refused = [&](JsonValue scenario, const std::string& out, const std::string& said) {
    const ProgramRun run = run_scenario(scenario.set("resume", saved), out);
    BOOST_TEST(run.exit_code == 2);
    BOOST_TEST(run.err.find(said) != std::string::npos, run.err);
  };
  const std::string elsewhere = b.path().string();
  refused(simulated(three_steps(zero_0)), a.path().string(),
          "lies in the results that this run would replace");
  BOOST_TEST(std::filesystem::exists(whole + "/summary.json"));
  BOOST_TEST(std::filesystem::exists(saved + "/manifest.json"));
  std::filesystem::rename(whole, whole + ".part");  // as a run leaves them that was killed
  saved = after(1, whole + ".part/sim");
  refused(simulated(three_steps(zero_0)), a.path().string(),
          "lies in the results that this run would replace");
  BOOST_TEST(std::filesystem::exists(saved + "/manifest.json"));
  refused(simulated(three_steps(zero_0)).set("steps", 1), elsewhere,
          "expected steps to be more than that");
  refused(simulated(three_steps(zero_1)), elsewhere, "is a checkpoint of another model");
  JsonValue adam = simulated(three_steps(zero_0));
  adam.find("deepspeed")
      ->set("optimizer", parse_json(R"({"type": "AdamW", "params": {"lr": 1e-3}})", "optimizer"));
  refused(adam, elsewhere, "exp_avg");

  const std::string damaged = saved + "/rank-00002.safetensors";
  std::string bytes = read_text_file(damaged, "a rank's file");
  bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
  std::ofstream(damaged, std::ios::binary) << bytes;
  refused(simulated(three_steps(zero_0)), elsewhere, damaged);
}

BOOST_AUTO_TEST_CASE(checkpoints_are_kept_where_traces_are_not) {
  const TemporaryFolder folder;
  JsonValue scenario = saving(simulated(three_steps(zero_0)), R"({"save_after": [3]})");
  scenario.set("trace", parse_json(R"({"keep": "never"})", "trace"));
  const std::string run = results_of(scenario, folder);
  BOOST_TEST(!std::filesystem::exists(run + "/sim/trace.h5"));
  BOOST_TEST(!std::filesystem::exists(run + "/reference"));
  Checkpoint(after(3, run + "/sim")).check_all();
}

// ---- a wrong checkpoint is named

/// Writes a checkpoint anew, valid in itself, after a change of what it holds.
struct Content {
  CheckpointOrigin origin;
  std::map<int, std::map<std::string, std::vector<std::byte>>> bytes;  // by rank and tensor
};
void rewrite(const std::string& path, const std::function<void(Content&)>& change) {
  const Checkpoint checkpoint(path);
  Content content{checkpoint.origin(), {}};
  std::map<int, std::vector<PartToSave>> parts;
  for (const auto& [name, tensor] : checkpoint.tensors())
    for (const Checkpoint::Part& part : checkpoint.parts(name)) {
      content.bytes[part.rank][name] = {part.bytes.begin(), part.bytes.end()};
      parts[part.rank].push_back({name, tensor.dtype, tensor.shape(), part.regions, {}});
    }
  change(content);
  begin_checkpoint(path);
  for (auto& [rank, of_rank] : parts) {
    for (PartToSave& part : of_rank) part.stretches = {content.bytes.at(rank).at(part.name)};
    write_rank_file(path, rank, of_rank);
  }
  finish_checkpoint(path, content.origin);
}

JsonValue judged_again(const std::string& run) {
  const ProgramResult judged = run_program({SHARDPROOF, "judge", run});
  BOOST_TEST(judged.exit_code == 1, judged.err << judged.out);
  return read_json(run + "/summary.json");
}

std::string reason_of(const JsonValue& summary, const std::string& check) {
  for (const JsonValue& entry : summary.find("checks")->elements)
    if (entry.find("name")->text == check) return entry.find("reason")->text;
  return "";
}

BOOST_AUTO_TEST_CASE(a_wrong_element_is_named_with_its_tensor_and_the_rank_that_saved_it) {
  const TemporaryFolder folder;
  const std::string run = results_of(saving(three_steps(uneven), R"({"save_after": [2]})"), folder);
  const std::string tensor = "optimizer/model.layers.1.mlp.up_proj.weight/exp_avg";
  int owner = -1;
  rewrite(after(2, run + "/real"), [&](Content& content) {
    for (auto& [rank, tensors] : content.bytes)
      if (tensors.contains(tensor)) owner = rank;
    content.bytes.at(owner).at(tensor).back() ^= std::byte{1};
  });

  const JsonValue summary = judged_again(run);

  const JsonValue& divergence = *summary.find("first_divergence");
  BOOST_REQUIRE(divergence.is_object());
  BOOST_TEST(divergence.find("phase")->text == "checkpoint");
  BOOST_TEST(divergence.find("execution")->text == "real");
  BOOST_TEST(divergence.find("step")->integer == 1);
  BOOST_TEST(divergence.find("rank")->integer == owner);
  BOOST_TEST(divergence.find("tensor")->text.ends_with(tensor));
}

// What a load leaves out is told as the load's, not as that of the op that is the first to miss it.
BOOST_AUTO_TEST_CASE(what_is_not_restored_is_named_with_the_load) {
  struct Lost {
    std::string value;
    std::vector<int> ranks;  // empty: all
    std::size_t ranks_that_miss_it;
  };
  const Lost all[] = {{"optimizer/model.layers.1.mlp.up_proj.weight/exp_avg", {}, 2},  // owners
                      {"parameter/model.norm.weight", {1}, 1},
                      {"updates", {}, 4}};
  for (const Lost& lost : all) BOOST_TEST_CONTEXT(lost.value) {
      const TemporaryFolder folder;
      JsonValue scenario =
          saving(simulated(three_steps(zero_2)), R"({"save_after": [2], "resume_after": 2})");
      JsonValue edit = parse_json(R"({"edit": "not_restored", "op": "checkpoint/load"})", "inject");
      edit.set("value", lost.value);
      if (!lost.ranks.empty()) edit.set("ranks", JsonValue::array().append(lost.ranks[0]));
      scenario.set("inject", JsonValue::array().append(edit));

      const ProgramRun run = run_scenario(scenario, folder.path().string());

      BOOST_TEST(run.exit_code == 1, run.out);
      const JsonValue summary = read_json(folder / "out/run/summary.json");
      const JsonValue& divergence = *summary.find("first_divergence");
      BOOST_REQUIRE(divergence.is_object());
      BOOST_TEST(divergence.find("phase")->text == "checkpoint");
      BOOST_TEST(divergence.find("op")->text == "checkpoint/load");
      BOOST_TEST(divergence.find("step")->integer == 1);
      BOOST_TEST(divergence.find("ranks")->elements.size() == lost.ranks_that_miss_it);
      BOOST_TEST(divergence.find("cause")->find("name")->text == "not restored");
      BOOST_TEST_MESSAGE(run.out);
    }
}

BOOST_AUTO_TEST_CASE(a_wrong_count_of_updates_or_steps_is_said) {
  const TemporaryFolder folder;
  const std::string run =
      results_of(saving(simulated(three_steps(zero_1)), R"({"save_after": [3]})"), folder);
  rewrite(after(3, run + "/sim"), [](Content& content) {
    content.origin.counters.at("updates") = 3;  // two steps were skipped
    content.origin.steps_done = 2;
  });

  const std::string reason = reason_of(judged_again(run), "round_trip");

  BOOST_TEST(reason.find("2 steps done") != std::string::npos, reason);
}

BOOST_AUTO_TEST_CASE(a_missing_checkpoint_is_no_pass) {
  const TemporaryFolder folder;
  const std::string run =
      results_of(saving(simulated(three_steps(zero_0)), R"({"save_after": [1]})"), folder);
  std::filesystem::remove_all(after(1, run + "/sim"));
  judged_again(run);
}

// 10.1 #4: rank 0's shards under the names of the whole weights.
BOOST_AUTO_TEST_CASE(shards_saved_as_whole_weights_are_found) {
  const TemporaryFolder folder;
  const std::string run = results_of(
      saving(simulated(three_steps(zero_0)), R"({"save_after": [1], "consolidated": true})"),
      folder);
  const std::string file = consolidated_path(run + "/sim", 1) + "/model.safetensors";
  {
    const Safetensors weights(file);
    std::vector<TensorRow> rows;
    std::string data;
    for (const auto& [name, tensor] : weights.tensors()) {
      Region part = whole(tensor.shape);
      if (name.ends_with("q_proj.weight")) part.extent[0] /= 2;
      rows.push_back({name, tensor.dtype, part.extent});
      for (const std::byte byte : weights.read_bytes(name, part)) data += static_cast<char>(byte);
    }
    std::ofstream(file + ".new", std::ios::binary) << safetensors_header(rows, {}) << data;
  }
  std::filesystem::rename(file + ".new", file);

  const std::string reason = reason_of(judged_again(run), "round_trip");

  BOOST_TEST(reason.find("q_proj.weight") != std::string::npos, reason);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
