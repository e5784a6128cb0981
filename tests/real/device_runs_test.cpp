// What a run does with a device: it refuses one that lacks kernels, and says which op gave it data
// that have no meaning.
#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "real/cpu/device.hpp"
#include "real/run/rank_run.hpp"
#include "real/run/run_op.hpp"
#include "scenarios/errors.hpp"
#include "sim/communicator.hpp"
#include "sim/simulate.hpp"
#include "tests/support/scenario_runs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {
namespace {

// The CPU without the kernels of some kinds.
class Lacking : public real::CpuDevice {
 public:
  explicit Lacking(const std::vector<OpKind>& kinds) : table_({rows_without(kinds)}) {}
  const char* name() const override { return "lacking"; }
  const real::KernelTable& kernels() const override { return table_; }

 private:
  std::span<const real::KernelRow> rows_without(const std::vector<OpKind>& kinds) {
    for (const OpRow& row : op_table())
      if (std::ranges::find(kinds, row.kind) == kinds.end())
        if (const real::Kernel kernel = CpuDevice::kernels().find(row.kind))
          rows_.push_back({row.kind, kernel});
    return rows_;
  }
  std::vector<real::KernelRow> rows_;
  real::KernelTable table_;
};

bool says(const std::exception& error, const std::string& part) {
  return std::string(error.what()).find(part) != std::string::npos;
}

BOOST_AUTO_TEST_SUITE(device_runs)

BOOST_AUTO_TEST_CASE(a_device_without_kernels_of_a_program_is_refused_by_all_their_names) {
  const Scenario scenario = on_grid(sweep("tiny-gqa-tp2-dp2-zero1-fp64"), {1, 1, 0});
  const Program program = real::checked_program(scenario);
  Lacking device({OpKind::swiglu, OpKind::gelu, OpKind::accumulate});
  const real::Inputs inputs(scenario);
  sim::Rendezvous rendezvous(program.grid(), scenario.reduction);
  sim::SimCommunicator communicator(rendezvous, Rank{0}, device);
  const TemporaryFolder folder;

  BOOST_CHECK_EXCEPTION(
      real::RankRun({scenario, program, inputs, Execution::sim, folder / "t", Rank{0}}, device,
                    communicator, {}),
      ScenarioError, [](const ScenarioError& error) {
        return says(error, "\"lacking\" has no kernel for swiglu, accumulate");
      });
  BOOST_TEST(!std::filesystem::exists(folder / "t"));
  BOOST_CHECK_NO_THROW(real::expect_kernels(real::CpuDevice(), program));
}

// ZeRO 2 adds slices of buckets by the kernel of another kind.
BOOST_AUTO_TEST_CASE(an_op_that_calls_a_kernel_of_another_kind_needs_that_one) {
  BOOST_TEST((real::kernel_of(OpKind::accumulate_slices) == OpKind::accumulate));
  BOOST_TEST((real::kernel_of(OpKind::matmul) == OpKind::matmul));
  for (const OpKind kind :
       {OpKind::load_tokens, OpKind::zero, OpKind::shard_slice, OpKind::all_gather, OpKind::wait})
    BOOST_TEST(!real::kernel_of(kind).has_value(), name_of(kind));
}

BOOST_AUTO_TEST_CASE(a_token_outside_the_vocabulary_ends_the_run_by_the_name_of_its_op) {
  Scenario scenario = on_grid(sweep("tiny-gqa-tp2-dp2-zero1-fp64"), {1, 1, 0});
  Injection injection;
  injection.edit = EditKind::set;
  injection.op = "data/data/load_tokens";
  injection.index = {0, 1};
  injection.value = "999999";
  scenario.inject = {injection};
  const TemporaryFolder folder;

  BOOST_CHECK_EXCEPTION(
      sim::simulate(scenario, folder / "t"), InvariantError, [](const InvariantError& error) {
        return says(error, "embed_tokens/forward/embedding: token 999999 is not in [0, ");
      });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
