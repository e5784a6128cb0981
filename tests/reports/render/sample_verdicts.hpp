#pragma once

#include <stdexcept>
#include <string>

#include "reports/checks/table.hpp"
#include "reports/verdict/suspects.hpp"
#include "reports/verdict/verdict.hpp"

namespace shardproof::tests {

/// Hand-made verdicts, one of each kind.
inline reports::Verdict passing_verdict() {
  using namespace reports;
  Verdict verdict;
  verdict.scenario = "llama-tp2-dp2";
  verdict.scenario_hash = "00112233aabbccdd";
  verdict.executions = {"reference", "sim", "real"};
  verdict.conclusion = Conclusion::pass;
  for (const std::string& name : check_names()) {
    const bool silent = name == "baseline";
    CheckResult check{.name = name,
                      .proof = Proof::bitwise,
                      .outcome = Outcome::pass,
                      .compared = 1000,
                      .failed = 0,
                      .max_ratio = {},
                      .reason = {}};
    if (name == "op_local") check.proof = Proof::sound, check.max_ratio = 0.71234;
    if (name == "plan_units") check.proof = Proof::sound, check.max_ratio = 0.5;
    if (name == "shadow") check.proof = Proof::sound, check.max_ratio = 0.44;
    if (name == "suspects") check.proof = Proof::statistical, check.max_ratio = 0.1;
    if (name == "end_to_end") {
      check.proof = Proof::unknown, check.outcome = Outcome::trend;
      check.reason = "the trajectory is shown, not judged";
    }
    if (silent)
      check = {.name = name,
               .proof = Proof::unknown,
               .outcome = Outcome::not_run,
               .compared = 0,
               .failed = 0,
               .max_ratio = {},
               .reason = name == "baseline" ? "what is recorded is judged itself"
                                            : "not part of this version"};
    verdict.checks.push_back(check);
  }
  for (const char* name : {"forward/model.norm/output", "backward/lm_head/grad_input"}) {
    TensorRow row{.name = name, .cells = {}};
    row.cells = {{.judged = true, .failed = false, .max_ratio = 0.431, .first_failure = {}}, {}};
    row.power = Power{.scale = 0.002, .scale_by_suspects = 0.0002, .steps = 3};
    verdict.tensors.push_back(row);
  }
  for (int step = 0; step < 3; ++step)
    verdict.step_errors.push_back({"sim", step, 0.431, "/step/forward/x", 1, false});
  for (int step = 0; step < 3; ++step) {
    verdict.trend.push_back({"sim", step, "loss", 4.1 - 0.1 * step, 4.1 - 0.09 * step});
    verdict.trend.push_back({"real", step, "loss", 4.1 - 0.1 * step, 4.1 - 0.09 * step});
  }
  verdict.environment = {{"compiler", "g++ 12"}, {"cpu", "a <fast> one"}, {"version", "0.1.0"}};
  verdict.shadow = ShadowChoice{true, 1, 0.25, {"all steps but the first"}, ""};
  verdict.timing = {{"judge_s", 1.5}, {"total_s", 4.25}};
  verdict.memory_estimate = {{"judge", 1 << 20}, {"sim", 2 << 20}, {"together", 2 << 20}};
  verdict.memory_peak = {{"judge", 1'000'000}, {"sim", 1'900'000}, {"together", 1'900'000}};
  verdict.plan_text = "plan of llama-tp2-dp2: 4 ranks = tp 2 x dp 2\n";
  verdict.reproduce = "shardproof run 'scenario.json'";
  return verdict;
}

inline reports::CheckResult& check_of(reports::Verdict& verdict, const std::string& name) {
  for (reports::CheckResult& check : verdict.checks)
    if (check.name == name) return check;
  throw std::out_of_range(name);
}

/// It passes, though a rank's products are a little too large.
inline reports::Verdict suspected_verdict() {
  using namespace reports;
  Verdict verdict = passing_verdict();
  SuspectOp suspect;
  FirstDivergence& first = suspect.first;
  first.execution = "real";
  first.moment = {Moment::Stage::step, 1, 0};
  first.op = "model.layers.1.mlp.down_proj/forward/matmul";
  first.tensor = "/step/000001/micro/0/forward/model.layers.1.mlp.down_proj/partial";
  first.rank = 1;
  first.ranks = {1};
  first.index = {1, 0, 3, 17};
  first.expected = 0.15625;
  first.got = 0.1572265625;
  suspect.signature = {Signature::Kind::factor, 1.0002, 1e-5};
  suspect.z = 143.25;
  suspect.units = 2;
  verdict.suspects = {suspect};
  CheckResult& check = check_of(verdict, "suspects");
  check.outcome = Outcome::trend;
  check.reason = sentence_of(suspect);
  verdict.tensors[1].vacuous = "the bias is zero: nobody would see that it is left out";
  return verdict;
}

inline reports::Verdict failing_verdict() {
  using namespace reports;
  Verdict verdict = passing_verdict();
  verdict.conclusion = Conclusion::fail;
  verdict.injected = {"drop model.layers.1.self_attn.o_proj/forward/all_reduce"};
  CheckResult& check = check_of(verdict, "plan_units");
  check.outcome = Outcome::fail;
  check.failed = 12;
  check.max_ratio = 3210.5;
  check.reason = "12 of 1000 elements are outside their sets";
  verdict.first_divergence = FirstDivergence{
      .execution = "sim",
      .moment = {Moment::Stage::step, 1, 0},
      .phase = Phase::forward,
      .op = "model.layers.1.self_attn.o_proj/forward/all_reduce",
      .tensor = "/step/000001/micro/0/forward/model.layers.1.self_attn.o_proj/output",
      .rank = 0,
      .ranks = {0, 1},
      .index = {0, 3, 17},
      .expected = 0.15625,
      .got = -0.0712890625,
      .error = 0.2275390625,
      .bound = 1.25e-7,
      .wrong_elements = 12,
      .cause = {},
      .reason = "sim: the output is not what matmul of the recorded inputs may give"};
  verdict.other_failures = 2048;
  verdict.tensors[1].holds_first_divergence = true;
  verdict.tensors[1].cells[0] = {.judged = true,
                                 .failed = true,
                                 .max_ratio = 3210.5,
                                 .first_failure = "/step/000001/micro/0",
                                 .bounded = true};
  return verdict;
}

inline reports::Verdict unknown_verdict() {
  reports::Verdict verdict = passing_verdict();
  verdict.conclusion = reports::Conclusion::unknown;
  reports::CheckResult& check = check_of(verdict, "coverage");
  check.outcome = reports::Outcome::unknown;
  check.compared = 0;
  check.reason = "the trace records no gradient of model.norm.weight";
  return verdict;
}

inline reports::Verdict error_verdict() {
  reports::Verdict verdict;
  verdict.scenario = "llama-tp2-dp2";
  verdict.executions = {"reference", "sim", "real"};
  verdict.conclusion = reports::Conclusion::error;
  verdict.errors = {"real: rank 3 was killed by signal 9 in step 1", "real: rank 0 ended with 1",
                    "mpirun: aborted"};
  verdict.reproduce = "shardproof run 'scenario.json'";
  return verdict;
}

}  // namespace shardproof::tests
