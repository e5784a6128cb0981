// The program of a scenario with "mode": "inference".
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <set>

#include "real/lowering/lowering.hpp"
#include "scenarios/partition/shard_widths.hpp"
#include "scenarios/plan/accounts.hpp"
#include "scenarios/plan/check/type_check.hpp"
#include "tests/support/scenario_runs.hpp"

using namespace shardproof;
using namespace shardproof::tests;

namespace {

const std::string uneven = "inference-llama-uneven-tp3-dp1-fp64";
const std::string replicas = "inference-llama-tp2-dp2-bf16";

std::vector<Op> ops_of(const Program& program) {
  std::vector<Op> ops;
  for (const Segment& segment : program.segments)
    ops.insert(ops.end(), segment.ops.begin(), segment.ops.end());
  return ops;
}

// The values by which the ranks decide.
std::set<std::string> decisions_of(const Program& program, const std::vector<Action>& actions) {
  std::set<std::string> values;
  for (const Action& action : actions) {
    if (action.kind == Action::Kind::decide) values.insert(program.value(action.value).name);
    values.merge(decisions_of(program, action.body));
    values.merge(decisions_of(program, action.otherwise));
  }
  return values;
}

// x = a + b written in the place of a; nobody reads a after it.
Program in_place() {
  Program program;
  for (const char* name : {"a", "b", "x", "y"})
    program.values.push_back({.name = name, .shape = {4}, .placement = {}});
  program.values[2].in_place_of = 0;
  const auto op = [](OpKind kind, std::vector<ValueId> inputs, ValueId output) {
    Op made;
    made.kind = kind;
    made.name = name_of(kind);
    made.inputs = std::move(inputs);
    made.outputs = {output};
    return made;
  };
  program.segments = {{"s",
                       {op(OpKind::zero, {}, 0), op(OpKind::zero, {}, 1),
                        op(OpKind::add, {0, 1}, 2), op(OpKind::copy, {2}, 3)},
                       {},
                       {}}};
  return program;
}

std::string first_problem(const Program& program) {
  const std::vector<TypeProblem> problems = type_check(program);
  return problems.empty() ? "" : problems.front().message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_of_inference)

BOOST_AUTO_TEST_CASE(it_has_no_backward_ops_and_no_memory_for_gradients_or_an_optimizer) {
  for (const std::string& name : {uneven, replicas}) {
    const Program program = real::lower(sweep(name));
    BOOST_TEST(type_check(program).empty());
    std::set<Phase> phases;
    for (const Op& op : ops_of(program)) phases.insert(op.phase);
    BOOST_TEST(
        (phases == std::set{Phase::data, Phase::forward, Phase::gather, Phase::repartition}));
    BOOST_TEST(
        (decisions_of(program, program.schedule) == std::set<std::string>{"data/inconsistent"}));
    const Accounts accounts = accounts_of(program);
    for (const MemoryAccount& memory : {accounts.smallest_rank, accounts.largest_rank}) {
      BOOST_TEST(memory.parameters > 0);
      BOOST_TEST(memory.gradients == 0);
      BOOST_TEST(memory.optimizer == 0);
    }
    for (const Value& value : program.values)
      for (const char* folder : {"accumulator/", "gradient/", "optimizer/", "backward/"})
        BOOST_TEST(!value.name.starts_with(folder), value.name);
  }
}

BOOST_AUTO_TEST_CASE(it_ends_with_the_logits_and_needs_no_labels) {
  const Program program = real::lower(sweep(replicas));
  const Op& last = program.segment("micro_step").ops.back();
  BOOST_TEST(program.value(last.outputs[0]).name == "forward/lm_head/output");
  for (const Value& value : program.values) {
    BOOST_TEST(value.name != "data/labels");
    BOOST_TEST(!value.name.starts_with("forward/loss/"));
  }
}

BOOST_AUTO_TEST_CASE(rows_are_reduced_over_the_tp_group_alone) {
  int reductions = 0;
  for (const Op& op : real::lower(sweep(replicas)).segment("micro_step").ops) {
    if (!is_collective(op.kind)) continue;
    BOOST_TEST((op.group == Axis::tp), full_name(op));
    reductions += op.kind == OpKind::all_reduce;
  }
  BOOST_TEST(reductions == 2 * 2);  // o_proj and down_proj of two layers
}

BOOST_AUTO_TEST_CASE(widths_are_those_of_uneven_cuts_and_one_rank_has_no_attention) {
  const Scenario scenario = sweep(uneven);
  const auto widths = [&](const std::string& module) {
    return scenario.partition.of("model.layers.0." + module).widths;
  };
  // 4 heads in 2 KV groups, 8 wide, among 3; 48 = 3 x 16 is even.
  BOOST_TEST((widths("self_attn.q_proj") == Widths{{16, 16, 0}}));
  BOOST_TEST((widths("self_attn.k_proj") == Widths{{8, 8, 0}}));
  BOOST_TEST((widths("self_attn.o_proj") == Widths{{16, 16, 0}}));
  BOOST_TEST(widths("mlp.up_proj").empty());
  BOOST_TEST((widths("self_attn.v_proj") ==
              Widths{shard_widths(16, 3, "model.layers.0.self_attn.v_proj", {2, 1})}));
}

BOOST_AUTO_TEST_CASE(every_bias_is_added_in_the_place_of_the_product) {
  const Program program = real::lower(sweep(uneven));
  int biases = 0;
  for (const Op& op : ops_of(program)) {
    if (op.kind != OpKind::add_bias) continue;
    BOOST_TEST(program.value(op.outputs[0]).in_place_of == op.inputs[0], full_name(op));
    ++biases;
  }
  BOOST_TEST(biases == 2 * 7);
}

BOOST_AUTO_TEST_CASE(what_was_overwritten_in_place_may_not_be_read) {
  BOOST_TEST(first_problem(in_place()) == "");

  Program reads_after = in_place();
  reads_after.segments[0].ops[3].inputs = {0};
  BOOST_TEST(first_problem(reads_after) == "reads a before it is written");
}

BOOST_AUTO_TEST_CASE(an_op_writes_in_place_of_what_it_reads_and_of_nothing_unlike) {
  Program unread = in_place();
  unread.segments[0].ops[2].inputs = {1, 1};
  BOOST_TEST(first_problem(unread) == "writes x in place of what it does not read");

  Program unlike = in_place();
  unlike.values[2].dtype = Dtype::fp64;
  BOOST_TEST(first_problem(unlike) == "writes x in place of a, which is unlike it");
}

BOOST_AUTO_TEST_SUITE_END()
