// Which runs agree bit for bit whatever their stage of ZeRO, and which do not (DESIGN section 4):
// each condition on both of its sides, over three steps.
#include <boost/test/unit_test.hpp>

#include "sim/simulate.hpp"
#include "tests/support/scenario_runs.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/trace_differences.hpp"

namespace shardproof::tests {
namespace {

/// A simulated run, kept until the test ends.
class Run {
 public:
  explicit Run(Scenario scenario) {
    scenario.steps = 3;
    BOOST_REQUIRE(sim::simulate(scenario, folder_.path().string()));
  }
  std::string folder() const { return folder_.path().string(); }

 private:
  TemporaryFolder folder_;
};

Scenario stage(int zero, int dp, int micro_steps) {
  Scenario scenario = on_grid(sweep("tiny-bias-tp2-dp2-zero1-bf16"), {2, dp, zero});
  scenario.training.accumulation = micro_steps;
  return scenario;
}

int different(const Run& a, const Run& b, const std::string& name = "parameter/") {
  const Differences found = differences(a.folder(), b.folder(), name);
  BOOST_TEST(found.compared > 100);
  return found.different;
}

BOOST_AUTO_TEST_SUITE(zero_stages)

BOOST_AUTO_TEST_CASE(all_stages_agree_over_two_replicas_and_one_micro_step) {
  const Run zero_0(stage(0, 2, 1)), zero_1(stage(1, 2, 1)), zero_2(stage(2, 2, 1));

  BOOST_TEST(different(zero_0, zero_1) == 0);
  BOOST_TEST(different(zero_1, zero_2) == 0);
  BOOST_TEST(different(zero_1, zero_2, "optimizer/") == 0);  // the same slices
}

// Stage 2 rounds the mean of each micro-step, stage 1 the sum of a replica's micro-steps.
BOOST_AUTO_TEST_CASE(stages_1_and_2_differ_in_bits_over_two_micro_steps) {
  const Run zero_0(stage(0, 2, 2)), zero_1(stage(1, 2, 2)), zero_2(stage(2, 2, 2));

  BOOST_TEST(different(zero_0, zero_1) == 0);
  BOOST_TEST(different(zero_1, zero_2) > 0);
}

// A third is not a power of two: before and after the sum it is rounded differently.
BOOST_AUTO_TEST_CASE(stages_0_and_1_differ_in_bits_over_three_replicas_and_1_and_2_do_not) {
  const Run zero_0(stage(0, 3, 1)), zero_1(stage(1, 3, 1)), zero_2(stage(2, 3, 1));

  BOOST_TEST(different(zero_0, zero_1) > 0);
  BOOST_TEST(different(zero_1, zero_2) == 0);
}

// A ring's order depends on where in the bucket an element lies; that of rank_order does not.
BOOST_AUTO_TEST_CASE(bucket_size_changes_the_bits_of_stage_2_over_a_ring_of_four_only) {
  for (const ReductionOrder order : {ReductionOrder::ring, ReductionOrder::rank_order}) {
    Scenario one_bucket = stage(2, 4, 2), many_buckets = one_bucket;
    one_bucket.parallel.reduce_bucket_size = 1'000'000;
    one_bucket.reduction = many_buckets.reduction = order;
    const Run one(one_bucket), many(many_buckets);

    BOOST_TEST((different(one, many) > 0) == (order == ReductionOrder::ring), name_of(order));
  }
}

BOOST_AUTO_TEST_CASE(overlap_changes_no_bit_of_anything_recorded) {
  for (const int zero : {1, 2}) {
    Scenario scenario = stage(zero, 3, 2);
    const Run one_by_one(scenario);
    scenario.parallel.overlap_comm = true;
    const Run overlapped(scenario);

    BOOST_TEST(different(one_by_one, overlapped, "") == 0);
  }
}

// Who owns what changes with the order of the vector, and no number does: the norm is summed in
// fp64 in another order, but rounded to fp32.
BOOST_AUTO_TEST_CASE(owners_that_take_turns_hold_other_slices_and_give_the_same_parameters) {
  for (const int zero : {1, 2}) {
    Scenario scenario = stage(zero, 2, 2);
    const Run in_order(scenario);
    scenario.parallel.round_robin_gradients = true;
    const Run in_turn(scenario);

    BOOST_TEST(different(in_order, in_turn) == 0);
    BOOST_TEST(different(in_order, in_turn, "optimizer/") > 0);  // by rank: other slices
  }
}

// Each distinct parameter counts once, whichever group and slice it lies in, and however many TP
// ranks hold a replica of it: embeddings and norms are whole on both.
BOOST_AUTO_TEST_CASE(the_norm_does_not_depend_on_groups_or_stages_and_is_the_same_on_all_ranks) {
  std::vector<double> norms;
  for (const int zero : {0, 1, 2})
    for (const bool grouped : {false, true}) {
      Scenario scenario = stage(zero, 2, 1);
      scenario.training.working = Dtype::fp32;
      if (grouped) scenario.parameter_groups = {{{".*norm.*"}, 0.0}, {{".*bias"}, 0.5}};
      const Run run(scenario);
      const TraceReader reader(run.folder());
      const auto& copies = reader.datasets().at("/step/000000/scalar/grad_norm");
      BOOST_TEST(copies.size() == 4u);
      for (const StoredDataset& copy : copies)
        BOOST_TEST(copy.info.hash == copies.front().info.hash);
      decode(Dtype::fp32, reader.read(copies.front()), {&norms.emplace_back(), 1});
    }
  for (const double norm : norms)
    BOOST_TEST(norm == norms.front(), boost::test_tools::tolerance(1e-6));
}

// In the first step, before the weights have parted, only those of the group are updated otherwise.
BOOST_AUTO_TEST_CASE(a_group_decays_by_its_own_factor) {
  Scenario scenario = stage(0, 2, 1);
  const Run all(scenario);
  scenario.parameter_groups = {{{"model.norm"}, 0.0}};
  const Run but_the_norm(scenario);
  const TraceReader a(all.folder()), b(but_the_norm.folder());
  const auto equal = [&](const std::string& parameter) {
    const std::string path = "/step/000000/optimizer/" + parameter + "/master";
    return stored(a, path, 0) == stored(b, path, 0);
  };

  BOOST_TEST(!equal("model.norm.weight"));
  BOOST_TEST(equal("lm_head.weight"));
  BOOST_TEST(equal("model.layers.0.mlp.down_proj.bias"));
}

BOOST_AUTO_TEST_CASE(replicas_of_a_parameter_are_equal_after_every_step_in_every_stage) {
  for (const int zero : {0, 1, 2}) {
    const Run run(stage(zero, 3, 2));
    const TraceReader reader(run.folder());
    for (int step = 0; step < 3; ++step) {
      const std::string path =
          folder_of({Moment::Stage::step, step, -1}) + "/parameter/model.norm.weight";
      const auto& copies = reader.datasets().at(path);
      BOOST_TEST(copies.size() == 6u);
      for (const StoredDataset& copy : copies)
        BOOST_TEST(copy.info.hash == copies.front().info.hash);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
