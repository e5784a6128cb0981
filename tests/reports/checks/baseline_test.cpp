// A run that was judged in full and passed, and later runs of which only hashes are known: with its
// bits they pass, with others they are told where, and nothing else is taken for it.
#include "reports/checks/baseline.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "reports/checks/table.hpp"
#include "reports/judge.hpp"
#include "scenarios/config/command_line.hpp"
#include "tests/reports/checks/checks_support.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/injections.hpp"

namespace shardproof::tests {

using namespace reports;

namespace {

namespace fs = std::filesystem;

// Its embedding has four blocks, all else one. It is saved after its step.
Scenario scenario_of(const ScenarioOptions& given = {}) {
  ScenarioOptions options = given;
  options.steps = 1;
  options.overrides.insert(options.overrides.end(), {"vocab_size=2048", "num_hidden_layers=1"});
  Scenario scenario = scenario_of_file(sweep_file("tiny-tp4-dp1-zero0-fp32"), options);
  scenario.executions = {Execution::sim};
  scenario.checkpoint.save_after = {1};
  return scenario;
}

Scenario digest_of_it(Scenario scenario = scenario_of()) {
  scenario.trace_tier = TraceTier::digest;
  return scenario;
}

std::string program_hash(const std::string& trace) {
  return TraceReader(trace).header().program_hash;
}

/// The judged run: once for all tests.
struct Judged {
  TemporaryFolder folder;
  Verdict verdict;
  std::string file = folder / "baseline.h5", trace = folder / "sim";

  Judged() {
    const Scenario scenario = scenario_of();
    BOOST_REQUIRE(sim::simulate(scenario, trace));
    JudgeInput input{scenario, {}, {{"sim", trace}}, {}};
    input.new_baseline = file;
    verdict = judge(input);
  }
};

const Judged& judged() {
  static const Judged judged;
  return judged;
}

/// A later night's run: `ran` by the engine, held against a baseline.
struct Night {
  TemporaryFolder folder;
  std::string trace = folder / "sim";

