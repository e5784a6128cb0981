// What the judge reads for itself: weights, checkpoints, consolidated models, samples. And what it
// is told by nobody: a scalar or a counter that no list has, a tensor that is recorded twice.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "real/run/rank_run.hpp"
#include "reports/checks/leaves.hpp"
#include "reports/checks/plan.hpp"
#include "reports/checks/round_trip.hpp"
#include "reports/witness/given_samples.hpp"
#include "reports/witness/given_state.hpp"
#include "reports/witness/written_files.hpp"
#include "scenarios/checkpoint/checkpoint_paths.hpp"
#include "scenarios/checkpoint/consolidate.hpp"
#include "scenarios/checkpoint/initial_state.hpp"
#include "scenarios/checkpoint/rank_state.hpp"
#include "scenarios/data/batches.hpp"
#include "scenarios/files/text_file.hpp"
#include "tests/reports/checks/checks_support.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/scenario_runs.hpp"

namespace shardproof::tests {
namespace {

using namespace reports;

const std::string zero1 = "tiny-bias-tp2-dp2-zero1-bf16";
const std::string skips_two = "llama-fp16-dynamic-tp2-dp2-zero1";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// ---- files

/// A run that has saved a checkpoint after each of its steps, and consolidated it.
Scenario saving(const std::string& name, int steps) {
  Scenario scenario = sweep_scenario(name, steps);
  if (name == skips_two) scenario.training.loss_scale.initial_power = 18;
  for (int done = 1; done <= steps; ++done) scenario.checkpoint.save_after.push_back(done);
  scenario.checkpoint.consolidated = true;
  return scenario;
}

std::string saved(const JudgedRun& run, int steps_done) {
  return checkpoint_path(run.trace().reader().folder(), steps_done);
}
std::string model_of(const JudgedRun& run, int steps_done) {
  return consolidated_path(run.trace().reader().folder(), steps_done);
}

/// The reason of round_trip, which looks at what a run has saved.
std::string reason_of(const JudgedRun& run) {
  return check_round_trip(run.context()).result().reason;
}

/// Another manifest, as a program would have written it that counts so.
void change_counters(const std::string& checkpoint,
                     const std::function<void(std::map<std::string, double>&)>& change) {
  const std::string file = checkpoint + "/manifest.json";
  Manifest manifest = manifest_from(read_text(file), file);
  change(manifest.origin.counters);
  write_text(file, manifest_text(manifest));
}

BOOST_AUTO_TEST_SUITE(checks_of_files)

BOOST_AUTO_TEST_CASE(a_tensor_that_two_ops_record_in_a_moment_is_named_with_both) {
  const std::string first = "model.layers.0.self_attn.q_proj/forward/add_bias";
  const HandMade run(zero1, [&](Program& program) {
    Segment& segment = program.segment("micro_step");
    const auto add = op_named(segment, first);
    BOOST_REQUIRE(add != segment.ops.end());
    Op again = *add;  // the most natural spelling of "added twice"
    again.name = "add_bias_again";
    again.inputs[0] = again.outputs[0];
    segment.ops.insert(add + 1, again);
  });

  const Tally plan = check_plan(run.context());

  const FirstDivergence found = first_of(plan);
  BOOST_TEST(name_of(plan.result().outcome) == "fail");
  BOOST_TEST(plan.failed() > 0);
  BOOST_TEST(found.op == "model.layers.0.self_attn.q_proj/forward/add_bias_again");
  BOOST_TEST(found.ranks == (std::vector<int>{0, 1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(has(plan.result().reason, first + " has recorded it"), plan.result().reason);
}

BOOST_AUTO_TEST_CASE(a_scalar_that_no_list_has_is_a_finding) {
  const HandMade run(zero1, [&](Program& program) {
    Segment& update = program.segment("update");
    const auto load = std::ranges::find(update.ops, OpKind::load_scalar, &Op::kind);
    BOOST_REQUIRE(load != update.ops.end());
    Value value = program.value(load->outputs[0]);
    value.name = "scalar/second_rate";
    program.values.push_back(value);
    Op another = *load;
    another.name = "load_second_rate";
    another.outputs = {static_cast<ValueId>(program.values.size()) - 1};
    update.ops.insert(load + 1, another);
  });

  const Tally leaves = check_leaves(run.context());

  BOOST_TEST(first_of(leaves).op.ends_with("load_second_rate"));
  BOOST_TEST(has(leaves.result().reason, "nobody says what it has to be"), leaves.result().reason);
}

// Regions of all kinds, so that what the engine reads by another way is the same.
BOOST_AUTO_TEST_CASE(the_judge_cuts_files_as_the_engine_reads_them) {
  const TemporaryFolder folder;
  Scenario scenario = sweep_scenario("llama-uneven-tp3-dp2-zero1-bf16");
  const Weights generated(scenario);
  std::vector<TensorToStore> tensors;
  for (const ParameterDescription& parameter : scenario.model.stored()) {
    const std::vector<double> values = generated.read(parameter.name, whole(parameter.shape));
    std::vector<std::byte> bytes(values.size() * 4);
    encode(Dtype::fp32, values, bytes);
    tensors.push_back({parameter.name, Dtype::fp32, parameter.shape, bytes});
  }
  write_safetensors(folder / "model.safetensors", tensors);

  const GivenState of_generator(scenario);
  scenario.weights = folder.path().string();
  const GivenState of_files(scenario);
  const Weights engine(scenario);
  std::mt19937 random(5);
  for (const ParameterDescription& parameter : scenario.model.stored()) {
    const WholeTensor all = of_files.parameter(parameter);
    BOOST_TEST((all.bytes == of_generator.parameter(parameter).bytes), parameter.name);
    for (int trial = 0; trial < 8; ++trial) {
      Region region = whole(parameter.shape);
      for (std::size_t d = 0; d < region.extent.size(); ++d) {
        region.offset[d] = static_cast<std::int64_t>(random()) % parameter.shape[d];
        region.extent[d] =
            1 + static_cast<std::int64_t>(random()) % (parameter.shape[d] - region.offset[d]);
      }
      const std::vector<double> values = engine.read(parameter.name, region);
      std::vector<std::byte> expected(values.size() * size_bytes(scenario.training.working));
      encode(scenario.training.working, values, expected);
      BOOST_TEST((cut(all, std::span(&region, 1)) == expected), parameter.name);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_judge_puts_a_checkpoint_together_as_the_engine_does) {
  const JudgedRun run(saving("llama-uneven-tp3-dp2-zero1-bf16", 1));
  const Checkpoint engine(saved(run, 1));
  const SavedCheckpoint judge(saved(run, 1));

  BOOST_TEST(judge.tensors().size() == engine.tensors().size());
  BOOST_TEST(judge.updates() == 1);
  for (const auto& [name, tensor] : engine.tensors()) {
    const Region all = whole(tensor.shape());
    BOOST_TEST((judge.tensor(name).bytes == engine.read(name, std::span(&all, 1))), name);
  }
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_a_dtype_that_nobody_knows_is_refused) {
  const JudgedRun run(saving(zero1, 1));
  const std::string checkpoint = saved(run, 1), file = checkpoint + "/manifest.json";
  std::string manifest = read_text(file);
  const auto at = manifest.find("\"bf16\"");
  BOOST_REQUIRE(at != std::string::npos);
  write_text(file, manifest.replace(at, 6, "\"fp12\""));

  const std::string error = error_of([&] { SavedCheckpoint judge(checkpoint); });

  BOOST_TEST(has(error, "is of no known dtype: \"fp12\""), error);
}

BOOST_AUTO_TEST_CASE(two_copies_of_an_element_that_differ_are_refused) {
  WholeTensor tensor{Dtype::fp32, {2, 2}, std::vector<std::byte>(16)};
  std::vector<bool> held(4);
  const Region row{{0, 0}, {1, 2}}, column{{0, 1}, {2, 1}};
  std::vector<std::byte> part(8, std::byte{1});

  BOOST_TEST(put_in_place(part, std::span(&row, 1), tensor, held));
  BOOST_TEST(put_in_place(part, std::span(&column, 1), tensor, held));
  BOOST_TEST(std::ranges::count(held, true) == 3);
  part[3] = std::byte{2};
  BOOST_TEST(!put_in_place(part, std::span(&column, 1), tensor, held));
}

BOOST_AUTO_TEST_CASE(every_counter_of_a_checkpoint_is_held_to_the_run) {
  const int steps = 3;
  const JudgedRun run(saving(skips_two, steps));
  BOOST_TEST(reason_of(run) == "");
  const std::string checkpoint = saved(run, steps);
  const std::map<std::string, double> right = SavedCheckpoint(checkpoint).counters();
  BOOST_TEST(right.size() == 5U);
  for (const auto& [name, value] : right) {
    change_counters(checkpoint, [&](auto& counters) { counters[name] += 1; });
    BOOST_TEST(has(reason_of(run), "counts " + name + " = "), name << ": " << reason_of(run));
    change_counters(checkpoint, [&](auto& counters) { counters = right; });
  }
  change_counters(checkpoint, [](auto& counters) { counters["tokens_seen"] = 7; });
  BOOST_TEST(has(reason_of(run), "tokens_seen = 7, and nobody says"), reason_of(run));
}

BOOST_AUTO_TEST_CASE(a_consolidated_folder_is_checked_whole) {
  const JudgedRun run(saving(zero1, 1));
  BOOST_TEST(reason_of(run) == "");
  const std::string folder = model_of(run, 1), config = folder + "/config.json";
  const std::string right = read_text(config);
  const auto with = [&](const char* key, JsonValue value) {
    write_text(config, write_json(read_json(config).set(key, std::move(value))));
    const std::string reason = reason_of(run);
    write_text(config, right);
    return reason;
  };
  const std::string said = "does not describe the model that was trained";
  BOOST_TEST(has(with("rms_norm_eps", 1e-6), said));
  BOOST_TEST(has(with("rope_theta", 5e5), said));
  BOOST_TEST(has(with("tie_word_embeddings", true), said));
  BOOST_TEST(reason_of(run) == "");

  write_text(folder + "/generation_config.json", "{}");
  BOOST_TEST(has(reason_of(run), "generation_config.json is nothing"), reason_of(run));
  std::filesystem::remove(folder + "/generation_config.json");
  std::filesystem::remove(config);
  BOOST_TEST(has(reason_of(run), "config.json"), reason_of(run));
}

// What a tool has written, read again: a wrong bit, a wrong count, a tensor too few.
BOOST_AUTO_TEST_CASE(what_the_tools_write_is_read_again_and_held_to_the_checkpoint) {
  const JudgedRun run(saving(zero1, 1));
  const std::string checkpoint = saved(run, 1);
  const TemporaryFolder folder;
  const std::string moved = folder / "moved", file = folder / "model.safetensors";
  Scenario other = on_grid(sweep_scenario(zero1), {1, 2, 2});
  lay_out(other, 1, 2);
  repartition(Checkpoint(checkpoint), real::checked_program(other), origin_of(other), moved);
  write_consolidated(Checkpoint(checkpoint), file);
  BOOST_TEST(repartition_problem(checkpoint, moved) == "");
  BOOST_TEST(consolidation_problem(checkpoint, file) == "");

  const auto flip_last_bit = [](const std::string& path) {
    std::string bytes = read_text(path);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    std::ofstream(path, std::ios::binary) << bytes;
  };
  flip_last_bit(file);
  BOOST_TEST(has(consolidation_problem(checkpoint, file), "the checkpoint holds"));
  flip_last_bit(file);
  flip_last_bit(moved + "/rank-00001.safetensors");
  BOOST_TEST(repartition_problem(checkpoint, moved) != "");
  flip_last_bit(moved + "/rank-00001.safetensors");
  change_counters(moved, [](auto& counters) { counters["updates"] = 2; });
  BOOST_TEST(repartition_problem(checkpoint, moved) == "its counters are not the checkpoint's");
}

// ... before it takes the place of what was there.
BOOST_AUTO_TEST_CASE(what_is_not_liked_is_not_put_in_place) {
  const JudgedRun run(saving(zero1, 1));
  const TemporaryFolder folder;
  const std::string file = folder / "model.safetensors", moved = folder / "moved";
  write_text(file, "earlier");
  const Scenario scenario = sweep_scenario(zero1);
  const auto dislike = [](const std::string& path) {
    BOOST_TEST(std::filesystem::exists(path), path);
    throw std::runtime_error("no");
  };
  const Checkpoint checkpoint(saved(run, 1));

  BOOST_CHECK_THROW(write_consolidated(checkpoint, file, {}, dislike), std::runtime_error);
  BOOST_CHECK_THROW(repartition(checkpoint, real::checked_program(scenario), origin_of(scenario),
                                moved, {}, dislike),
                    std::runtime_error);

  BOOST_TEST(read_text(file) == "earlier");
  BOOST_TEST(!std::filesystem::exists(moved));
  BOOST_TEST(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

BOOST_AUTO_TEST_CASE(the_judge_deals_out_the_samples_that_the_engine_counts) {
  for (const char* name : {"tiny-bias-tp2-dp2-zero1-bf16", "sgd-nesterov-tp1-dp3-zero1-bf16",
                           "padding-tp1-dp3-zero0-fp64"}) {
    Scenario scenario = sweep_scenario(name, 4);
    scenario.first_step = 1;
    const Batches engine(scenario);
    GivenSamples judge(scenario);
    SeenSamples seen;
    for (int step = 1; step < scenario.steps; ++step)
      for (int micro = 0; micro < scenario.training.accumulation; ++micro) {
        std::vector<std::int64_t> all;
        for (int dp = 0; dp < scenario.data_parallel(); ++dp)
          for (const std::int64_t token : engine.tokens(StepIndex{step}, MicroStep{micro}, dp))
            all.push_back(token);
        const std::vector<std::int64_t> given = judge.next_micro_step();
        BOOST_TEST(given == all, name);
        if (judge.must_differ()) {
          BOOST_TEST(seen.are_new(given, scenario.data.sequence));
          BOOST_TEST(!seen.are_new(given, scenario.data.sequence));
        }
      }
  }
}

BOOST_AUTO_TEST_CASE(few_samples_may_be_alike_by_chance) {
  Scenario scenario = sweep_scenario("inference-llama-tp2-dp2-bf16");
  BOOST_TEST(GivenSamples(scenario).must_differ());
  scenario.data.sequence = 2;
  BOOST_TEST(!GivenSamples(scenario).must_differ());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
