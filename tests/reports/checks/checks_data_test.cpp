// The data check of a TP group: a run whose ranks have not loaded the same tokens ends in that
// micro-step, on all ranks, and fails by what was wrong first.
#include <boost/test/unit_test.hpp>
#include <cstring>

#include "reports/checks/collectives.hpp"
#include "reports/checks/coverage.hpp"
#include "reports/checks/leaves.hpp"
#include "reports/checks/op_local.hpp"
#include "reports/checks/optimizer.hpp"
#include "reports/checks/replicas.hpp"
#include "reports/checks/round_trip.hpp"
#include "reports/units/unit_walk.hpp"
#include "reports/verdict/run_end.hpp"
#include "scenarios/trace/collective_failure.hpp"
#include "tests/reports/checks/checks_support.hpp"

namespace shardproof::tests {

using namespace reports;

namespace {

const std::string zero1 = "tiny-bias-tp2-dp2-zero1-bf16";  // two micro-steps a step
const std::string sentence =
    "Data inconsistency within the TP group. Please check the Dataloader implementation to ensure "
    "consistency.";

Moment micro_step(int step, int micro) { return {Moment::Stage::step, step, micro}; }

/// In the local batch of the ranks.
Injection set_token(std::int64_t value, const Shape& index, std::vector<int> ranks, int step) {
  Injection injection = inject("set", "data/data/load_tokens", std::move(ranks));
  injection.value = std::to_string(value);
  injection.index = index;
  injection.steps = {step};
  injection.when = SetTime::output;
  return injection;
}

Scenario with(Scenario scenario, std::vector<Injection> injections) {
  scenario.inject = std::move(injections);
  return scenario;
}

std::vector<std::int64_t> tokens(const EngineTrace& trace, const Moment& moment, int rank) {
  const StoredDataset* stored = trace.dataset(folder_of(moment) + "/data/tokens", rank);
  BOOST_TEST_REQUIRE(stored != nullptr);
  const std::vector<std::byte> bytes = trace.reader().read(*stored);
  std::vector<std::int64_t> ids(bytes.size() / sizeof(std::int64_t));
  std::memcpy(ids.data(), bytes.data(), bytes.size());
  return ids;
}

/// The run ended there on every rank, with nothing missing up to there, nothing after it, and
/// nothing wrong but the tokens.
void expect_end(const JudgedRun& run, const Moment& at, const std::vector<int>& ranks) {
  BOOST_TEST_REQUIRE(run.finished());
  const JudgeContext context = run.context();
  BOOST_TEST_REQUIRE(RunEnd(context.scenario, run.trace()).at().has_value());
  BOOST_TEST((RunEnd(context.scenario, run.trace()).at() == at));
  for (int rank = 0; rank < run.trace().world(); ++rank) {
    const ExecutedOp& last = run.trace().executed(rank).back();
    BOOST_TEST((last.moment == at), rank);
    BOOST_TEST(last.segment->name.starts_with("data_check"), rank);
    BOOST_TEST(last.op == &last.segment->ops.back(), rank);
  }

  const Tally leaves = check_leaves(context);
  const FirstDivergence first = first_of(leaves);
  BOOST_TEST(name_of(leaves.result().outcome) == "fail");
  BOOST_TEST(first.op == "data/data/load_tokens");
  BOOST_TEST(first.ranks == ranks, boost::test_tools::per_element());
  BOOST_TEST((first.moment == at));
  BOOST_TEST((first.phase == Phase::data));
  BOOST_TEST(first.reason.ends_with(sentence), first.reason);
  BOOST_TEST(leaves.result().reason == first.reason);

  TensorTable table(run.trace().world()), walked(run.trace().world());
  UnitMemo memo;
  WalkFindings walk;
  walk_units(context, run.trace(), memo, walk, walked);
  std::vector<Tally> others{check_coverage(context), check_collectives(context),
                            check_round_trip(context), walk.edges, walk.plan_units};
  if (context.scenario.trains()) others.push_back(check_optimizer(context));
  if (at != micro_step(0, 0)) others.push_back(check_op_local(context, table));
  for (const Tally& tally : others)
    BOOST_TEST(name_of(tally.result().outcome) == "pass", tally.name()
                                                              << ": " << tally.result().reason);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(data_check)

BOOST_AUTO_TEST_CASE(batches_that_are_alike_pass_it_in_every_micro_step) {
  for (const std::string& name : {zero1, std::string("llama-uneven-tp3-dp2-zero1-bf16"),
                                  std::string("inference-llama-tp2-dp2-bf16")}) {
    const JudgedRun run(sweep_scenario(name));
    const Scenario& scenario = run.context().scenario;

    BOOST_TEST(!RunEnd(scenario, run.trace()).at().has_value());
    for (int micro = 0; micro < scenario.training.accumulation; ++micro)
      for (int rank = 0; rank < run.trace().world(); ++rank) {
        const StoredDataset* flag =
            run.trace().dataset(data_check_path(micro_step(0, micro)), rank);
        BOOST_TEST_REQUIRE(flag != nullptr);
        BOOST_TEST((run.trace().reader().read(*flag) == std::vector<std::byte>(4)));
      }
    BOOST_TEST(check_leaves(run.context()).failed() == 0);
  }
}

// Of two replicas one alone has unlike ranks: the other must learn it, or it would wait for ever.
BOOST_AUTO_TEST_CASE(one_token_of_one_rank_ends_the_run_on_all_ranks) {
  const Scenario scenario = sweep_scenario(zero1, 3);
  const JudgedRun run(with(scenario, {set_token(63, {1, 2}, {3}, 1)}));

  expect_end(run, micro_step(1, 0), {3});

  const FirstDivergence first = first_of(check_leaves(run.context()));
  BOOST_TEST(first.index == (std::vector<std::int64_t>{3, 2}), boost::test_tools::per_element());
  BOOST_TEST(first.got == 63);
  BOOST_TEST(name_of(check_replicas(run.context()).result().outcome) == "fail");
}

BOOST_AUTO_TEST_CASE(two_tokens_in_exchanged_places_are_not_alike) {
  const Scenario scenario = sweep_scenario(zero1);
  const auto right = tokens(JudgedRun(scenario).trace(), micro_step(0, 0), 1);
  BOOST_TEST_REQUIRE(right[0] != right[1]);

  const JudgedRun run(
      with(scenario, {set_token(right[1], {0, 0}, {1}, 0), set_token(right[0], {0, 1}, {1}, 0)}));

  expect_end(run, micro_step(0, 0), {1});
  BOOST_TEST(first_of(check_leaves(run.context())).wrong_elements == 2);
}

// Set to what it is in micro-step 0, a token is wrong from micro-step 1 on.
BOOST_AUTO_TEST_CASE(every_micro_step_is_checked_not_only_the_first) {
  const Scenario scenario = sweep_scenario(zero1, 2);
  const JudgedRun honest(scenario);
  const auto first = tokens(honest.trace(), micro_step(1, 0), 2);
  BOOST_TEST_REQUIRE(first[0] != tokens(honest.trace(), micro_step(1, 1), 2)[0]);

  const JudgedRun run(with(scenario, {set_token(first[0], {0, 0}, {2}, 1)}));

  expect_end(run, micro_step(1, 1), {2});
}

BOOST_AUTO_TEST_CASE(three_ranks_and_inference_are_checked_too) {
  expect_end(JudgedRun(with(sweep_scenario("llama-uneven-tp3-dp2-zero1-bf16", 2),
                            {set_token(1, {0, 0}, {4}, 1)})),
             micro_step(1, 0), {4});
  expect_end(JudgedRun(with(sweep_scenario("inference-llama-tp2-dp2-bf16"),
                            {set_token(1, {0, 0}, {1}, 0)})),
             micro_step(0, 0), {1});
}

// Beyond 2^53 an fp64 would take one for the other.
BOOST_AUTO_TEST_CASE(tokens_are_compared_to_the_last_bit) {
  Injection huge = set_token(0, {0, 0}, {0}, 0), beside = set_token(0, {0, 0}, {1}, 0);
  huge.value = "9007199254740992";
  beside.value = huge.value;
  Injection last_bit = set_token(0, {0, 0}, {1}, 0);
  last_bit.value = "flip:0";

  const JudgedRun run(with(sweep_scenario(zero1), {huge, beside, last_bit}));

  BOOST_TEST_REQUIRE(run.finished());
  BOOST_TEST((RunEnd(run.context().scenario, run.trace()).at() == micro_step(0, 0)));
}

BOOST_AUTO_TEST_CASE(a_whole_group_with_another_batch_is_alike_and_runs_on_and_fails) {
  const JudgedRun run(with(sweep_scenario(zero1), {set_token(1, {0, 0}, {0, 1}, 0)}));

  BOOST_TEST_REQUIRE(run.finished());
  BOOST_TEST(!RunEnd(run.context().scenario, run.trace()).at().has_value());
  const FirstDivergence first = first_of(check_leaves(run.context()));
  BOOST_TEST(first.ranks == (std::vector<int>{0, 1}), boost::test_tools::per_element());
  BOOST_TEST(first.reason.ends_with("it is not what the scenario gives"), first.reason);
}

// A run that ends is never a pass, even if nothing that it recorded before is wrong.
BOOST_AUTO_TEST_CASE(a_flag_that_ends_the_run_without_a_reason_fails) {
  Injection flag = inject("set", "data/data/inconsistent_all_reduce_dp", {0, 1, 2, 3});
  flag.value = "1";
  flag.when = SetTime::output;

  const JudgedRun run(with(sweep_scenario(zero1), {flag}));

  BOOST_TEST_REQUIRE(run.finished());
  BOOST_TEST((RunEnd(run.context().scenario, run.trace()).at() == micro_step(0, 0)));
  const Tally leaves = check_leaves(run.context());
  BOOST_TEST(name_of(leaves.result().outcome) == "fail");
  BOOST_TEST(first_of(leaves).op == "data/data/inconsistent_all_reduce_dp");
}

// The data check of micro-step 1 comes after all of micro-step 0, though its segment stands before.
BOOST_AUTO_TEST_CASE(who_is_behind_is_told_by_micro_steps_before_segments) {
  Scenario scenario = sweep_scenario("tiny-bias-tp2-dp2-zero0-fp32-rank_order");
  BOOST_TEST_REQUIRE(scenario.training.accumulation == 2);
  const std::string last = "model.layers.0.self_attn.q_proj/backward/all_reduce";
  scenario.inject = {inject("drop", last, {1})};
  const TemporaryFolder folder;

  BOOST_TEST_REQUIRE(!sim::simulate(scenario, folder / "sim"));

  const auto failure = read_collective_failure(folder / "sim");
  BOOST_TEST(failure->op == last, failure->report);
  BOOST_TEST(failure->ranks == std::vector<int>{1}, boost::test_tools::per_element());
  BOOST_TEST((failure->moment == micro_step(0, 0)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