  explicit Night(const Scenario& ran = digest_of_it()) { BOOST_REQUIRE(sim::simulate(ran, trace)); }
  Verdict against(const std::string& baseline) const {
    const Scenario scenario = digest_of_it();
    JudgeInput input{scenario, {}, {{"sim", trace}}, {}};
    input.baseline = baseline;
    return judge(input);
  }
};

const CheckResult& baseline_of(const Verdict& verdict) {
  for (const CheckResult& check : verdict.checks)
    if (check.name == "baseline") return check;
  throw std::out_of_range("baseline");
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The baseline of the judged run, changed and sealed again.
void write_changed(const std::string& path, const std::function<void(Baseline&)>& change) {
  const BaselineReader reader(judged().file);
  Baseline baseline = reader.about();
  change(baseline);
  BaselineWriter writer(path);
  for (int rank = 0; rank < 4; ++rank) writer.add("sim", rank, reader.digest("sim", rank));
  writer.close(baseline);
}

std::string refusal(const std::string& file, const Scenario& scenario,
                    const std::string& program = program_hash(judged().trace)) {
  return error_of([&] { expect_usable(BaselineReader(file), scenario, program); });
}

void flip_bit(const std::string& file, std::uintmax_t at) {
  std::fstream bytes(file, std::ios::binary | std::ios::in | std::ios::out);
  bytes.seekg(static_cast<std::streamoff>(at));
  const auto byte = static_cast<char>(bytes.get() ^ 1);
  bytes.seekp(static_cast<std::streamoff>(at));
  bytes.put(byte);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(baselines)

BOOST_AUTO_TEST_CASE(a_run_with_the_bits_of_a_judged_one_passes_and_leaves_no_tensor) {
  BOOST_REQUIRE(name_of(judged().verdict.conclusion) == std::string("pass"));
  BOOST_TEST(!baseline_of(judged().verdict).required);
  BOOST_TEST(refusal(judged().file, digest_of_it()) == "no error");
  const Night night;

  const Verdict verdict = night.against(judged().file);

  BOOST_TEST(name_of(verdict.conclusion) == "pass", baseline_of(verdict).reason);
  BOOST_TEST(name_of(baseline_of(verdict).proof) == "bitwise");
  BOOST_TEST(baseline_of(verdict).compared > 300);
  for (const CheckResult& check : verdict.checks)
    if (check.name != "baseline") {
      BOOST_TEST(name_of(check.outcome) == "not_run", check.name);
      BOOST_TEST(check.reason == "carried by the baseline", check.name);
    }
  BOOST_TEST(TraceReader(night.trace).datasets().empty());
  BOOST_TEST(verdict.baseline.value().judged.ends_with(" UTC"));
  BOOST_TEST(verdict.baseline->changes.empty());
}

BOOST_AUTO_TEST_CASE(hashes_that_are_held_against_nothing_prove_nothing) {
  const Night night;
  const Scenario scenario = digest_of_it();

  const Verdict verdict = judge({scenario, {}, {{"sim", night.trace}}, {}});

  BOOST_TEST(name_of(verdict.conclusion) == "unknown");
  BOOST_TEST(says(baseline_of(verdict).reason, "it takes a baseline"));
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_is_told_by_its_op_ranks_and_blocks) {
  Scenario flipped = digest_of_it();
  flipped.inject = {inject("set", "model.embed_tokens/data/load_weight", {2})};
  flipped.inject[0].value = "flip:0";
  flipped.inject[0].index = {1000, 0};  // rows of 128 bytes: it lies behind the first 65,536

  const Verdict verdict = Night(flipped).against(judged().file);

  BOOST_TEST(name_of(verdict.conclusion) == "unknown");
  BOOST_TEST(verdict.exit_code() == 2);
  const FirstDivergence first = verdict.first_divergence.value();
  BOOST_TEST(first.op == "model.embed_tokens/data/load_weight");
  BOOST_TEST(first.ranks == std::vector<int>{2}, boost::test_tools::per_element());
  BOOST_TEST(says(first.reason, "rank 2: block 1 of 4"), first.reason);
  const std::string& reason = baseline_of(verdict).reason;
  BOOST_TEST(says(reason, "unlike the judged run of "), reason);
  BOOST_TEST(says(reason, "sim: model.embed_tokens/data/load_weight"), reason);
}

BOOST_AUTO_TEST_CASE(another_order_of_a_sum_is_told_by_its_collective) {
  Scenario other = digest_of_it();
  other.reduction = ReductionOrder::rank_order;

  const Verdict verdict = Night(other).against(judged().file);

  BOOST_TEST(name_of(verdict.conclusion) == "unknown");
  const FirstDivergence first = verdict.first_divergence.value();
  BOOST_TEST(first.op.ends_with("/all_reduce.wait"), first.op);
  BOOST_TEST(first.ranks.size() == 4u);
}

BOOST_AUTO_TEST_CASE(what_changed_since_then_is_told_and_excuses_no_bit) {
  const TemporaryFolder folder;
  write_changed(folder / "b.h5",
                [](Baseline& baseline) { baseline.runs[0].settings["blas"] = "OpenBLAS 0.3.0"; });
  Scenario flipped = digest_of_it();
  flipped.inject = {inject("set", "lm_head/forward/matmul", {1})};
  flipped.inject[0].value = "flip:3";

  const Verdict alike = Night().against(folder / "b.h5");
  const Verdict unlike = Night(flipped).against(folder / "b.h5");

  BOOST_TEST(name_of(alike.conclusion) == "pass");
  BOOST_TEST(name_of(unlike.conclusion) == "unknown");
  for (const Verdict* verdict : {&alike, &unlike}) {
    BOOST_REQUIRE(verdict->baseline.value().changes.size() == 1u);
    BOOST_TEST(verdict->baseline->changes[0].starts_with("blas: OpenBLAS 0.3.0, now "));
  }
}

BOOST_AUTO_TEST_CASE(a_file_that_was_saved_otherwise_is_told) {
  const Night night;
  const std::string saved = night.trace + "/checkpoints/step-000001/";
  std::string file;
  for (const auto& entry : fs::directory_iterator(saved))
    if (entry.path().filename() != "manifest.json") file = entry.path().string();
  BOOST_TEST(name_of(night.against(judged().file).conclusion) == "pass");
  flip_bit(file, fs::file_size(file) - 1);

  const Verdict verdict = night.against(judged().file);

  BOOST_TEST(name_of(verdict.conclusion) == "unknown");
  BOOST_TEST(says(baseline_of(verdict).reason, fs::path(file).filename().string()));
}

BOOST_AUTO_TEST_CASE(a_baseline_of_something_else_is_refused_by_name) {
  const auto expect = [](auto change, const std::string& part) {
    ScenarioOptions given;
    change(given);
    const std::string said = refusal(judged().file, digest_of_it(scenario_of(given)));
    BOOST_TEST(says(said, ": a baseline of another " + part), said);
  };
  using Given = ScenarioOptions&;
  expect([](Given given) { given.reduction = "rank_order"; },
         "policy (reduction: \"ring\" and \"rank_order\")");
  expect([](Given given) { given.seed = 1; }, "task (seed: 410 and 1)");
  expect([](Given given) { given.overrides = {"zero_optimization.stage=1"}; },
         "grid (deepspeed.zero_optimization.stage: ");
  expect([](Given given) { given.overrides = {"bf16.enabled=true"}; },
         "policy (deepspeed.bf16.enabled: false and true)");
  BOOST_TEST(says(refusal(judged().file, digest_of_it(), "0"), "a baseline of another program"));
  Scenario otherwise_run = digest_of_it();
  otherwise_run.name = "another";
  otherwise_run.timeout_s = 7;
  otherwise_run.trace_keep = TraceKeep::never;
  BOOST_TEST(refusal(judged().file, otherwise_run) == "no error");
  otherwise_run.executions.push_back(Execution::real);
  BOOST_TEST(says(refusal(judged().file, otherwise_run), "was judged without real"));
}

BOOST_AUTO_TEST_CASE(a_baseline_of_another_judge_is_not_honoured) {
  const TemporaryFolder folder;
  write_changed(folder / "b.h5", [](Baseline& baseline) { baseline.judge = "0-0"; });
  BOOST_TEST(says(refusal(folder / "b.h5", digest_of_it()), "judged by another judge"));
}

// Whatever the bit: either it is told, or nothing that was written has changed.
BOOST_AUTO_TEST_CASE(a_damaged_baseline_is_found_out) {
  const TemporaryFolder folder;
  const std::string file = folder / "b.h5";
  const std::uintmax_t size = fs::file_size(judged().file);
  const auto content = [&](const std::string& path) {
    const BaselineReader reader(path);
    std::string text = reader.about().judged + reader.about().scenario + reader.about().judge;
    for (int rank = 0; rank < 4; ++rank) {
      const RankDigest digest = reader.digest("sim", rank);
      for (const AccessRecord& write : digest.writes) text += std::to_string(write.hash) + " ";
      for (const BlockRecord& block : digest.blocks) text += std::to_string(block.hash) + " ";
    }
    return text;
  };
  const std::string whole = content(judged().file);
  int refused = 0;
  constexpr std::uintmax_t flips = 60;
  for (std::uintmax_t i = 0; i < flips; ++i) {
    fs::copy_file(judged().file, file, fs::copy_options::overwrite_existing);
    flip_bit(file, size * i / flips);
    try {
      BOOST_TEST((content(file) == whole), i);
    } catch (const ScenarioError&) {
      ++refused;
    }
  }
  BOOST_TEST(refused > 10);  // the rest is what HDF5 leaves unused
}

BOOST_AUTO_TEST_CASE(what_fails_or_has_a_defect_planted_leaves_no_baseline) {
  const TemporaryFolder folder;
  for (const char* value : {"1e9", "0"}) {
    Scenario planted = sweep_scenario("tiny-tp1-dp2-zero1-bf16");
    planted.executions = {Execution::sim};
    planted.inject = {inject("set", "lm_head/forward/matmul", {1})};
    planted.inject[0].value = value;
    planted.inject[0].steps = {value == std::string("0") ? 7 : 0};  // there is no step 7
    const std::string trace = folder / value;
    BOOST_REQUIRE(sim::simulate(planted, trace));
    JudgeInput input{planted, {}, {{"sim", trace}}, {}};
    input.new_baseline = folder / "b.h5";
    BOOST_TEST(name_of(judge(input).conclusion) ==
               (planted.inject[0].steps[0] == 7 ? "pass" : "fail"));
    BOOST_TEST(!fs::exists(folder / "b.h5"));
  }
}

// Of hashes alone nothing tells why: but that they parted is a failure, whatever runs beside them.
BOOST_AUTO_TEST_CASE(ranks_that_parted_are_not_carried_by_the_bits_of_another_execution) {
  const Night right;
  const TemporaryFolder folder;
  Scenario scenario = digest_of_it();
  Injection left_out =
      inject("drop", "model.layers.0.mlp.down_proj/forward/all_reduce", /*ranks=*/{1});
  scenario.inject = {left_out};
  BOOST_REQUIRE(!sim::simulate(scenario, folder / "parted"));
  const Scenario judged_by = digest_of_it();

  JudgeInput input{judged_by, {}, {{"real", folder / "parted"}, {"sim", right.trace}}, {}};
  input.baseline = judged().file;
  const Verdict verdict = judge(input);

  BOOST_TEST(name_of(verdict.conclusion) == "fail");
  BOOST_TEST_REQUIRE(verdict.first_divergence.has_value());
  BOOST_TEST(verdict.first_divergence->execution == "real");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
