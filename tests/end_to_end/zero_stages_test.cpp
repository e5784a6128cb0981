// The stages of ZeRO through the whole program: judged, and in sim and in real bit for bit equal where they
// must be (DESIGN section 4).
#include <boost/test/unit_test.hpp>

#include "tests/end_to_end/program.hpp"
#include "tests/support/trace_differences.hpp"

namespace shardproof::tests {
namespace {

/// Runs three steps of TP 2 x DP 2 in bf16 and returns the folder of the result.
std::string run_stage(const TemporaryFolder& folder, const std::string& zero, int micro_steps) {
  JsonValue scenario = catalog_scenario("tiny-bias-tp2-dp2-zero1-bf16");
  JsonValue* deepspeed = scenario.find("deepspeed");
  deepspeed->set("zero_optimization", parse_json(zero, "zero"));
  deepspeed->set("gradient_accumulation_steps", micro_steps);
  scenario.set("steps", 3).set("name", "run");
  const ProgramRun run = run_scenario(scenario, folder.path().string());
  BOOST_REQUIRE_MESSAGE(run.exit_code == 0, run.err << run.out);
  BOOST_TEST(run.outcome("op_local") == "pass");
  return folder / "out/run";
}

int different(const std::string& a, const std::string& b, const std::string& name) {
  int found = 0;
  for (const char* execution : {"/sim", "/real"}) {
    const Differences in = differences(a + execution, b + execution, name);
    BOOST_TEST(in.compared > 100);
    found += in.different;
  }
  return found;
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

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
