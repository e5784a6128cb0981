// What the verdict rests on: a check that has nothing to say is left out and says so, one that
// should have spoken and did not keeps a run from passing.
#include "reports/judge.hpp"

#include <boost/test/unit_test.hpp>

#include "reports/checks/sim_real.hpp"
#include "reports/render/summary_json.hpp"
#include "reports/values/work.hpp"
#include "tests/reports/checks/checks_support.hpp"

using namespace shardproof;
using namespace shardproof::reports;
using namespace shardproof::tests;

namespace {

const std::string one_rank = "tiny-tp1-dp1-zero0-fp64";
const std::string two_ranks = "tiny-tp1-dp2-zero1-bf16";

const CheckResult& check_of(const Verdict& verdict, const std::string& name) {
  for (const CheckResult& check : verdict.checks)
    if (check.name == name) return check;
  throw std::out_of_range(name);
}

using Settings = std::map<std::string, std::string>;
using Edit = std::function<void(const std::string& execution, int rank, Settings&)>;

/// Of a simulated run and its copy, the headers of both edited: "sim" and "real".
Verdict verdict_of_twins(Scenario scenario, const Edit& edit) {
  const TemporaryFolder folder;
  scenario.executions = {Execution::sim, Execution::real};
  BOOST_REQUIRE(sim::simulate(scenario, folder / "ran"));
  const TraceReader ran(folder / "ran");
  for (const std::string execution : {"sim", "real"}) {
    const auto header = [&](TraceHeader& h) { edit(execution, h.rank, h.settings); };
    rewrite(ran, folder / execution, [](const StoredDataset&) { return Rewritten{}; },
            {.header = header});
  }
  return judge({scenario, {}, {{"sim", folder / "sim"}, {"real", folder / "real"}}, {}});
}

/// sim and real of two ranks, rank 1 of real with these settings in the place of its own.
Verdict with_settings_of_one_rank(const Settings& other) {
  return verdict_of_twins(sweep_scenario(two_ranks),
                          [&](const std::string& execution, int rank, Settings& settings) {
                            if (execution == "real" && rank == 1)
                              for (const auto& [key, value] : other) settings[key] = value;
                          });
}

void expect(const Verdict& verdict, const std::string& outcome, const std::string& whole,
            const std::string& reason) {
  const CheckResult& check = check_of(verdict, "sim_real");
  BOOST_TEST(name_of(check.outcome) == outcome, check.reason);
  BOOST_TEST(check.reason.find(reason) != std::string::npos, check.reason);
  BOOST_TEST((check.compared > 0) == (outcome == "pass"));
  BOOST_TEST(name_of(verdict.conclusion) == whole);
  BOOST_TEST(verdict.exit_code() == (whole == "pass" ? 0 : 2));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(verdicts)

BOOST_AUTO_TEST_CASE(one_rank_has_no_replicas_and_passes_without) {
  const Verdict verdict =
      verdict_of_twins(sweep_scenario(one_rank), [](const std::string&, int, Settings&) {});

  const CheckResult& replicas = check_of(verdict, "replicas");
  BOOST_TEST((replicas.outcome == Outcome::not_run));
  BOOST_TEST(replicas.reason == "one rank has no replicas");
  BOOST_TEST(replicas.compared == 0);
  BOOST_TEST(name_of(verdict.conclusion) == "pass");
  for (const CheckResult& check : verdict.checks)
    BOOST_TEST((check.outcome != Outcome::pass || check.compared > 0), check.name);
}

BOOST_AUTO_TEST_CASE(sim_and_real_are_compared_where_all_ranks_have_one_fingerprint) {
  expect(with_settings_of_one_rank({}), "pass", "pass", "");
  // What differs besides the fingerprint does not matter then.
  expect(with_settings_of_one_rank({{"cpu", "another one"}}), "pass", "pass", "");
}

BOOST_AUTO_TEST_CASE(unlike_fingerprints_of_unlike_environments_leave_the_verdict_to_the_rest) {
  const Edit edit = [](const std::string& execution, int, Settings& settings) {
    settings["cpu"] = "that of " + execution;
    settings["fingerprint"] = execution;
  };
  expect(verdict_of_twins(sweep_scenario(one_rank), edit), "not_run", "pass",
         "unlike environments");
}

BOOST_AUTO_TEST_CASE(a_processor_a_program_or_a_library_excuses_an_unlike_fingerprint) {
  const JudgedRun sim(sweep_scenario(one_rank));
  for (const char* key : {"cpu", "cpu_features", "device", "binary", "version", "commit",
                          "compiler", "libc", "blas", "mpi", "cuda", "nccl", "host", "seed"}) {
    const TemporaryFolder folder;
    const auto as = [&](const std::string& execution) {
      return [&, execution](TraceHeader& header) {
        header.settings[key] = header.settings["fingerprint"] = execution;
      };
    };
    const auto unchanged = [](const StoredDataset&) { return Rewritten{}; };
    JudgeContext context = sim.context();
    std::vector<std::unique_ptr<EngineTrace>> traces;
    context.traces.clear();
    for (const std::string execution : {"sim", "real"}) {
      rewrite(sim.trace().reader(), folder / execution, unchanged, {.header = as(execution)});
      traces.push_back(std::make_unique<EngineTrace>(execution, folder / execution));
      context.traces.push_back(traces.back().get());
    }

    const CheckResult result = check_sim_real(context).result();

    const bool excuses = std::string(key) != "host" && std::string(key) != "seed";
    BOOST_TEST(name_of(result.outcome) == (excuses ? "not_run" : "unknown"), key);
    BOOST_TEST(result.required == !excuses, key);
  }
}

BOOST_AUTO_TEST_CASE(unlike_fingerprints_of_alike_environments_are_suspect) {
  expect(with_settings_of_one_rank({{"fingerprint", "0123"}}), "unknown", "unknown",
         "suspect hardware: rank 0 of sim and rank 1 of real");
  // Another machine of the same kind; and what is not known excuses nothing.
  expect(with_settings_of_one_rank({{"fingerprint", "0123"}, {"host", "b"}, {"cores", "3"}}),
         "unknown", "unknown", "suspect hardware");
  expect(with_settings_of_one_rank({{"fingerprint", "0123"}, {"cpu", "unknown"}, {"blas", ""}}),
         "unknown", "unknown", "suspect hardware");
}

// One rank is excused by its processor, another is not.
BOOST_AUTO_TEST_CASE(each_two_of_unlike_fingerprints_need_an_excuse) {
  const Edit edit = [](const std::string& execution, int rank, Settings& settings) {
    settings["cpu"] = "that of " + execution;
    if (execution == "real") settings["fingerprint"] = rank == 0 ? "0123" : "4567";
  };
  expect(verdict_of_twins(sweep_scenario(two_ranks), edit), "unknown", "unknown",
         "rank 0 of real and rank 1 of real");
}

BOOST_AUTO_TEST_CASE(a_rank_that_does_not_tell_its_fingerprint_keeps_the_run_from_passing) {
  expect(with_settings_of_one_rank({{"fingerprint", ""}, {"cpu", "another one"}}), "unknown",
         "unknown", "rank 1 of real does not tell");
}

BOOST_AUTO_TEST_CASE(the_librarys_order_leaves_the_verdict_to_the_rest) {
  const TemporaryFolder folder;
  Scenario scenario = sweep_scenario(one_rank);
  BOOST_REQUIRE(sim::simulate(scenario, folder / "ran"));
  rewrite(TraceReader(folder / "ran"), folder / "library",
          [](const StoredDataset&) { return Rewritten{}; },
          {.header = [](TraceHeader& header) { header.settings["reduction"] = "library"; }});
  scenario.reduction = ReductionOrder::library;
  scenario.executions = {Execution::sim, Execution::real};
  const std::string library = folder / "library";

  expect(judge({scenario, {}, {{"sim", library}, {"real", library}}, {}}), "not_run", "pass",
         "order of the library's reductions");
}

BOOST_AUTO_TEST_CASE(an_execution_that_was_asked_for_and_is_missing_keeps_the_run_from_passing) {
  const TemporaryFolder folder;
  Scenario scenario = sweep_scenario(one_rank);
  scenario.executions = {Execution::sim, Execution::real};
  BOOST_REQUIRE(sim::simulate(scenario, folder / "sim"));
  const JudgeInput input{scenario, {}, {{"sim", folder / "sim"}}, {}};

  expect(judge(input), "not_run", "unknown", "there is no trace of real");
  scenario.executions = {Execution::sim};
  expect(judge(input), "not_run", "pass", "there is no trace of real");
}

BOOST_AUTO_TEST_CASE(without_the_reference_only_the_trend_is_missing) {
  const TemporaryFolder folder;
  Scenario scenario = sweep_scenario("tiny-gqa-tp1-dp3-zero1-fp32-rank_order");
  scenario.executions = {Execution::sim};
  scenario.steps = 1;
  BOOST_REQUIRE(sim::simulate(scenario, folder / "sim"));

  const Verdict verdict = judge({scenario, {}, {{"sim", folder / "sim"}}, {}});

  BOOST_TEST(name_of(verdict.conclusion) == "pass");
  const auto trend = std::ranges::find(verdict.checks, "end_to_end", &CheckResult::name);
  BOOST_REQUIRE((trend != verdict.checks.end()));
  BOOST_TEST(name_of(trend->outcome) == "not_run");
  BOOST_TEST(trend->reason ==
             "the reference was left out: op by op the verdict stands without it, and only the "
             "trend, the distance from fp64, is missing");
}

BOOST_AUTO_TEST_CASE(a_gradient_with_one_over_tp_too_much_has_that_as_its_cause) {
  Scenario scenario = sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16");
  scenario.executions = {Execution::sim};
  scenario.steps = 1;
  Injection scale = inject("scale", "model.layers.1.mlp.down_proj/forward/all_reduce");
  scale.factor = 0.5;
  scenario.inject = {scale};
  const TemporaryFolder folder;
  BOOST_REQUIRE(sim::simulate(scenario, folder / "sim"));

  const Verdict verdict = judge({scenario, {}, {{"sim", folder / "sim"}}, {}});

  BOOST_REQUIRE(verdict.first_divergence.has_value());
  BOOST_REQUIRE(verdict.first_divergence->cause.has_value());
  BOOST_TEST(verdict.first_divergence->cause->name == "factor");
  BOOST_TEST(verdict.first_divergence->cause->coefficient.value_or(0) == 0.5);
  BOOST_TEST(verdict.first_divergence->cause->known_as == "1/tp, 1/dp, 1/micro-steps");
}

BOOST_AUTO_TEST_CASE(a_run_of_which_every_step_was_skipped_has_proved_no_update) {
  Scenario scenario = sweep_scenario(one_rank);
  scenario.executions = {Execution::sim};
  scenario.training.working = Dtype::fp16;
  scenario.training.loss_scale.initial_power = 40;
  scenario.overflow_expected = true;
  scenario.steps = 2;
  const TemporaryFolder folder;
  BOOST_REQUIRE(sim::simulate(scenario, folder / "sim"));

  const Verdict verdict = judge({scenario, {}, {{"sim", folder / "sim"}}, {}});

  BOOST_TEST(name_of(verdict.conclusion) == std::string("unknown"));
  BOOST_TEST(verdict.steps == 2);
  BOOST_TEST(verdict.skipped.size() == 2u);
  BOOST_TEST(verdict.skipped.at(0).loss_scale.value_or(0) == 0x1p40);
  for (const CheckResult& check : verdict.checks)
    if (check.name == "optimizer") {
      BOOST_TEST((check.outcome == Outcome::unknown));
      BOOST_TEST(check.reason == "sim: 2 of 2 steps were skipped: no update was checked");
    }
}

BOOST_AUTO_TEST_CASE(a_tensor_that_is_anothers_bits_is_one_times_it_in_all_elements) {
  Scenario scenario = sweep_scenario("tiny-bias-tp2-dp1-zero0-fp64");
  scenario.executions = {Execution::sim};
  const std::string o_proj = "model.layers.1.self_attn.o_proj";
  scenario.inject = {inject("drop", o_proj + "/forward/all_reduce")};
  const TemporaryFolder folder;
  BOOST_REQUIRE(sim::simulate(scenario, folder / "sim"));

  const Verdict verdict = judge({scenario, {}, {{"sim", folder / "sim"}}, {}});

  BOOST_REQUIRE(verdict.first_divergence.has_value());
  BOOST_REQUIRE(verdict.first_divergence->cause.has_value());
  const Cause& cause = *verdict.first_divergence->cause;
  BOOST_TEST(cause.name == "bits equal to /step/000000/micro/0/forward/" + o_proj + "/partial");
  BOOST_TEST(cause.coefficient.value_or(0) == 1);
  BOOST_TEST(cause.score.value_or(0) == 1);
}

BOOST_AUTO_TEST_CASE(the_verdict_is_the_same_for_any_number_of_threads) {
  const TemporaryFolder folder;
  Scenario scenario = sweep_scenario("llama-tp2-dp2-zero2-bf16-wire_fp16");
  scenario.executions = {Execution::sim};
  Injection scaled;
  scaled.edit = EditKind::scale;
  scaled.op = "model.layers.0.mlp.down_proj/forward/matmul";
  scaled.ranks = {1};
  scaled.factor = 1.5;
  scenario.inject = {scaled};
  BOOST_REQUIRE(sim::simulate(scenario, folder / "sim"));
  const int before = threads_in_use();
  std::vector<std::string> verdicts;
  for (const int threads : {1, 2, 7}) {
    use_threads(threads);
    const Verdict verdict = judge({scenario, {}, {{"sim", folder / "sim"}}, {}});
    verdicts.push_back(summary_json(verdict));
    BOOST_TEST(name_of(verdict.conclusion) == "fail");
  }
  use_threads(before);
  BOOST_TEST(verdicts[0] == verdicts[1]);
  BOOST_TEST(verdicts[0] == verdicts[2]);
}

BOOST_AUTO_TEST_SUITE_END()
