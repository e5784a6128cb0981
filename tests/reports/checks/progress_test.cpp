#include "reports/checks/progress.hpp"

#include <boost/test/unit_test.hpp>

#include "reports/traces/recorded_trace.hpp"
#include "tests/reports/checks/checks_support.hpp"

namespace shardproof::tests {

using namespace reports;

namespace {

/// A trace beside what the reference says of the scenario.
class BesideReference {
 public:
  BesideReference(const JudgedRun& run, const RecordedTrace& trace) : context_(run.context()) {
    const Scenario& scenario = run.scenario();
    reference::run_reference(scenario, header_of(scenario, Execution::reference),
                             folder_.path().string());
    reader_.emplace(folder_.path().string());
    context_.traces = {&trace};
    context_.reference = &*reader_;
  }
  explicit BesideReference(const JudgedRun& run) : BesideReference(run, run.trace()) {}

  Tally progress() const { return check_progress(context_); }

 private:
  TemporaryFolder folder_;
  std::optional<TraceReader> reader_;
  JudgeContext context_;
};

const char* const tiny = "tiny-bias-tp2-dp2-zero1-bf16";
const std::string up = "model.layers.1.mlp.up_proj.weight";

/// nullptr if it does not fail.
const FirstDivergence* failure_at(const Tally& tally, const std::string& tensor) {
  for (const Failure& failure : tally.failures())
    if (failure.divergence.tensor == tensor) return &failure.divergence;
  return nullptr;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(what_must_move)

BOOST_AUTO_TEST_CASE(clean_runs_of_every_optimizer_pass_and_every_pair_of_steps_is_looked_at) {
  for (const char* name : {tiny, "tiny-tp1-dp1-zero0-fp64", "mixtral-tp2-dp2-zero1-bf16"}) {
    const JudgedRun run(sweep_scenario(name, 2));
    std::int64_t parameters = 0;
    for (const ParameterDescription& parameter : run.scenario().model.parameters)
      parameters += element_count(parameter.shape);

    const CheckResult result = BesideReference(run).progress().result();

    BOOST_TEST(name_of(result.outcome) == "pass", name << ": " << result.reason);
    // Weights and masters of two steps, and the gradients of one pair, of every rank.
    BOOST_TEST(result.compared >= (2 * 2 + 1) * parameters, name);
  }
}

BOOST_AUTO_TEST_CASE(weights_that_are_never_updated_are_named_with_the_reference_s_movement) {
  Scenario ran = sweep_scenario(tiny, 2);
  ran.training.optimizer.learning_rate = 0.02;  // ten spacings of weights in bf16
  ran.inject = {inject("drop", "optimizer/update/adamw")};
  const JudgedRun run(ran);

  const Tally tally = BesideReference(run).progress();

  BOOST_TEST(name_of(tally.result().outcome) == "fail");
  BOOST_TEST(failure_at(tally, "/step/000001/optimizer/" + up + "/master") != nullptr);
  const FirstDivergence* weights = failure_at(tally, "/step/000000/parameter/" + up);
  BOOST_TEST_REQUIRE(weights != nullptr);
  BOOST_TEST(weights->got != weights->expected);
  BOOST_TEST(weights->wrong_elements > 0);
  BOOST_TEST((weights->ranks == std::vector{0, 1, 2, 3}));
  BOOST_TEST(tally.result().reason.find("has the bits of /initial/") != std::string::npos,
             tally.result().reason);
}

// Of datasets alone: no op is there to be judged.
BOOST_AUTO_TEST_CASE(equal_gradients_of_unlike_batches_are_named) {
  const JudgedRun run(sweep_scenario(tiny, 2));
  const TemporaryFolder folder;
  rewrite(run.trace().reader(), folder / "stale", [&](const StoredDataset& copy) {
    Rewritten same;
    if (copy.info.path.ends_with("/gradient/" + up)) same.filled_with = std::byte{0x3c};
    return same;
  });
  const RecordedTrace stale("foreign", TraceReader(folder / "stale"));

  const Tally tally = BesideReference(run, stale).progress();

  BOOST_TEST_REQUIRE(tally.failures().size() == 1u);
  const FirstDivergence& first = tally.failures().front().divergence;
  BOOST_TEST(first.tensor == "/step/000001/gradient/" + up);
  BOOST_TEST(first.index.size() == 2u);
}

BOOST_AUTO_TEST_CASE(one_rank_s_part_that_stands_still_is_named_beside_others_that_move) {
  const JudgedRun run(sweep_scenario(tiny, 2));
  const std::string master = "/optimizer/" + up + "/master";
  const int owner = run.trace().reader().datasets().at("/step/000001" + master).back().rank;
  const TemporaryFolder folder;
  rewrite(run.trace().reader(), folder / "stale", [&](const StoredDataset& copy) {
    Rewritten same;
    if (copy.rank == owner && copy.info.path.ends_with(master)) same.filled_with = std::byte{0x3c};
    return same;
  });
  const RecordedTrace stale("foreign", TraceReader(folder / "stale"));

  const Tally tally = BesideReference(run, stale).progress();

  const FirstDivergence* still = failure_at(tally, "/step/000001" + master);
  BOOST_TEST_REQUIRE(still != nullptr);
  BOOST_TEST((still->ranks == std::vector{owner}));
  BOOST_TEST(tally.result().failed > 0);
}

// A sample that comes again has the same gradient, as long as the weights are what they were.
BOOST_AUTO_TEST_CASE(equal_gradients_of_one_batch_are_right) {
  const TemporaryFolder folder;
  std::ofstream(folder / "tokens.json") << "[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]";
  for (const char* optimizer : {R"({"type": "SGD", "params": {"lr": 0.001}})",
                                R"({"type": "AdamW", "params": {"lr": 1e-7}})"}) {
    const JudgedRun run(read_scenario(
        sweep_file(tiny),
        {"steps=4", std::string("deepspeed.optimizer=") + optimizer,
         "data={\"tokens\": \"" + (folder / "tokens.json") + "\", \"sequence\": 12}"}));

    const CheckResult result = BesideReference(run).progress().result();

    BOOST_TEST(name_of(result.outcome) == "pass", optimizer << ": " << result.reason);
  }
}

BOOST_AUTO_TEST_CASE(a_gradient_of_zeros_says_nothing_here) {
  const JudgedRun run(sweep_scenario(tiny, 2));
  const TemporaryFolder folder;
  rewrite(run.trace().reader(), folder / "zero", [&](const StoredDataset& copy) {
    Rewritten zero;
    if (copy.info.path.ends_with("/gradient/" + up)) zero.filled_with = std::byte{0};
    return zero;
  });
  const RecordedTrace trace("foreign", TraceReader(folder / "zero"));

  BOOST_TEST(name_of(BesideReference(run, trace).progress().result().outcome) == "pass");
}

BOOST_AUTO_TEST_CASE(without_a_reference_it_does_not_run) {
  const JudgedRun run(sweep_scenario(tiny));

  BOOST_TEST(name_of(check_progress(run.context()).result().outcome) == "not_run");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
