// Kernels that are broken on purpose, in one step of one rank: the judge, or the GPU itself, names
// the op. Built for the simulated GPU and for real ones, where a broken kernel may do no harm.
#include "tests/gpu/planted_kernels.hpp"

#include <boost/test/unit_test.hpp>

#include "real/run/rank_run.hpp"
#include "reference/run/training.hpp"
#include "reports/judge.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/trace/scenario_header.hpp"
#include "tests/support/mpi_main.hpp"
#include "tests/support/temporary_folder.hpp"
#ifdef SHARDPROOF_SIMULATED_GPU
#include "sim/gpu/runtime.hpp"
#else
#include "tests/contracts/needs_gpu.hpp"
#endif

namespace shardproof::tests {
namespace {

/// One step of fp32 in several buckets. Of the 160 elements that are added, 32 are left for the
/// second block; of the 250 of the activation, two for the last vector.
Scenario one_step() {
  return read_scenario(
      "../scenarios/catalog/gpu/gpu-llama-tp1-dp1-zero1-bf16.json",
      {"executions=[\"reference\", \"real\"]", "steps=1", "zero_optimization.stage=2",
       "bf16.enabled=false", "train_micro_batch_size_per_gpu=2", "gradient_accumulation_steps=1",
       "data.sequence=5", "num_hidden_layers=1", "intermediate_size=25"});
}

void execute(const Scenario& scenario, const std::string& folder,
             std::optional<PlantedKernel> planted) {
  const Program program = real::checked_program(scenario);
  const real::Inputs inputs(scenario);
  const real::Machine machine =
      real::SHARDPROOF_GPU::planted_machine(mpi_process(), program.grid(), planted);
  real::RankRun run({scenario, program, inputs, Execution::real, folder, Rank{0}}, *machine.device,
                    *machine.communicator, {});
  while (!run.runner().advance()) {
  }
  run.executor().synchronize();
  run.close();
  write_master(folder);
}

/// What the verdict says of it, or the error that the run ended with.
struct Seen {
  reports::Conclusion conclusion = reports::Conclusion::error;
  std::string op, error;
};

/// After a run that ended with an error a simulated GPU can be had anew, a real one in another
/// process only.
void renew_gpu() {
#ifdef SHARDPROOF_SIMULATED_GPU
  sim::gpu::reset();
#endif
}

Seen run(std::optional<PlantedKernel> planted) {
  renew_gpu();
  const Scenario scenario = one_step();
  const TemporaryFolder folder;
  try {
    execute(scenario, folder / "real", planted);
  } catch (const std::exception& error) {
    return {reports::Conclusion::error, "", error.what()};
  }
  reference::run_reference(scenario, header_of(scenario, Execution::reference),
                           folder / "reference");
  const reports::Verdict verdict =
      reports::judge({scenario, folder / "reference", {{"real", folder / "real"}}, {}});
  return {verdict.conclusion, verdict.first_divergence ? verdict.first_divergence->op : "", ""};
}

/// `finding` is what the simulated GPU says; "" if it leaves the matter to the judge. A real one
/// has words of its own, or none.
void expect_named(PlantedKernel planted, const std::string& op,
                  [[maybe_unused]] const std::string& finding = "") {
  const Seen seen = run(planted);

  BOOST_TEST_MESSAGE("op \"" << seen.op << "\", error \"" << seen.error << "\"");
#ifdef SHARDPROOF_SIMULATED_GPU
  BOOST_TEST(seen.error.empty() == finding.empty(), seen.error);
  BOOST_TEST(seen.error.find(finding) != std::string::npos, seen.error);
#endif
  if (seen.error.empty()) {
    BOOST_CHECK(seen.conclusion == reports::Conclusion::fail);
    BOOST_TEST(seen.op == op);
  } else {
    BOOST_TEST(seen.error.find(op) != std::string::npos, seen.error);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(planted_kernels)

BOOST_AUTO_TEST_CASE(none) {
  const Seen seen = run(std::nullopt);

  BOOST_TEST(seen.error == "");
  BOOST_TEST(seen.op == "");
  BOOST_CHECK(seen.conclusion == reports::Conclusion::pass);
}

BOOST_AUTO_TEST_CASE(a_last_block_that_is_one_short) {
  expect_named(PlantedKernel::add_without_its_last_element, "model.layers.0/forward/add_residual",
               "which was never written");
}

BOOST_AUTO_TEST_CASE(a_barrier_in_a_divergent_branch) {
  expect_named(PlantedKernel::rms_norm_with_a_divergent_barrier,
               "model.layers.0.input_layernorm/forward/rms_norm", "divergent barrier");
}

BOOST_AUTO_TEST_CASE(a_last_vector_that_is_not_full) {
  expect_named(PlantedKernel::swiglu_with_a_full_last_vector, "model.layers.0.mlp/forward/swiglu",
               "kernel swiglu_with_a_full_last_vector_kernel");
}

BOOST_AUTO_TEST_CASE(a_stale_view_of_a_bucket) {
  expect_named(PlantedKernel::accumulate_into_the_first_bucket,
               "bucket_1/reduce/accumulate_slices");
}

BOOST_AUTO_TEST_CASE(a_kernel_on_the_wrong_stream) {
  expect_named(PlantedKernel::swiglu_on_the_wrong_stream, "model.layers.0.mlp/forward/swiglu");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
