// The engine for GPUs through the whole program, on simulated ones: it passes, its bits depend on
// no schedule, and what it proves is said. And tier "off", which proves nothing.
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <map>

#include "scenarios/trace/trace.hpp"
#include "tests/end_to_end/program.hpp"
#include "tests/support/trace_differences.hpp"

namespace shardproof::tests {
namespace {

const std::string zero_1 = "tiny-gqa-tp2-dp2-zero1-fp64";
const std::string zero_2 = "llama-tp2-dp2-zero2-bf16";

JsonValue words(const char* json) { return parse_json(json, "test"); }

JsonValue on_simulated_gpus(const std::string& name, const std::string& schedule = "latest") {
  return sweep_json(name)
      .set("name", "run")
      .set("steps", 1)
      .set("reduction", "library")
      .set("real", "cuda_simulated")
      .set("gpu_schedule", schedule);
}

/// The contents of all files of a folder but the manifest, which names the run.
std::map<std::string, std::string> contents(const std::string& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename() == "manifest.json") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    contents[entry.path().filename()] = {std::istreambuf_iterator<char>(file), {}};
  }
  return contents;
}

BOOST_AUTO_TEST_SUITE(cuda_simulated)

BOOST_AUTO_TEST_CASE(a_pass_says_that_the_hardware_was_simulated) {
  const TemporaryFolder folder;

  const ProgramRun run = run_scenario(on_simulated_gpus(zero_1), folder.path().string());

  BOOST_REQUIRE_MESSAGE(run.exit_code == 0, run.err << run.out);
  const std::string sentence =
      "simulated GPUs: this proves the code's logic, and nothing about any GPU";
  BOOST_TEST(run.out.find(sentence) != std::string::npos, run.out);
  BOOST_TEST(run.summary.find("hardware_simulated")->boolean);
  const JsonValue& environment = *run.summary.find("environment");
  BOOST_TEST(environment.find("device")->text == "simulated GPU");
  BOOST_TEST(environment.find("gpu_schedule")->text == "latest");
  for (const char* library : {"driver", "cuda", "cublas", "nccl"})
    BOOST_TEST(environment.find(library)->text.starts_with("simulated"), library);
  BOOST_TEST(run.outcome("sim_real") == "not_run");

  const TraceReader reader(folder / "out/run/real");
  int products = 0;
  for (const auto& [name, value] : reader.header().settings)
    products += name.starts_with("cublaslt fp64 ") && value.find("split-K 1") != std::string::npos;
  BOOST_TEST(products > 5);
}

BOOST_AUTO_TEST_CASE(no_bit_depends_on_when_a_gpu_does_its_work) {
  const TemporaryFolder a;
  const auto alone = words(R"(["real"])");
  const ProgramRun latest =
      run_scenario(on_simulated_gpus(zero_2).set("executions", alone), a.path().string());
  BOOST_REQUIRE_MESSAGE(latest.exit_code == 0, latest.err << latest.out);
  for (const std::string schedule : {"earliest", "random:1"}) {
    const TemporaryFolder b;
    const ProgramRun other = run_scenario(
        on_simulated_gpus(zero_2, schedule).set("executions", alone), b.path().string());
    BOOST_REQUIRE_MESSAGE(other.exit_code == 0, other.err << other.out);
    const Differences in = differences(a / "out/run/real", b / "out/run/real", "", "/");
    BOOST_TEST(in.compared > 1000);
    BOOST_TEST(in.different == 0, schedule);
  }
}

BOOST_AUTO_TEST_CASE(with_the_tier_off_nothing_is_recorded_and_no_bit_is_another) {
  for (const char* real : {"mpi", "cuda_simulated"}) {
    JsonValue scenario = real == std::string("mpi")
                             ? sweep_json(zero_2).set("name", "run").set("steps", 1)
                             : on_simulated_gpus(zero_2);
    scenario.set("executions", words(R"(["real"])"));
    scenario.set("checkpoint", words(R"({"save_after": [1]})"));
    const TemporaryFolder a, b;
    const ProgramRun full = run_scenario(scenario, a.path().string());
    BOOST_REQUIRE_MESSAGE(full.exit_code == 0, full.err << full.out);
    const ProgramRun off =
        run_scenario(scenario.set("trace", words(R"({"tier": "off"})")), b.path().string());

    BOOST_TEST(off.exit_code == 2, off.err << off.out);
    BOOST_TEST(off.out.find("nothing was recorded") != std::string::npos, off.out);
    BOOST_TEST(off.summary.find("verdict")->text == "unknown");
    const std::string saved = "out/run/real/checkpoints/step-000001";
    BOOST_TEST(contents(a / saved).size() >= 4U);
    BOOST_TEST((contents(a / saved) == contents(b / saved)), real);
  }
}

BOOST_AUTO_TEST_CASE(a_gpu_that_is_not_there_is_named_before_the_run) {
  const TemporaryFolder folder;

  const ProgramRun run = run_scenario(
      sweep_json(zero_1).set("name", "run").set("reduction", "library").set("real", "cuda"),
      folder.path().string());

  if (run.exit_code == 0) return;  // there is one
  BOOST_TEST(run.exit_code == 3);
  BOOST_TEST((run.err.find("there is no GPU here") != std::string::npos ||
              run.err.find("built without CUDA") != std::string::npos),
             run.err);
  BOOST_TEST(!std::filesystem::exists(folder / "out/run"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
