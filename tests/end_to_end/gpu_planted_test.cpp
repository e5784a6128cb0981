// What an engine for GPUs gets wrong that no program of ops shows: waits that are left out, work on
// the wrong stream, memory that is given away too early. On a simulated GPU each is wrong every time,
// under the schedule `latest`, and the verdict names the op.
#include <boost/test/unit_test.hpp>

#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

const std::string swiglu = "model.layers.0.mlp/forward/swiglu";
const std::string tp_reduce = "model.layers.0.mlp.down_proj/forward/all_reduce";
const std::string dp_reduce = "bucket_0/reduce/all_reduce";

/// Without `edit` nothing is planted.
ProgramRun run_planted(const std::string& edit, const std::string& op,
                       const TemporaryFolder& folder) {
  JsonValue scenario = read_json("../scenarios/catalog/gpu/gpu-llama-tp2-dp2-zero1-bf16.json");
  scenario.set("executions", parse_json(R"(["reference", "real"])", "executions"));
  if (!edit.empty()) {
    JsonValue inject = JsonValue::object();
    inject.set("edit", edit).set("op", op).set("steps", JsonValue::array().append(1));
    scenario.set("inject", JsonValue::array().append(std::move(inject)));
  }
  return run_scenario(scenario, folder.path().string());
}

/// Of the op that is at fault, which is not that of a wait: what it completes is a collective's.
void expect_named(const std::string& edit, const std::string& where, const std::string& op) {
  const TemporaryFolder folder;

  const ProgramRun run = run_planted(edit, where, folder);

  BOOST_REQUIRE_MESSAGE(run.exit_code == 1, run.exit_code << " " << run.err << run.out);
  BOOST_REQUIRE(run.divergence().is_object());
  BOOST_TEST(run.divergence().find("op")->text == op);
  BOOST_TEST(run.divergence().find("execution")->text == "real");
  BOOST_TEST(run.divergence().find("step")->integer == 1);
}

BOOST_AUTO_TEST_SUITE(gpu_planted)

BOOST_AUTO_TEST_CASE(nothing) {
  const TemporaryFolder folder;

  const ProgramRun run = run_planted("", "", folder);

  BOOST_TEST(run.exit_code == 0, run.err << run.out);
}

BOOST_AUTO_TEST_CASE(a_collective_that_does_not_wait_for_what_was_computed) {
  expect_named("drop_wait", tp_reduce, tp_reduce);
}

BOOST_AUTO_TEST_CASE(what_is_computed_without_waiting_for_a_collective) {
  expect_named("drop_wait", tp_reduce + ".wait", tp_reduce);
}

BOOST_AUTO_TEST_CASE(an_optimizer_that_does_not_wait_for_the_gradients) {
  expect_named("drop_wait", dp_reduce + ".wait", dp_reduce);
}

BOOST_AUTO_TEST_CASE(an_op_on_the_wrong_stream) { expect_named("restream", swiglu, swiglu); }

BOOST_AUTO_TEST_CASE(memory_that_is_reused_while_a_collective_reads_it) {
  expect_named("reuse", tp_reduce, tp_reduce);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
