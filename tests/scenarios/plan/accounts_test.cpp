#include "scenarios/plan/accounts.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>

#include "real/lowering/lowering.hpp"
#include "real/run/rank_run.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/plan/lifetimes.hpp"
#include "sim/simulate.hpp"
#include "tests/scenarios/plan/plan_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using namespace shardproof::tests;

namespace {

int count(const Accounts& accounts, Axis axis, const std::string& per, Phase phase) {
  int n = 0;
  for (const CollectiveAccount& collective : accounts.collectives)
    n += collective.group == axis && collective.per == per &&
         collective.origin.find(std::string("/") + name_of(phase) + "/") != std::string::npos;
  return n;
}

constexpr Grid grids[] = {{1, 1, 0}, {2, 1, 0}, {1, 2, 1}, {2, 2, 1}, {2, 2, 0},
                          {1, 3, 1}, {1, 1, 2}, {1, 2, 2}, {2, 2, 2}, {1, 3, 2}};

struct Measured {
  std::vector<std::int64_t> peaks;
  std::int64_t trace_bytes = 0;
  std::int64_t trace_tensors = 0;
};

// Runs every rank in this process and asks its arena; then the trace for what it holds.
Measured measure(const Scenario& scenario) {
  const TemporaryFolder folder;
  const auto run = sim::simulate_program(scenario, real::checked_program(scenario), folder / "t");
  BOOST_REQUIRE(!run.failure);
  Measured measured;
  for (const std::size_t peak : run.peak_bytes)
    measured.peaks.push_back(static_cast<std::int64_t>(peak));
  const TraceReader trace(folder / "t");
  for (const auto& [path, parts] : trace.datasets())
    for (const StoredDataset& part : parts) {
      measured.trace_bytes +=
          element_count(part.info.regions) * static_cast<std::int64_t>(size_bytes(part.info.dtype));
      ++measured.trace_tensors;
    }
  return measured;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_accounts)

BOOST_AUTO_TEST_CASE(a_block_needs_two_forward_and_five_backward_all_reduces) {
  constexpr int layers = 2;
  const Accounts split = accounts_of(real::lower(plan_scenario(2, 2)));
  BOOST_TEST(count(split, Axis::tp, "micro_step", Phase::forward) == 2 * layers);
  BOOST_TEST(count(split, Axis::tp, "micro_step", Phase::backward) == 5 * layers);
  BOOST_TEST(count(split, Axis::dp, "micro_step", Phase::forward) == 0);
  BOOST_TEST(count(split, Axis::dp, "micro_step", Phase::backward) == 0);
  const Accounts whole = accounts_of(real::lower(plan_scenario(1, 2)));
  BOOST_TEST(count(whole, Axis::tp, "micro_step", Phase::forward) == 0);
  BOOST_TEST(count(whole, Axis::tp, "micro_step", Phase::backward) == 0);
}

BOOST_AUTO_TEST_CASE(a_micro_step_begins_with_the_data_check_of_its_tp_groups) {
  const Accounts accounts = accounts_of(real::lower(plan_scenario(2, 2)));
  std::vector<std::string> lines;
  for (const CollectiveAccount& collective : accounts.collectives)
    if (collective.origin.starts_with("data/")) {
      lines.push_back(collective.origin + " " + name_of(collective.dtype) + " " +
                      std::to_string(collective.elements));
      BOOST_TEST(collective.times == 2 * 2);
    }
  const std::vector<std::string> expected{"data/data/tokens_max_tp int64 24",
                                          "data/data/inconsistent_all_reduce_tp fp32 1",
                                          "data/data/inconsistent_all_reduce_dp fp32 1"};
  BOOST_TEST(lines == expected, boost::test_tools::per_element());
  for (const CollectiveAccount& collective :
       accounts_of(real::lower(plan_scenario(1, 2))).collectives)
    BOOST_TEST(!collective.origin.starts_with("data/"));
}

BOOST_AUTO_TEST_CASE(bytes_of_an_all_reduce_are_those_of_the_activation) {
  const Accounts accounts = accounts_of(real::lower(plan_scenario(2, 2)));
  for (const CollectiveAccount& collective : accounts.collectives) {
    if (collective.per != "micro_step") continue;
    if (collective.origin.starts_with("data/")) continue;
    BOOST_TEST(collective.elements == 2 * 12 * 32);   // (B, T, C) of one replica
    BOOST_TEST(collective.bytes == 2 * 2 * 12 * 32);  // bf16
    BOOST_TEST(collective.times == 2 * 2);            // steps x micro-steps
  }
}

// Uneven cuts: TP ranks reduce vectors of unlike size over the replicas.
BOOST_AUTO_TEST_CASE(what_a_collective_takes_is_what_the_ranks_bring) {
  const TemporaryFolder folder;
  const Scenario scenario = sweep("llama-uneven-tp3-dp2-zero1-bf16");
  const Program program = real::checked_program(scenario);
  BOOST_REQUIRE(!sim::simulate_program(scenario, program, folder / "t").failure);
  const TraceReader trace(folder / "t");

  int of_unlike_size = 0;
  for (const CollectiveAccount& account : accounts_of(program).collectives) {
    std::vector<std::int64_t> elements, bytes;
    for (int rank = 0; rank < trace.world(); ++rank)
      for (const CollectiveRecord& record : trace.collectives(rank))
        if (record.origin == account.origin && record.group == name_of(account.group)) {
          elements.push_back(record.elements);
          bytes.push_back(record.bytes);
        }
    BOOST_TEST_CONTEXT(account.origin) {
      BOOST_TEST(std::ssize(elements) == account.times * trace.world());
      BOOST_TEST(std::ranges::max(elements) == account.elements);
      BOOST_TEST(std::ranges::min(elements) == account.least_elements);
      BOOST_TEST(std::ranges::max(bytes) == account.bytes);
    }
    of_unlike_size += account.elements != account.least_elements;
  }
  BOOST_TEST(of_unlike_size > 0);
}

BOOST_AUTO_TEST_CASE(the_memory_of_every_rank_peaks_where_the_plan_says_to_the_byte) {
  for (const Grid& grid : grids) {
    const Scenario scenario = plan_scenario(grid.tp, grid.dp, grid.zero);
    const Accounts accounts = accounts_of(real::lower(scenario));
    const Measured measured = measure(scenario);
    for (const std::int64_t peak : measured.peaks)
      BOOST_TEST(peak == accounts.largest_rank.total_peak,
                 "tp " << grid.tp << " dp " << grid.dp << ": " << peak << " against "
                       << accounts.largest_rank.total_peak);
    BOOST_TEST(measured.trace_bytes == accounts.trace_bytes,
               "trace, tp " << grid.tp << " dp " << grid.dp << ": " << measured.trace_bytes
                            << " against " << accounts.trace_bytes);
    const std::int64_t most = accounts.tensors_of_rank * grid.tp * grid.dp;
    BOOST_TEST((measured.trace_tensors <= most && most <= 2 * measured.trace_tensors),
               measured.trace_tensors << " of at most " << most);
  }
}

BOOST_AUTO_TEST_CASE(the_memory_of_parameter_groups_peaks_where_the_plan_says) {
  for (const int stage : {0, 1, 2})
    for (const int dp : {1, 3}) {
      Scenario scenario = plan_scenario(2, dp, stage);
      scenario.parameter_groups = {{{".*norm.*"}, 0.0}, {{".*bias"}, 0.5}};
      const Program program = real::lower(scenario);
      const Accounts accounts = accounts_of(program);
      BOOST_TEST(std::ranges::count(program.values, "optimizer/*/master", &Value::name) > 1);

      const auto [least, most] = std::ranges::minmax(measure(scenario).peaks);

      BOOST_TEST(least == accounts.smallest_rank.total_peak, "stage " << stage << " dp " << dp);
      BOOST_TEST(most == accounts.largest_rank.total_peak, "stage " << stage << " dp " << dp);
    }
}

// Of N = 13280 elements (2 bytes) on a rank with tp = 2, dp = 2: whole sums and a slice of means in
// stage 1, two slices in stage 2, whole sums and whole means in stage 0.
BOOST_AUTO_TEST_CASE(stage_2_keeps_no_whole_gradient) {
  const auto memory = [](int stage) {
    return accounts_of(real::lower(plan_scenario(2, 2, stage))).largest_rank;
  };

  BOOST_TEST(memory(2).gradients == 2 * 2 * 6656);  // 6640, in blocks of 64 bytes
  BOOST_TEST(memory(1).gradients >= 3 * 2 * 6640);
  BOOST_TEST(memory(0).gradients >= 2 * 2 * 13280);
  BOOST_TEST(memory(2).optimizer == memory(1).optimizer);
}

BOOST_AUTO_TEST_CASE(a_bucket_that_overlaps_has_a_second_buffer) {
  const auto peak = [](bool overlap, std::int64_t bucket) {
    Scenario scenario = plan_scenario(2, 2, 1);
    scenario.parallel.overlap_comm = overlap;
    scenario.parallel.reduce_bucket_size = bucket;
    const Program program = real::lower(scenario);
    std::int64_t live = 0, most = 0;
    const Segment& segment = program.segment("reduce");
    const SegmentLifetimes lifetimes = lifetimes_of(program, segment);
    for (std::size_t i = 0; i < segment.ops.size(); ++i) {
      const auto buckets = [&](const std::vector<ValueId>& values) {
        return std::ranges::count_if(
            values, [&](ValueId id) { return program.value(id).name == "reduce/*/averaged"; });
      };
      live += buckets(lifetimes.take[i]);
      most = std::max(most, live);
      live -= buckets(lifetimes.give[i]);
    }
    return most;
  };

  BOOST_TEST(peak(false, 1500) == 1);
  BOOST_TEST(peak(true, 1500) == 2);
  BOOST_TEST(peak(true, 1'000'000) == 1);  // one bucket overlaps with nothing
}

BOOST_AUTO_TEST_CASE(values_written_in_place_take_no_memory_of_their_own) {
  const Scenario scenario = sweep("inference-llama-uneven-tp3-dp1-fp64");
  const Accounts accounts = accounts_of(real::lower(scenario));

  const auto [least, most] = std::ranges::minmax(measure(scenario).peaks);

  BOOST_TEST(least == accounts.smallest_rank.total_peak);
  BOOST_TEST(most == accounts.largest_rank.total_peak);
  const Program program = real::lower(scenario);
  int taken = 0;
  for (const auto& values : lifetimes_of(program, program.segment("micro_step")).take)
    for (const ValueId id : values) {
      BOOST_TEST(program.value(id).in_place_of == -1, program.value(id).name);
      ++taken;
    }
  BOOST_TEST(taken > 30);
}

BOOST_AUTO_TEST_CASE(a_variant_runs_only_in_steps_that_exist_and_once_in_each) {
  Program program;
  program.steps = 3;
  program.accumulation = 2;
  program.segments = {{"a", {}, {}, {}}, {"a~1", {}, {}, {}}, {"outside", {}, {}, {}}};
  Action run;
  run.segment = "a";
  run.variants = {{{1, 1, 7, -1}, {}, "a~1"}};
  Action micro;
  micro.kind = Action::Kind::repeat_micro_steps;
  micro.body = {run};
  Action steps;
  steps.kind = Action::Kind::repeat_steps;
  steps.body = {micro};
  Action outside;
  outside.segment = "outside";
  outside.variants = {{{0}, {}, "a~1"}};
  program.schedule = {steps, outside};

  const std::vector<std::int64_t> runs = segment_runs(program);

  BOOST_TEST(runs[0] == 4);
  BOOST_TEST(runs[1] == 2);
  BOOST_TEST(runs[2] == 1);
}

BOOST_AUTO_TEST_SUITE_END()
