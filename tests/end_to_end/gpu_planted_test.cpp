// What an engine for GPUs gets wrong that no program of ops shows: waits that are left out, work on
// the wrong stream, memory that is given away too early. On a simulated GPU each is wrong every
// time, under the schedule `latest`, and the verdict names the op.
#include <boost/test/unit_test.hpp>

#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

const std::string tp2 = "gpu-qwen3-overlap-tp2-dp1-zero0-fp32";
const std::string dp2 = "gpu-bloom-tp1-dp2-zero2-fp64";

/// Two steps, with something planted in the second.
ProgramRun run_planted(const std::string& name, const std::string& edit, const std::string& op,
                       const TemporaryFolder& folder) {
  JsonValue scenario = read_json("../scenarios/catalog/gpu/" + name + ".json");
  scenario.set("executions", parse_json(R"(["reference", "real"])", "executions")).set("steps", 2);
  if (!edit.empty()) {
    JsonValue inject = JsonValue::object();
    inject.set("edit", edit).set("op", op).set("steps", JsonValue::array().append(1));
    scenario.set("inject", JsonValue::array().append(std::move(inject)));
  }
  return run_scenario(for_its_verdict(scenario), folder.path().string());
}

/// Of a wait it is the collective that it completes which must be named.
void expect_named(const std::string& name, const std::string& edit, const std::string& op) {
  const TemporaryFolder folder;

  const ProgramRun run = run_planted(name, edit, op, folder);

  BOOST_REQUIRE_MESSAGE(run.exit_code == 1, run.exit_code << " " << run.err << run.out);
  BOOST_REQUIRE(run.divergence().is_object());
  BOOST_TEST(run.divergence().find("op")->text == op.substr(0, op.find(".wait")));
  BOOST_TEST(run.divergence().find("execution")->text == "real");
  BOOST_TEST(run.divergence().find("step")->integer == 1);
}

BOOST_AUTO_TEST_SUITE(gpu_planted)

BOOST_AUTO_TEST_CASE(nothing) {
  for (const std::string& name : {tp2, dp2}) {
    const TemporaryFolder folder;

    const ProgramRun run = run_planted(name, "", "", folder);

    BOOST_TEST(run.exit_code == 0, run.err << run.out);
  }
}

BOOST_AUTO_TEST_CASE(a_collective_that_does_not_wait_for_what_was_computed) {
  expect_named(tp2, "drop_wait", "model.layers.0.mlp.down_proj/forward/all_reduce");
}

BOOST_AUTO_TEST_CASE(what_is_computed_without_waiting_for_a_collective) {
  expect_named(tp2, "drop_wait", "model.layers.0.mlp.down_proj/forward/all_reduce.wait");
}

BOOST_AUTO_TEST_CASE(an_optimizer_that_does_not_wait_for_the_gradients) {
  expect_named(dp2, "drop_wait", "bucket_0/reduce/all_reduce.wait");
}

BOOST_AUTO_TEST_CASE(an_op_on_the_wrong_stream) {
  expect_named(tp2, "restream", "model.layers.0.mlp/forward/swiglu");
}

// A column's input gradient is reduced while the weight's gradient is computed, into memory that
// must not be the reduction's.
BOOST_AUTO_TEST_CASE(memory_that_is_reused_while_a_collective_reads_it) {
  expect_named(tp2, "reuse", "model.layers.0.self_attn.q_proj/backward/all_reduce");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
