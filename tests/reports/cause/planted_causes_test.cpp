// Who tests the search for a cause: defects of which the cause is known, since they were planted.
// What must be found was written down before a row was run first; three rows were wrong themselves,
// and say so. Four in five must be right, all but those of which it is known that they are missed;
// and where the search claims bits, it must not be wrong once.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <iostream>
#include <optional>

#include "reports/judge.hpp"
#include "reports/render/format.hpp"
#include "sim/simulate.hpp"
#include "tests/support/injections.hpp"
#include "tests/support/sweep.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {
namespace {

using namespace reports;

const std::string zero1 = "tiny-bias-tp2-dp2-zero1-bf16";
const std::string zero0 = "tiny-bias-tp2-dp2-zero0-fp32-rank_order";
const std::string zero2 = "llama-tp2-dp2-zero2-bf16";
const std::string fp64 = "llama-tp2-dp2-zero2-fp64";
const std::string fp16 = "llama-fp16-static-tp2-dp2-zero0";
const std::string fp16_dynamic = "llama-fp16-dynamic-tp2-dp2-zero1";
const std::string tp4 = "tiny-tp4-dp1-zero0-fp32";
const std::string dp3 = "tiny-gqa-tp1-dp3-zero1-fp32-rank_order";
const std::string bloom = "bloom-tp2-dp1-zero0-fp32";
const std::string gpt2 = "gpt2-tp2-dp2-zero1-bf16";
const std::string gpt2_fp64 = "gpt2-tp1-dp2-zero1-fp64";
const std::string phi3 = "phi3-gqa-own-tp2-dp1-zero1-fp32";
const std::string sgd = "sgd-momentum-tp2-dp2-zero0-fp32";
const std::string opt = "opt-tp2-dp2-zero1-bf16";
const std::string olmo2 = "olmo2-own-tp2-dp2-zero1-bf16";
const std::string torch = "torch-adamw-tp2-dp2-zero2-bf16-round_robin";
const std::string uneven = "llama-uneven-tp3-dp2-zero1-bf16";
const std::string moe = "mixtral-tp_plan-tp2-dp1-zero0-fp32";
const std::string qwen2 = "qwen2-tied-tp_plan-tp2-dp2-zero2-bf16";
const std::string warmup = "warmup-decay-tp1-dp2-zero0-fp32";

const std::string attention = "model.layers.0.self_attn";
const std::string o_proj = "model.layers.0.self_attn.o_proj";
const std::string mlp = "model.layers.0.mlp";
const std::string down_proj = "model.layers.0.mlp.down_proj";

// ---- what is planted

Injection drop(const std::string& op, std::vector<int> ranks = {}) {
  return inject("drop", op, std::move(ranks));
}
Injection doubled(const std::string& op) { return inject("double", op); }
Injection scale(const std::string& op, double factor, std::vector<int> ranks = {}) {
  Injection injection = inject("scale", op, std::move(ranks));
  injection.factor = factor;
  return injection;
}
Injection bias_before(const std::string& module) {
  return inject("add_bias_before_reduce", module + "/forward/add_bias");
}
Injection swap(const std::string& module, std::vector<int> ranks = {}) {
  return inject("swap_shards", module + "/data/load_weight", std::move(ranks));
}
Injection regroup(const std::string& op) {
  Injection injection = inject("regroup", op);
  injection.group = "dp";
  return injection;
}
Injection retype(const std::string& op, const std::string& dtype) {
  Injection injection = inject("retype", op);
  injection.dtype = dtype;
  return injection;
}
Injection stale(const std::string& op, std::vector<int> ranks, std::vector<int> steps,
                std::vector<int> micro_steps = {}) {
  Injection injection = inject("stale", op, std::move(ranks));
  injection.steps = std::move(steps);
  injection.micro_steps = std::move(micro_steps);
  return injection;
}
Injection set(const std::string& op, const std::string& value, std::vector<std::int64_t> index,
              std::vector<int> ranks, SetTime when = SetTime::output) {
  Injection injection = inject("set", op, std::move(ranks));
  injection.value = value;
  injection.index = std::move(index);
  injection.when = when;
  return injection;
}
Injection read(const std::string& op, std::int64_t input, const std::string& value) {
  Injection injection = inject("read", op);
  injection.index = {input};
  injection.value = value;
  return injection;
}

// ---- what must be found

struct Expected {
  std::string name;  // the beginning of it
  std::string words = "";
  double coefficient = std::nan("");
};
struct Planted {
  std::string scenario;
  std::optional<Injection> injection;
  Expected expected;
  int steps = 1;
  void (*judged)(Scenario&) = nullptr;  // the judge goes by another scenario than the run
  bool is_missed = false;               // still
};

Expected factor(double by, const std::string& words = "") { return {"factor", words, by}; }
const Expected not_reduced{"bits equal to ", "nothing was reduced"};
const Expected passed_on{"bits equal to ", "passed on"};
const Expected stale_bits{"bits equal to ", "stale"};
const Expected another_slice{"slice of rank"};
const Expected ranks_slice{"bits equal to ", "what rank"};
const Expected zeros{"zeros"};
const Expected twice{"applied twice"};
Expected number(const std::string& name, double value) { return {name, "", value}; }

std::vector<Planted> planted_defects() {
  return {
      // a reduction that did not happen
      {zero1, drop(o_proj + "/forward/all_reduce"), not_reduced},
      {zero0, drop(down_proj + "/forward/all_reduce"), not_reduced},
      {fp64, drop(mlp + ".up_proj/backward/all_reduce"), not_reduced},
      {tp4, drop(attention + ".q_proj/backward/all_reduce"), not_reduced},
      {zero1, drop("optimizer/update/grad_norm_squared_all_reduce_tp"), not_reduced},
      {zero2, drop("bucket_2/reduce/all_reduce"), not_reduced},
      // or happened twice
      {zero1, doubled(o_proj + "/forward/all_reduce"), factor(2, "tp")},
      {tp4, doubled(down_proj + "/forward/all_reduce"), factor(4, "tp")},
      {fp64, doubled(mlp + ".up_proj/backward/all_reduce"), factor(2, "tp")},
      {dp3, doubled("bucket_0/reduce/all_reduce"), factor(3, "dp")},
      // over other ranks, or in another dtype
      {zero1, regroup(mlp + ".gate_proj/backward/all_reduce"), {"summed over dp"}},
      {zero0, regroup(o_proj + "/forward/all_reduce"), {"summed over dp"}},
      {fp64, regroup(down_proj + "/forward/all_reduce"), {"summed over dp"}},
      {zero0, retype("bucket_0/reduce/all_reduce", "bf16"), {"rounded to bf16"}},
      {tp4, retype(o_proj + "/forward/all_reduce", "bf16"), {"rounded to bf16"}},
      {fp64, retype(down_proj + "/forward/all_reduce", "fp32"), {"rounded to fp32"}},
      // without a part, or with one of them twice
      {dp3, scale("bucket_0/reduce/flatten", 0, {1}), number("part missing", 1)},
      {dp3, scale("bucket_0/reduce/flatten", 2, {2}), number("part twice", 2)},
      // factors
      {zero1, scale(down_proj + "/forward/all_reduce", 0.5), factor(0.5, "1/tp")},
      {zero0, scale(mlp + ".gate_proj/backward/all_reduce", 2, {3}), factor(2, "tp")},
      {zero0, scale(mlp + ".gate_proj/forward/matmul", 1.01), factor(1.01)},
      {zero1, scale(mlp + "/forward/swiglu", 1.5), factor(1.5)},
      {fp16, scale("model.norm/forward/rms_norm", 0.25), factor(0.25)},
      {fp64, scale(attention + "/forward/attention", -1), factor(-1)},
      {fp16, scale("lm_head/forward/matmul", 100), factor(100, "loss scale")},
      {zero1, scale("loss/backward/cross_entropy_backward", 0.5), factor(0.5)},
      {fp16, scale("loss/backward/cross_entropy_backward", 0.01), factor(0.01, "loss scale")},
      {tp4, scale("model.embed_tokens/forward/embedding", 3), factor(3)},
      {zero0, scale("lm_head/backward/matmul_backward_weight", 2), factor(2)},
      {fp64, scale("model.layers.0/forward/add_residual", 1.001), factor(1.001)},
      {dp3, scale(attention + ".q_proj/forward/matmul", 4, {0}), factor(4)},
      {zero1, drop("bucket_3/reduce/divide"), factor(2, "dp")},
      {zero0, drop("bucket_0/reduce/scale"), factor(2, "dp")},
      {fp16_dynamic, scale("optimizer/data/load_loss_scale", 2), factor(2)},
      {fp16, scale("optimizer/update/clip_factor", 0.5), factor(0.5)},
      // biases
      {zero1, bias_before(o_proj), number("bias", 2)},
      {zero0, bias_before(down_proj), number("bias", 2)},
      {fp64, bias_before(o_proj), number("bias", 2)},
      {bloom, bias_before("transformer.h.0.self_attention.dense"), number("bias", 2)},
      {zero0, doubled(attention + ".q_proj/forward/add_bias"), number("bias", 1)},
      // ops that did nothing
      {zero1, drop(o_proj + "/forward/add_bias"), passed_on},
      {zero0, drop(mlp + ".gate_proj/forward/add_bias"), passed_on},
      {zero1, drop("model.layers.0/forward/add_residual"), passed_on},
      {zero0, drop(attention + "/forward/rotary_query"), passed_on},
      {fp64, drop("model.norm/forward/rms_norm"), passed_on},
      {zero1, drop(mlp + "/forward/swiglu"), passed_on},
      {zero2, drop("bucket_1/reduce/accumulate_slices", {2}), passed_on},
      {zero0, drop("lm_head/backward/accumulate_weight"), passed_on},
      // or were done twice
      {zero0, doubled("model.norm/forward/rms_norm"), twice},
      {fp64, doubled(attention + "/forward/rotary_query"), twice},
      {zero0, doubled(mlp + "/forward/swiglu"), twice},
      // Was to be an operand that is added twice, which is the same.
      {fp64, doubled("model.layers.0/forward/add_residual"), twice},
      // shards of others
      {zero1, swap(mlp + ".up_proj"), another_slice},
      {zero1, swap(mlp + ".up_proj", {1}), ranks_slice},
      {gpt2, swap("transformer.h.1.attn.c_attn"), another_slice},
      {tp4, swap(o_proj, {2}), {"bits equal to ", "what rank 3 holds"}},
      {fp64, swap(down_proj), another_slice},
      // of another time
      {zero1, stale(attention + "/forward/attention", {2}, {1}), stale_bits, 2},
      {zero0, stale(mlp + "/forward/swiglu", {0}, {0}, {1}), stale_bits},
      {fp64, stale("model.norm/forward/rms_norm", {1}, {0}, {0}), zeros},
      {zero1, stale("optimizer/update/all_gather", {2}, {1}), stale_bits, 2},
      {dp3, stale("lm_head/backward/matmul_backward_weight", {1}, {0}, {1}), stale_bits},
      {warmup, stale("optimizer/update/load_learning_rate", {1}, {4}), stale_bits, 5},
      {qwen2, stale("model.embed_tokens/forward/embedding", {1}, {0}, {1}), stale_bits},
      // single elements
      {zero1, set(mlp + ".gate_proj/forward/matmul", "flip:13", {0, 3, 5}, {0}),
       number("flipped bit", 13)},
      {zero0, set(mlp + ".gate_proj/forward/matmul", "flip:20", {0, 3, 5}, {1}),
       number("flipped bit", 20)},
      {fp64, set("model.norm/forward/rms_norm", "flip:51", {1, 2, 7}, {2}),
       number("flipped bit", 51)},
      {tp4, set(mlp + ".up_proj/data/load_weight", "flip:30", {2, 5}, {3}),
       number("flipped bit", 30)},
      {zero1, set(mlp + "/forward/swiglu", "nan", {0, 3, 5}, {3}), {"nan"}},
      {zero0, set("model.norm/forward/rms_norm", "inf", {0, 3, 5}, {3}), {"inf"}},
      {zero0, set("model.norm/forward/rms_norm", "0.1234", {0, 3, 5}, {1}), {"unexplained"}},
      {zero1, set("optimizer/update/sum_of_squares", "0", {}, {1, 3}), zeros},
      // Was to be zeros: a part of a sum is not judged by itself, its sum is.
      {tp4, scale(o_proj + "/forward/matmul", 0, {1}), number("part missing", 1)},
      // between who wrote and who read
      {zero1,
       set(mlp + "/forward/swiglu", "0.25", {0, 3, 5}, {3}, SetTime::after_record),
       {"changed after it was written"}},
      {fp64,
       set("optimizer/reduce/gradients", "0.5", {7}, {3}, SetTime::after_record),
       {"changed after it was written"}},
      {zero1,
       set("optimizer/update/adamw", "0.5", {7}, {1}, SetTime::between_steps),
       {"changed between the steps"},
       2},
      // other operands, other numbers
      {phi3, read(mlp + "/forward/swiglu", 0, "forward/" + mlp + "/up"), {"another operand"}},
      {zero0,
       read(mlp + "/forward/swiglu", 1, "forward/" + mlp + ".gate_proj/output"),
       {"another operand"}},
      {zero0, std::nullopt, number("another eps", 1e-5), 1,
       [](Scenario& s) { s.model.rms_norm_eps = 1e-3; }},
      {gpt2_fp64, std::nullopt, number("another eps", 1e-5), 1,
       [](Scenario& s) { s.model.numbers["layer_norm_epsilon"] = 1e-6; }},
      {fp64, std::nullopt, number("another theta", 1e4), 1,
       [](Scenario& s) { s.model.rope_theta = 5e5; }},
      {zero0,
       std::nullopt,  // Was to be another beta: a scalar that follows from it is loaded before.
       factor(0.5), 1, [](Scenario& s) { s.training.optimizer.beta1 = 0.8; }},
      // The policy names the op in the first step, where no number is wrong yet.
      {sgd, std::nullopt, number("another factor", 0.9), 2,
       [](Scenario& s) { s.training.optimizer.momentum = 0.8; }, true},
      {zero0, std::nullopt, number("another weight decay", 0.01), 1,
       [](Scenario& s) { s.training.optimizer.weight_decay = 0.1; }},
      {zero0, std::nullopt, factor(0.5), 1,
       [](Scenario& s) { s.training.optimizer.learning_rate *= 2; }},
  };
}

/// In other families, written when the search was done. One of them has shown since that a rank
/// whose shard is empty has no part that could be missing.
std::vector<Planted> planted_afterwards() {
  const std::string layer = "model.decoder.layers.1", moe_block = "model.layers.1.block_sparse_moe";
  return {
      {opt, drop(layer + ".fc2/forward/all_reduce"), not_reduced},
      {opt, bias_before(layer + ".self_attn.out_proj"), number("bias", 2)},
      {opt, drop(layer + "/forward/relu"), passed_on},
      {opt, stale(layer + ".fc1/forward/matmul", {3}, {1}), stale_bits, 2},
      {opt, doubled(layer + ".final_layer_norm/forward/layer_norm"), twice},
      {opt, scale(layer + ".fc1/backward/bias_backward", 2), factor(2)},
      {olmo2, scale("model.layers.1.self_attn.q_norm/forward/rms_norm", 0.1), factor(0.1)},
      {olmo2, doubled("model.layers.1.mlp.down_proj/forward/all_reduce"), factor(2, "tp")},
      {olmo2, regroup("model.layers.1.mlp.gate_proj/backward/all_reduce"), {"summed over dp"}},
      {olmo2, swap("model.layers.1.mlp.gate_proj"), another_slice},
      {torch, scale("optimizer/update/clip", 2), factor(2)},
      {torch, drop("bucket_0/reduce/divide"), factor(2, "dp")},
      {torch, set("optimizer/update/exp_avg_sq", "flip:25", {5}, {1}), number("flipped bit", 25)},
      {torch, drop("optimizer/update/grad_norm_squared_all_reduce_dp"), not_reduced},
      // Its replica, which is right, comes first in the order of its own rank.
      {torch, scale("optimizer/update/exp_avg", 0, {2}), zeros, 1, nullptr, true},
      {uneven, drop("model.layers.1.self_attn.o_proj/forward/all_reduce"), not_reduced},
      {uneven, bias_before("model.layers.1.mlp.down_proj"), number("bias", 3)},
      {uneven, scale("model.layers.1.mlp.down_proj/forward/matmul", 0, {2}),
       number("part missing", 2)},
      {uneven, scale("model.layers.1.self_attn.o_proj/forward/matmul", 2, {1}),
       number("part twice", 1)},
      {uneven, doubled("bucket_0/reduce/all_reduce"), factor(2, "dp")},
      {moe, scale(moe_block + "/forward/moe_combine", 0.5), factor(0.5)},
      {moe, drop("lm_head/backward/all_reduce"), not_reduced},
      {moe, stale("lm_head/forward/all_gather", {1}, {1}), stale_bits, 2},
      {moe, set("model.layers.1/forward/add_output", "inf", {0, 1, 2}, {0}), {"inf"}},
      {fp16, swap(attention + ".q_proj", {3}), ranks_slice},
  };
}

std::string what_of(const Planted& planted) {
  if (!planted.injection) return planted.scenario + ": judged by another scenario";
  return planted.scenario + ": " + name_of(planted.injection->edit) + " " + planted.injection->op;
}

std::optional<Cause> cause_of(const Planted& planted) {
  Scenario scenario = sweep(planted.scenario, planted.steps);
  scenario.executions = {Execution::sim};
  if (planted.injection) scenario.inject = {*planted.injection};
  const TemporaryFolder folder;
  BOOST_REQUIRE_MESSAGE(sim::simulate(scenario, folder / "sim"), what_of(planted));
  if (planted.judged != nullptr) planted.judged(scenario);
  const Verdict verdict = judge({scenario, {}, {{"sim", folder / "sim"}}, {}});
  BOOST_TEST(verdict.first_divergence.has_value(), what_of(planted));
  return verdict.first_divergence ? verdict.first_divergence->cause : std::nullopt;
}

// Or if it is told as what predicts the same numbers.
bool is_right(const Cause& cause, const Expected& expected) {
  for (const Cause& other : cause.alternatives)
    if (is_right(other, expected)) return true;
  return cause.name.starts_with(expected.name) &&
         cause.known_as.find(expected.words) != std::string::npos &&
         (std::isnan(expected.coefficient) ||
          std::fabs(cause.coefficient.value_or(0) / expected.coefficient - 1) < 1e-3);
}

/// Prints those that are missed; that one claims bits and is wrong is an error.
std::size_t count_right(const std::vector<Planted>& defects) {
  std::size_t right = 0;
  for (const Planted& planted : defects) {
    const std::optional<Cause> cause = cause_of(planted);
    if (cause && is_right(*cause, planted.expected)) {
      ++right;
      continue;
    }
    const bool claims_bits = cause && cause->certain;
    std::cout << "missed: " << what_of(planted) << "\n  expected " << planted.expected.name << " "
              << planted.expected.words << "\n  found    "
              << (cause ? cause->name + (claims_bits ? " (bits): " : ": ") + cause_text(*cause)
                        : "nothing")
              << "\n";
    BOOST_TEST(!claims_bits, what_of(planted));
    BOOST_TEST(planted.is_missed, what_of(planted));
  }
  return right;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(planted_causes)

BOOST_AUTO_TEST_CASE(four_of_five_are_named_and_none_is_wrong_where_bits_are_claimed) {
  const std::size_t count = planted_defects().size();

  const std::size_t right = count_right(planted_defects());

  std::cout << right << " of " << count << " causes are right\n";
  BOOST_TEST(count >= 60u);
  BOOST_TEST(5 * right >= 4 * count);
}

BOOST_AUTO_TEST_CASE(as_many_are_named_in_families_that_it_was_not_made_with) {
  const std::size_t count = planted_afterwards().size();

  const std::size_t right = count_right(planted_afterwards());

  std::cout << right << " of " << count << " causes are right\n";
  BOOST_TEST(5 * right >= 4 * count);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
