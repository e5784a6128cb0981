// Layers cut unevenly, in blocks, and so that a rank holds nothing: the run must be the one of the
// even cut up to rounding, and every check must say so.

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "real/run/rank_run.hpp"
#include "reports/checks/coverage.hpp"
#include "reports/checks/leaves.hpp"
#include "reports/checks/op_local.hpp"
#include "reports/checks/optimizer.hpp"
#include "reports/checks/replicas.hpp"
#include "reports/checks/round_trip.hpp"
#include "reports/traces/assembled_tensor.hpp"
#include "reports/units/unit_walk.hpp"
#include "tests/reports/checks/checks_support.hpp"
#include "tests/support/scenario_runs.hpp"

namespace shardproof::tests {
namespace {

using reports::assemble;
using reports::AssembledTensor;
using reports::Tally;

// What two TP ranks get of the heads (4 of them, 8 wide) and of the 48 features inside the MLP.
struct Cuts {
  const char* name;
  Widths heads;
  Widths inner;
};
const Cuts cuts[] = {
    {"uneven", {{24, 8}}, {{40, 8}}},
    {"in blocks", {{8, 8}, {8, 8}}, {{10, 6}, {1, 31}}},
    {"nothing on one rank", {{32, 0}}, {{48, 0}}},
};
const Grid grids[] = {{2, 1, 0}, {2, 2, 1}, {2, 3, 1}};

// fp64, so that another cut moves results by the rounding of sums only. In rank order, so that the
// sum over dp does not depend on where in a bucket an element lies.
Scenario even(const Grid& grid) {
  Scenario scenario = on_grid(sweep("tiny-bias-tp2-dp1-zero0-fp64"), grid);
  scenario.reduction = ReductionOrder::rank_order;
  return scenario;
}

Scenario uneven(const Cuts& cut, const Grid& grid) {
  Scenario scenario = even(grid);
  for (auto& [module, partition] : scenario.partition.modules)
    if (partition.style != LayerPartition::Style::replicated)
      partition.widths = module.find(".mlp.") == std::string::npos ? cut.heads : cut.inner;
  return scenario;
}

// Weights, masters, moments, gradients: what must be the same tensor however it is cut.
bool is_of_interest(const std::string& path) {
  const std::string name = name_in_folder(path);
  return (name.starts_with("parameter/") || name.starts_with("optimizer/") ||
          name.starts_with("gradient/") || name == "scalar/grad_norm") &&
         name.find("padding") == std::string::npos && path.find("/micro/") == std::string::npos;
}

double largest_difference(const AssembledTensor& a, const AssembledTensor& b) {
  if (a.shape != b.shape) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const double difference = std::fabs(a.values[i] - b.values[i]);
    largest = difference <= largest ? largest : difference;  // a NaN is kept
  }
  return largest;
}

std::vector<Tally> judge(const reports::JudgeContext& context) {
  reports::TensorTable table(context.scenario.world());
  reports::UnitMemo memo;
  reports::WalkFindings walk;
  reports::walk_units(context, *context.engines().at(0), memo, walk, table);
  return {check_leaves(context),          check_coverage(context),  check_replicas(context),
          check_op_local(context, table), check_optimizer(context), check_round_trip(context),
          std::move(walk.plan_units),     std::move(walk.edges),    std::move(walk.continuity)};
}

BOOST_AUTO_TEST_SUITE(checks_uneven)

BOOST_AUTO_TEST_CASE(training_does_not_depend_on_how_the_layers_are_cut) {
  for (const Grid& grid : grids) {
    const JudgedRun expected(even(grid));
    for (const Cuts& cut : cuts) {
      const JudgedRun got(uneven(cut, grid));
      BOOST_REQUIRE(got.finished());
      int compared = 0;
      for (const auto& [path, holders] : expected.trace().reader().datasets()) {
        if (!is_of_interest(path)) continue;
        const AssembledTensor a = assemble(expected.trace().reader(), path, 0);
        const AssembledTensor b = assemble(got.trace().reader(), path, 0);
        BOOST_TEST_CONTEXT(cut.name << ", dp " << grid.dp << ": " << path) {
          BOOST_TEST(b.problem == "");
          BOOST_TEST(largest_difference(a, b) < 1e-9);
        }
        ++compared;
      }
      BOOST_TEST(compared > 100);
    }
  }
}

// In a ring, too, where a parameter that all TP ranks hold lies in another place of each one's
// bucket: its copies stay alike, since it is added in rank order (docs/decisions/0009).
// Nor may they part where the order is a library's, of which sim takes its ring.
BOOST_AUTO_TEST_CASE(every_check_passes_on_uneven_cuts_in_a_ring) {
  for (const Grid& grid : grids)
    for (const Cuts& cut : cuts) {
      Scenario scenario = uneven(cut, grid);
      const bool pinned = &cut != &cuts[0];
      scenario.reduction = pinned ? ReductionOrder::ring : ReductionOrder::library;
      const JudgedRun run(scenario);
      BOOST_REQUIRE(run.finished());
      for (const Tally& tally : judge(run.context())) {
        const auto result = tally.result();
        BOOST_TEST_CONTEXT(cut.name << ", dp " << grid.dp << ": " << result.name) {
          BOOST_TEST(result.reason == "");
          BOOST_TEST(result.failed == 0);
          BOOST_TEST(result.compared > 0);
        }
      }
    }
}

// Of two members there is one sum in any order, and where the cuts are even a place is the same on
// all: there nothing is said, and a ring is a ring.
BOOST_AUTO_TEST_CASE(only_uneven_cuts_in_a_ring_of_three_say_how_replicated_sums_are_made) {
  const auto says = [](Scenario scenario, ReductionOrder order) {
    scenario.reduction = order;
    const Program program = real::checked_program(scenario);
    return std::ranges::any_of(program.segments, [](const Segment& segment) {
      return std::ranges::any_of(segment.ops,
                                 [](const Op& op) { return op.attributes.contains("replicated"); });
    });
  };
  BOOST_TEST(says(uneven(cuts[0], {2, 3, 1}), ReductionOrder::ring));
  BOOST_TEST(!says(uneven(cuts[0], {2, 2, 1}), ReductionOrder::ring));
  BOOST_TEST(says(uneven(cuts[0], {2, 3, 1}), ReductionOrder::library));
  BOOST_TEST(!says(uneven(cuts[0], {2, 3, 1}), ReductionOrder::rank_order));
  BOOST_TEST(!says(even({2, 3, 1}), ReductionOrder::ring));
}

// A state that all TP ranks hold lies in other slices of each one's bucket: who holds wrong
// elements is told by the bytes.
BOOST_AUTO_TEST_CASE(all_that_hold_a_wrong_state_are_named_and_nobody_else) {
  for (const std::vector<int>& planted : {std::vector<int>{}, {1}}) {
    Scenario scenario = uneven(cuts[2], {2, 2, 1});
    scenario.inject = {inject("scale", "optimizer/update/exp_avg", planted)};
    scenario.inject[0].factor = 2;
    const JudgedRun run(scenario);
    BOOST_REQUIRE(run.finished());
    reports::TensorTable table(run.trace().world());

    const Tally tally = check_op_local(run.context(), table);

    int cut_otherwise = 0;
    for (const reports::Failure& failure : tally.failures()) {
      const std::string& path = failure.divergence.tensor;
      if (!path.ends_with("/exp_avg")) continue;
      const auto& copies = run.trace().reader().datasets().at(path);
      std::vector<int> wrong;
      for (const StoredDataset& copy : copies)
        if (element_count(copy.info.regions) > 0 && (planted.empty() || copy.rank == 1))
          wrong.push_back(copy.rank);
      BOOST_TEST(failure.divergence.ranks == wrong, boost::test_tools::per_element());
      for (const StoredDataset& copy : copies)
        cut_otherwise += copy.rank != copies.front().rank &&
                         copy.info.regions != copies.front().info.regions &&
                         overlap(copy.info.regions, copies.front().info.regions);
    }
    BOOST_TEST(cut_otherwise > 0);
  }
}

BOOST_AUTO_TEST_CASE(shards_of_unlike_size_are_not_swapped) {
  Scenario scenario = uneven(cuts[0], {2, 1, 0});
  scenario.inject = {inject("swap_shards", "model.layers.0.mlp.up_proj/data/load_weight")};
  BOOST_CHECK_THROW(JudgedRun{scenario}, ScenarioError);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
