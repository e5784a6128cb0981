#include "reports/checks/exact.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>

#include "reports/checks/op_local.hpp"
#include "reports/traces/assembled_tensor.hpp"
#include "scenarios/exact/exact.hpp"
#include "tests/reports/checks/checks_support.hpp"

namespace shardproof::tests {

using namespace reports;

namespace {

Scenario exact_scenario(const std::string& name, const std::vector<std::string>& overrides = {}) {
  Scenario scenario = read_scenario("../scenarios/catalog/exact/" + name + ".json", overrides);
  settle_on_exact_seed(scenario);
  return scenario;
}

/// A simulated run, judged beside the reference.
struct Beside {
  explicit Beside(const Scenario& ran) : run(ran), context(run.context()) {
    BOOST_TEST_REQUIRE(run.finished());
    reference::run_reference(run.scenario(), header_of(run.scenario(), Execution::reference),
                             folder.path().string());
    reader.emplace(folder.path().string());
    context.reference = &*reader;
  }
  JudgedRun run;
  TemporaryFolder folder;
  std::optional<TraceReader> reader;
  JudgeContext context;
};

std::map<std::string, std::vector<std::byte>> weights_after(const Beside& beside) {
  std::map<std::string, std::vector<std::byte>> weights;
  for (const ParameterDescription& parameter : beside.run.scenario().model.parameters)
    weights[parameter.name] =
        assemble(beside.run.trace().reader(), "/step/000000/parameter/" + parameter.name, 0).bytes;
  return weights;
}

const std::string fp32 = "exact-tp2-dp2-zero1-fp32", bf16 = "exact-tp2-dp2-zero2-bf16";

}  // namespace

BOOST_AUTO_TEST_SUITE(exact_scenarios)

// The same samples however they are divided: 2 x 2 x 2 of them in all.
BOOST_AUTO_TEST_CASE(every_grid_stage_order_bucket_and_split_gives_the_same_bits) {
  const std::string tp = "deepspeed.tensor_parallel.autotp_size=",
                    gas = "deepspeed.gradient_accumulation_steps=",
                    micro = "deepspeed.train_micro_batch_size_per_gpu=",
                    stage = "deepspeed.zero_optimization.stage=",
                    bucket = "deepspeed.zero_optimization.reduce_bucket_size=";
  const std::vector<std::string> ways[] = {
      {},
      {"world=1", tp + "1", gas + "4"},
      {"world=1", tp + "1", gas + "1", micro + "8"},
      {"world=2", gas + "4", stage + "0"},
      {"world=8", tp + "4", stage + "2"},
      {"world=8", gas + "1", stage + "1", "reduction=rank_order"},
      {"world=16", tp + "2", gas + "1", micro + "1", stage + "2", bucket + "777"},
      {"deepspeed.zero_optimization.overlap_comm=true", bucket + "1000"},
      {"reduction=rank_order", stage + "0"},
  };
  for (const std::string& name : {fp32, bf16}) {
    std::map<std::string, std::vector<std::byte>> first;
    for (const std::vector<std::string>& way : ways) {
      const Beside beside(exact_scenario(name, way));
      const CheckResult result = check_exact(beside.context).result();
      BOOST_TEST_CONTEXT(name << " " << (way.empty() ? "as it is" : way.front())) {
        BOOST_TEST(name_of(result.outcome) == "pass", result.reason);
        BOOST_TEST(result.compared > 100'000);
        if (first.empty()) first = weights_after(beside);
        BOOST_TEST((weights_after(beside) == first));
      }
    }
  }
}

// Three TP ranks hold unlike parts; no activation; fp64.
BOOST_AUTO_TEST_CASE(other_forms_are_exact_as_well) {
  const std::string tp = "deepspeed.tensor_parallel.autotp_size=";
  const std::vector<std::string> ways[] = {{"world=6", tp + "3", "uneven=true"},
                                           {"model.config.relu=false"},
                                           {"precision=fp64", "world=8", tp + "4"}};
  for (const std::vector<std::string>& way : ways) {
    const CheckResult result = check_exact(Beside(exact_scenario(fp32, way)).context).result();
    BOOST_TEST(name_of(result.outcome) == "pass", way.front() << ": " << result.reason);
    BOOST_TEST(result.compared > 100'000, way.front());
  }
}

// Too small for any bound: the lowest bit of one element of a partial sum.
BOOST_AUTO_TEST_CASE(one_bit_is_named_that_rounding_would_explain) {
  Scenario ran = exact_scenario(fp32);
  Injection scale = inject("scale", "model.layers.1.mlp.up_proj/forward/matmul");
  scale.factor = 1 + 0x1p-23;
  scale.ranks = {1};
  ran.inject = {scale};
  const Beside beside(ran);

  const Tally tally = check_exact(beside.context);

  BOOST_TEST(name_of(tally.result().outcome) == "fail");
  BOOST_TEST_REQUIRE(!tally.failures().empty());
  const FirstDivergence& first = tally.failures().front().divergence;
  BOOST_TEST(first.op.starts_with("model.layers.1.mlp.up_proj/forward/"), first.op);
  BOOST_TEST((first.ranks == std::vector{1}));
  BOOST_TEST(first.got == first.expected * (1 + 0x1p-23));
}

// Else what rounding does would be told as a mistake.
BOOST_AUTO_TEST_CASE(numbers_that_are_not_exact_are_not_judged) {
  Scenario scenario = read_scenario("../scenarios/catalog/exact/" + fp32 + ".json",
                                    {"deepspeed.optimizer.params.lr=0.3"});
  const CheckResult result = check_exact(Beside(scenario).context).result();

  BOOST_TEST(name_of(result.outcome) == "unknown");
  BOOST_TEST(result.reason.find("power of two") != std::string::npos, result.reason);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
