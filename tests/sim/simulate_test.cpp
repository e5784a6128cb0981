#include "sim/simulate.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "scenarios/errors.hpp"
#include "scenarios/trace/collective_failure.hpp"
#include "scenarios/trace/trace.hpp"
#include "tests/support/injections.hpp"
#include "tests/support/scenario_runs.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/trace_differences.hpp"

namespace shardproof::tests {
namespace {

BOOST_AUTO_TEST_SUITE(simulate)

BOOST_AUTO_TEST_CASE(twice_gives_identical_files) {
  const Scenario scenario = sweep("tiny-bias-tp2-dp2-zero1-bf16");
  const TemporaryFolder first;
  const TemporaryFolder second;

  BOOST_REQUIRE(sim::simulate(scenario, first.path().string()));
  BOOST_REQUIRE(sim::simulate(scenario, second.path().string()));
  for (const TemporaryFolder* folder : {&first, &second}) write_master(folder->path().string());

  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(first.path())) {
    const std::string name = entry.path().filename().string();
    BOOST_CHECK_MESSAGE(bytes_of_file(entry.path()) == bytes_of_file(second.path() / name), name);
    ++files;
  }
  BOOST_CHECK_EQUAL(files, scenario.world() + 1);  // the ranks' files and the master
}

const std::vector<Grid> grids{{1, 1, 0}, {1, 1, 1}, {2, 1, 1}, {1, 2, 0}, {1, 2, 1}, {2, 2, 0},
                              {2, 2, 1}, {4, 1, 0}, {1, 3, 0}, {1, 3, 1}, {1, 4, 1}, {2, 4, 1},
                              {1, 1, 2}, {2, 1, 2}, {2, 2, 2}, {1, 3, 2}, {2, 4, 2}};

BOOST_AUTO_TEST_CASE(every_grid_runs_to_its_end) {
  for (const Grid& grid : grids) {
    const Scenario scenario = on_grid(
        sweep(grid.tp == 4 ? "tiny-tp4-dp1-zero0-fp32" : "tiny-gqa-tp2-dp2-zero1-fp64"), grid);
    const TemporaryFolder folder;
    BOOST_TEST_CONTEXT(scenario.name) {
      BOOST_REQUIRE(sim::simulate(scenario, folder.path().string()));
      const TraceReader reader(folder.path().string());
      BOOST_CHECK_EQUAL(reader.world(), grid.tp * grid.dp);
      BOOST_CHECK(reader.datasets().contains("/step/000001/parameter/lm_head.weight"));
    }
  }
}

// DESIGN section 4: stages 0 and 1 divide at different places, which is exact if D is a power of
// two (and nothing is subnormal), and is not if D is 3.
BOOST_AUTO_TEST_CASE(zero_0_and_1_agree_in_bits_over_two_replicas_and_not_over_three) {
  const auto run = [](int dp, int zero, const std::string& folder) {
    BOOST_REQUIRE(
        sim::simulate(on_grid(sweep("tiny-bias-tp2-dp2-zero1-bf16"), {2, dp, zero}), folder));
  };
  for (const int dp : {2, 3}) {
    const TemporaryFolder stage0;
    const TemporaryFolder stage1;
    run(dp, 0, stage0.path().string());
    run(dp, 1, stage1.path().string());

    const Differences gradients =
        differences(stage0.path().string(), stage1.path().string(), "gradient/");
    const Differences parameters =
        differences(stage0.path().string(), stage1.path().string(), "parameter/");

    BOOST_TEST_CONTEXT("dp = " << dp) {
      BOOST_CHECK_GT(gradients.compared, 100);
      if (dp == 2) {
        BOOST_CHECK_EQUAL(gradients.different, 0);
        BOOST_CHECK_EQUAL(parameters.different, 0);
      } else {
        BOOST_CHECK_GT(gradients.different, 0);
      }
    }
  }
}

// A ring's order depends on where in the bucket an element lies; that of rank_order does not.
BOOST_AUTO_TEST_CASE(bucket_size_changes_bits_of_a_ring_of_three_only) {
  for (const ReductionOrder order : {ReductionOrder::ring, ReductionOrder::rank_order}) {
    Scenario one_bucket = on_grid(sweep("tiny-bias-tp2-dp2-zero1-bf16"), {1, 3, 1});
    one_bucket.reduction = order;
    Scenario many_buckets = one_bucket;
    many_buckets.parallel.reduce_bucket_size = 1000;
    const TemporaryFolder one;
    const TemporaryFolder many;

    BOOST_REQUIRE(sim::simulate(one_bucket, one.path().string()));
    BOOST_REQUIRE(sim::simulate(many_buckets, many.path().string()));

    const int different =
        differences(one.path().string(), many.path().string(), "gradient/").different;
    if (order == ReductionOrder::ring)
      BOOST_CHECK_GT(different, 0);
    else
      BOOST_CHECK_EQUAL(different, 0);
  }
}

BOOST_AUTO_TEST_CASE(an_all_reduce_dropped_on_one_rank_is_a_mismatch_that_names_it) {
  const std::string op = "model.layers.1.self_attn.o_proj/forward/all_reduce";
  for (const int rank : {0, 1, 3}) {
    Scenario scenario = sweep("tiny-bias-tp2-dp2-zero1-bf16");
    scenario.inject = {inject("drop", op, {rank})};
    const TemporaryFolder folder;

    BOOST_CHECK(!sim::simulate(scenario, folder.path().string()));

    const auto failure = read_collective_failure(folder.path().string());
    BOOST_REQUIRE(failure.has_value());
    BOOST_CHECK_EQUAL(failure->kind, "mismatch");
    BOOST_CHECK_EQUAL(failure->op, op);
    BOOST_TEST((failure->phase == Phase::forward));
    BOOST_CHECK(failure->ranks == std::vector<int>{rank});
    BOOST_CHECK(failure->moment == (Moment{Moment::Stage::step, 0, 0}));
    BOOST_CHECK_NE(failure->report.find("rank " + std::to_string(rank ^ 1)), std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_bucket_reduced_by_one_replica_only_is_a_mismatch_that_names_the_other) {
  Scenario scenario = sweep("tiny-bias-tp2-dp2-zero1-bf16");
  scenario.inject = {inject("drop", "bucket_0/reduce/all_reduce", {2})};
  scenario.inject[0].steps = {1};
  const TemporaryFolder folder;

  BOOST_CHECK(!sim::simulate(scenario, folder.path().string()));

  const auto failure = read_collective_failure(folder.path().string());
  BOOST_REQUIRE(failure.has_value());
  BOOST_CHECK_EQUAL(failure->op, "bucket_0/reduce/all_reduce");
  BOOST_TEST((failure->phase == Phase::reduce));
  BOOST_CHECK(failure->ranks == std::vector<int>{2});
  BOOST_CHECK(failure->moment == (Moment{Moment::Stage::step, 1, -1}));
}

BOOST_AUTO_TEST_CASE(a_step_with_a_nan_gradient_is_skipped_by_all_ranks) {
  Scenario scenario = sweep("tiny-bias-tp2-dp2-zero1-bf16");
  Injection nan = inject("set", "model.norm/backward/rms_norm_backward_weight", {1});
  nan.value = "nan";
  nan.steps = {0};
  scenario.inject = {nan};
  const TemporaryFolder folder;

  BOOST_REQUIRE(sim::simulate(scenario, folder.path().string()));

  const TraceReader reader(folder.path().string());
  BOOST_CHECK(!reader.datasets().contains("/step/000000/parameter/lm_head.weight"));
  BOOST_REQUIRE(reader.datasets().contains("/step/000001/parameter/lm_head.weight"));
  // The first update that is applied is Adam's first: c1 = 1 - beta1.
  double c1 = 0;
  decode(Dtype::fp32, stored(reader, "/step/000001/scalar/bias_correction1", 0), std::span(&c1, 1));
  BOOST_CHECK_EQUAL(
      c1, static_cast<double>(static_cast<float>(1.0 - scenario.training.optimizer.beta1)));
}

BOOST_AUTO_TEST_CASE(an_injection_that_names_no_op_is_refused_with_a_suggestion) {
  Scenario scenario = sweep("tiny-bias-tp2-dp2-zero1-bf16");
  scenario.inject = {inject("drop", "model.layers.1.self_attn.o_proj/forward/allreduce")};
  const TemporaryFolder folder;

  BOOST_CHECK_EXCEPTION(sim::simulate(scenario, folder.path().string()), ScenarioError,
                        [](const ScenarioError& error) {
                          return std::string(error.what()).find("/all_reduce\"") !=
                                 std::string::npos;
                        });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
