// Kernels that multiply what one rank computed by a number near 1, below a program that is as it
// must be: `suspects` names op and rank, though the bounds of so long sums may see nothing.
//
// The same cases run at the widths of a model of 7 B when SHARDPROOF_WIDTHS=7B asks for it
// (minutes).
#include "reports/verdict/suspects.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "real/run/rank_run.hpp"
#include "reports/judge.hpp"
#include "reports/render/text.hpp"
#include "reports/values/work.hpp"
#include "scenarios/blas/product.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/errors.hpp"
#include "sim/simulate.hpp"
#include "tests/support/sweep.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wrong_kernel.hpp"

namespace shardproof::tests {
namespace {

using real::KernelCall;
using real::TensorView;

struct Case {
  std::string dtype;
  int tp;
  std::int64_t K;  // terms of a rank's sum
};

std::vector<Case> cases() {
  const char* asked = std::getenv("SHARDPROOF_WIDTHS");
  if (asked != nullptr && std::string(asked) == "7B")
    return {{"bf16", 2, 7168}, {"bf16", 8, 1792},  {"bf16", 4, 14336}, {"bf16", 2, 256},
            {"fp16", 2, 7168}, {"fp16", 8, 1792},  {"fp16", 2, 14336}, {"fp16", 4, 256},
            {"fp32", 2, 7168}, {"fp32", 4, 14336}, {"fp32", 8, 1792},  {"fp32", 2, 256}};
  if (asked != nullptr && std::string(asked) != "narrow")
    throw ScenarioError("SHARDPROOF_WIDTHS=" + std::string(asked) + ": expected narrow or 7B");
  return {{"bf16", 2, 256}, {"bf16", 4, 1024}, {"fp16", 2, 1024},
          {"fp16", 8, 256}, {"fp32", 4, 256},  {"fp32", 2, 2048}};
}

/// One layer, one step; the seed is the round.
Scenario scenario_of(const Case& of, int round) {
  const auto set = [](const std::string& key, std::int64_t value) {
    return key + "=" + std::to_string(value);
  };
  std::vector<std::string> overrides{set("tensor_parallel.autotp_size", of.tp),
                                     "train_micro_batch_size_per_gpu=1",
                                     "steps=1",
                                     "num_hidden_layers=1",
                                     "hidden_size=64",
                                     "num_attention_heads=8",
                                     "num_key_value_heads=8",
                                     "vocab_size=64",
                                     "max_position_embeddings=64",
                                     "data.sequence=16",
                                     set("intermediate_size", of.tp * of.K),
                                     set("world", of.tp),
                                     set("seed", 100 + round)};
  if (of.dtype != "bf16") overrides.emplace_back("bf16.enabled=false");
  if (of.dtype == "fp32") overrides.emplace_back("zero_optimization.stage=0");
  if (of.dtype == "fp16") {
    overrides.emplace_back("fp16.enabled=true");
    overrides.emplace_back("fp16.loss_scale=128");
  }
  Scenario scenario = read_scenario(sweep_file("tiny-tp1-dp2-zero1-bf16"), overrides);
  scenario.executions = {Execution::sim};
  return scenario;
}

std::vector<double> numbers(const TensorView& x) {
  std::vector<double> values(static_cast<std::size_t>(x.elements()));
  decode(x.dtype, {x.data, x.bytes()}, values);
  return values;
}

std::vector<float> narrow(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

/// What is stored, times a factor, rounded once more.
void scale_what_is_stored(const KernelCall& call, double factor) {
  std::vector<double> values = numbers(call.out());
  for (double& x : values) x *= factor;
  encode(call.out().dtype, values, {call.out().data, call.out().bytes()});
}

/// The sums of x (rows, I) and weight (O, I) in fp32, times a factor, and rounded once.
void scale_before_the_store(const KernelCall& call, float factor) {
  const std::vector<float> x = narrow(numbers(call.in(0))), weight = narrow(numbers(call.in(1)));
  const std::int64_t I = call.in(0).shape.back(), O = call.out().shape.back();
  std::vector<float> y(static_cast<std::size_t>(call.out().elements()));
  blas::product(call.out().elements() / O, O, I, {x.data(), I, false}, {weight.data(), I, true},
                y.data());
  std::vector<double> values;
  for (const float sum : y) values.push_back(static_cast<double>(factor * sum));
  encode(call.out().dtype, values, {call.out().data, call.out().bytes()});
}

const std::string op = "model.layers.0.mlp.down_proj/forward/matmul";

/// A run whose rank `wrong_rank` is wrong in `op`; its trace lies in `folder`.
Scenario simulated(const TemporaryFolder& folder, const Case& of, int round, int wrong_rank,
                   const KernelFault& fault) {
  const Scenario scenario = scenario_of(of, round);
  const Program program = real::checked_program(scenario);
  std::vector<real::CpuDevice> right(static_cast<std::size_t>(of.tp));
  int calls = 0;
  WrongKernelDevice wrong(OpKind::matmul, op, [&](const KernelCall& call) {
    fault(call);
    ++calls;
  });
  std::vector<real::Device*> devices;
  for (real::CpuDevice& device : right) devices.push_back(&device);
  devices.at(static_cast<std::size_t>(wrong_rank)) = &wrong;
  BOOST_REQUIRE(!sim::simulate_program_on(devices, scenario, program, folder / "sim").failure);
  BOOST_TEST_REQUIRE(calls == 1);
  return scenario;
}

reports::Verdict verdict_on(const Scenario& scenario, const TemporaryFolder& folder) {
  return reports::judge({scenario, {}, {{"sim", folder / "sim"}}, {}});
}

const reports::CheckResult& suspects_of(const reports::Verdict& verdict) {
  return *std::ranges::find(verdict.checks, std::string("suspects"), &reports::CheckResult::name);
}

bool is_wide() { return cases().size() > 6; }

/// Whether op and rank are found, and nothing else.
bool is_found(const Case& of, int round, const KernelFault& fault) {
  const TemporaryFolder folder;
  const int wrong_rank = round % of.tp;
  const Scenario scenario = simulated(folder, of, round, wrong_rank, fault);
  const reports::Verdict verdict = verdict_on(scenario, folder);
  BOOST_TEST(suspects_of(verdict).compared > 0);
  for (const reports::SuspectOp& suspect : verdict.suspects)
    BOOST_TEST_MESSAGE(of.dtype << ", TP " << of.tp << ", K " << of.K << ", rank " << wrong_rank
                                << ": " << reports::sentence_of(suspect)
                                << ", bounds: " << name_of(verdict.conclusion));
  return verdict.suspects.size() == 1 && verdict.suspects[0].first.op == op &&
         verdict.suspects[0].first.ranks == std::vector{wrong_rank};
}

/// Twenty rounds, of all cases in turn; of wide ones twenty each. The fewest that were found.
int found_of_20(const KernelFault& fault) {
  int fewest = 20;
  for (std::size_t first = 0; first < (is_wide() ? cases().size() : 1); ++first) {
    int found = 0;
    for (int round = 0; round < 20; ++round) {
      const std::size_t turn = is_wide() ? first : static_cast<std::size_t>(round) % cases().size();
      found += is_found(cases()[turn], round, fault);
    }
    fewest = std::min(fewest, found);
  }
  return fewest;
}

const Case quick{"fp16", 2, 1024};

}  // namespace

BOOST_AUTO_TEST_SUITE(suspects)

BOOST_AUTO_TEST_CASE(none_in_a_run_that_is_right) {
  for (const Case& of : cases()) {
    const TemporaryFolder folder;
    const Scenario scenario = simulated(folder, of, 0, 0, [](const KernelCall&) {});

    const reports::Verdict verdict = verdict_on(scenario, folder);

    BOOST_TEST(verdict.suspects.empty());
    BOOST_TEST(name_of(verdict.conclusion) == "pass");
    BOOST_TEST(name_of(suspects_of(verdict).outcome) == "pass");
    BOOST_TEST(name_of(suspects_of(verdict).proof) == "statistical");
    BOOST_TEST(suspects_of(verdict).compared > 0);
  }
}

BOOST_AUTO_TEST_CASE(a_local_product_times_1_002_is_found_in_20_of_20) {
  BOOST_TEST(found_of_20([](const KernelCall& call) { scale_what_is_stored(call, 1.002); }) == 20);
}

BOOST_AUTO_TEST_CASE(a_local_product_times_1_0002_before_the_store_is_found_in_19_of_20) {
  BOOST_TEST(found_of_20([](const KernelCall& call) { scale_before_the_store(call, 1.0002F); }) >=
             19);
}

BOOST_AUTO_TEST_CASE(the_same_product_times_1_before_the_store_is_not_found) {
  const TemporaryFolder folder;
  const Scenario scenario = simulated(
      folder, quick, 0, 1, [](const KernelCall& call) { scale_before_the_store(call, 1); });

  BOOST_TEST(verdict_on(scenario, folder).suspects.empty());
}

BOOST_AUTO_TEST_CASE(a_suspect_fails_a_strict_run_alone_and_is_shown_by_both) {
  const TemporaryFolder folder;
  Scenario scenario = simulated(
      folder, quick, 0, 1, [](const KernelCall& call) { scale_before_the_store(call, 1.0002F); });

  const reports::Verdict verdict = verdict_on(scenario, folder);
  scenario.strict = true;
  const reports::Verdict strict = verdict_on(scenario, folder);

  BOOST_TEST(name_of(verdict.conclusion) == "pass");
  BOOST_TEST(name_of(suspects_of(verdict).outcome) == "trend");
  BOOST_TEST(name_of(strict.conclusion) == "fail");
  BOOST_TEST(name_of(suspects_of(strict).outcome) == "fail");
  BOOST_REQUIRE(strict.first_divergence);
  BOOST_TEST(strict.first_divergence->op == op);
  BOOST_TEST(strict.first_divergence->ranks == std::vector<int>{1},
             boost::test_tools::per_element());
  for (const reports::Verdict* each : {&verdict, &strict}) {
    BOOST_TEST(each->suspects.at(0).first.rank == 1);
    BOOST_TEST(name_of(each->suspects.at(0).signature.kind) == "factor");
    BOOST_TEST(reports::verdict_text(*each, "report").find("suspect    sim: " + op) !=
               std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(they_are_the_same_for_any_number_of_threads) {
  const TemporaryFolder folder;
  const Scenario scenario = simulated(
      folder, quick, 3, 0, [](const KernelCall& call) { scale_what_is_stored(call, 1.002); });
  const int before = reports::threads_in_use();
  std::vector<std::string> texts;
  for (const int threads : {1, 2, 7}) {
    reports::use_threads(threads);
    texts.push_back(reports::verdict_text(verdict_on(scenario, folder), "report"));
  }
  reports::use_threads(before);

  BOOST_TEST(texts[0] == texts[1]);
  BOOST_TEST(texts[0] == texts[2]);
  BOOST_TEST(texts[0].find("suspect") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
