// The stages of ZeRO through the whole program: judged, and bit for bit equal where they must be
// (DESIGN section 4).
#include <boost/test/unit_test.hpp>

#include "scenarios/dtype.hpp"
#include "scenarios/trace/trace.hpp"
#include "tests/end_to_end/program.hpp"
#include "tests/support/trace_differences.hpp"

namespace shardproof::tests {
namespace {

/// Runs three steps of TP 2 x DP 2 in bf16 and returns the folder of the result. Where
/// communication overlaps, real waits otherwise than sim, and runs too: with the same bits.
std::string run_stage(const TemporaryFolder& folder, const std::string& zero, int micro_steps) {
  JsonValue scenario = sweep_json("tiny-bias-tp2-dp2-zero1-bf16");
  JsonValue* deepspeed = scenario.find("deepspeed");
  deepspeed->set("zero_optimization", parse_json(zero, "zero"));
  deepspeed->set("gradient_accumulation_steps", micro_steps);
  scenario.set("steps", 3).set("name", "run");
  const bool overlaps = deepspeed->find("zero_optimization")->find("overlap_comm") != nullptr;
  const ProgramRun run =
      run_scenario(overlaps ? scenario : simulated(scenario), folder.path().string());
  BOOST_REQUIRE_MESSAGE(run.exit_code == 0, run.err << run.out);
  BOOST_TEST(run.outcome("op_local") == "pass");
  BOOST_TEST(run.outcome("sim_real") == (overlaps ? "pass" : "not_run"));
  return folder / "out/run/sim";
}

double beta1_of(const JsonValue& scenario) {
  const JsonValue* params = scenario.find("deepspeed")->find("optimizer")->find("params");
  const JsonValue* betas = params->find("betas");
  return betas ? betas->elements.at(0).number : 0.9;
}

int different(const std::string& a, const std::string& b, const std::string& name) {
  const Differences in = differences(a, b, name);
  BOOST_TEST(in.compared > 100);
  return in.different;
}

BOOST_AUTO_TEST_SUITE(zero_stages)

BOOST_AUTO_TEST_CASE(all_stages_agree_in_bits_for_one_micro_step) {
  const TemporaryFolder a, b, c;
  const std::string zero_0 = run_stage(a, R"({"stage": 0})", 1);
  const std::string zero_1 = run_stage(b, R"({"stage": 1, "reduce_bucket_size": 1500})", 1);
  const std::string zero_2 = run_stage(c, R"({"stage": 2, "overlap_comm": true})", 1);

  BOOST_TEST(different(zero_0, zero_1, "parameter/") == 0);
  BOOST_TEST(different(zero_1, zero_2, "parameter/") == 0);
}

BOOST_AUTO_TEST_CASE(stages_1_and_2_differ_for_two_micro_steps_and_overlap_changes_nothing) {
  const TemporaryFolder a, b, c;
  const std::string zero_1 = run_stage(a, R"({"stage": 1})", 2);
  const std::string zero_2 = run_stage(b, R"({"stage": 2, "reduce_bucket_size": 1500})", 2);
  const std::string overlapped =
      run_stage(c, R"({"stage": 2, "reduce_bucket_size": 1500, "overlap_comm": true})", 2);

  BOOST_TEST(different(zero_1, zero_2, "parameter/") > 0);
  BOOST_TEST(different(zero_2, overlapped, "") == 0);
}

// One rank's NaN keeps everyone from updating, over MPI as in sim, and in every stage: the step
// after it begins with the weights that this one began with.
BOOST_AUTO_TEST_CASE(a_step_that_is_not_finite_is_skipped_by_all_ranks_in_bf16_and_fp32) {
  for (const char* name :
       {"tiny-bias-tp2-dp2-zero1-bf16", "tiny-bias-tp2-dp2-zero0-fp32-rank_order"})
    for (const int stage : {0, 1, 2}) BOOST_TEST_CONTEXT(name << ", stage " << stage) {
        JsonValue scenario = sweep_json(name);
        scenario.find("deepspeed")->find("zero_optimization")->set("stage", stage);
        scenario.set("steps", 2).set("name", "run").set("overflow", "expected");
        scenario.set("inject", parse_json(R"([{"edit": "set", "value": "nan", "ranks": [3],
            "op": "model.norm/backward/rms_norm_backward_weight", "steps": [0]}])",
                                          "inject"));
        const TemporaryFolder folder;

        run_scenario(scenario, folder.path().string());

        for (const char* execution : {"/sim", "/real"}) {
          const TraceReader trace(folder / ("out/run" + std::string(execution)));
          const auto& flags = trace.datasets().at("/step/000000/scalar/nonfinite");
          BOOST_TEST(flags.size() == 4U);
          for (const StoredDataset& flag : flags)
            BOOST_TEST(flag.info.hash == flags.front().info.hash);
          for (const auto& [path, holders] : trace.datasets()) {
            BOOST_TEST(!path.starts_with("/step/000000/parameter"), path);
            BOOST_TEST(!path.starts_with("/step/000000/optimizer"), path);
          }
          const auto& updated = trace.datasets().at("/step/000001/parameter/lm_head.weight");
          BOOST_TEST(updated.size() == 4U);
          const auto& correction = trace.datasets().at("/step/000001/scalar/bias_correction1");
          double c1 = 0;  // Adam's first update
          decode(Dtype::fp32, trace.read(correction.front()), {&c1, 1});
          BOOST_TEST(c1 == round_to(Dtype::fp32, 1 - beta1_of(scenario)));
        }
      }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
