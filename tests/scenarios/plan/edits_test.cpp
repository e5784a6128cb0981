#include "scenarios/plan/edits.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>

#include "real/lowering/lowering.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/accounts.hpp"
#include "scenarios/plan/check/type_check.hpp"
#include "scenarios/plan/program_json.hpp"
#include "tests/scenarios/plan/plan_fixture.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/injections.hpp"
#include "tests/support/sweep.hpp"

using namespace shardproof;
using namespace shardproof::tests;

namespace {

const std::string reduce = "model.layers.1.self_attn.o_proj/forward/all_reduce";

Program edited(const Program& program, const Injection& injection) {
  return apply_injections(program, {injection}, Rank{0}).program;
}

std::vector<const Op*> ops_named(const Program& program, const std::string& name) {
  std::vector<const Op*> found;
  for (const Segment& segment : program.segments)
    for (const Op& op : segment.ops)
      if (full_name(op) == name) found.push_back(&op);
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_edits)

BOOST_AUTO_TEST_CASE(every_lowered_program_is_well_typed_and_survives_json) {
  for (int tp : {1, 2, 4})
    for (int dp : {1, 2, 3, 4})
      for (int stage : {0, 1, 2}) {
        const Program program = real::lower(plan_scenario(tp, dp, stage));
        const std::vector<TypeProblem> problems = type_check(program);
        BOOST_TEST(problems.empty(),
                   tp << "x" << dp << " stage " << stage << ": "
                      << (problems.empty() ? "" : problems[0].op + ": " + problems[0].message));
        const std::string text = program_text(program);
        const Program back = program_from_json(parse_json(text, "program"));
        BOOST_TEST(program_text(back) == text);
        BOOST_TEST(hash_of(back) == hash_of(program));
      }
}

BOOST_AUTO_TEST_CASE(a_dropped_or_doubled_or_regrouped_reduction_is_ill_typed) {
  const Program program = real::lower(plan_scenario(2, 2));
  for (const char* edit : {"drop", "double", "regroup"}) {
    Injection made = inject(edit, reduce);
    made.group = "dp";
    BOOST_TEST(!type_check(edited(program, made)).empty(), edit);
  }
}

// Where it overlaps with other work, that stays as it was.
BOOST_AUTO_TEST_CASE(of_a_doubled_collective_nothing_between_it_and_its_wait_runs_twice) {
  const Program program = real::lower(sweep("llama-uneven-tp3-dp2-zero2-overlap-fp32"));
  const auto counts_of = [](const Program& counted) {
    std::map<std::string, int> counts;
    for (const Segment& segment : counted.segments)
      for (const Op& op : segment.ops) ++counts[full_name(op)];
    return counts;
  };
  for (const CollectiveAccount& collective : accounts_of(program).collectives) {
    if (collective.kind != "all_reduce") continue;
    std::map<std::string, int> counts =
        counts_of(edited(program, inject("double", collective.origin)));
    BOOST_TEST(counts[collective.origin + ".once"] == 1);
    BOOST_TEST(counts[collective.origin + ".wait.once"] == 1);
    counts.erase(collective.origin + ".once");
    counts.erase(collective.origin + ".wait.once");
    BOOST_TEST((counts == counts_of(program)), collective.origin);
  }
}

// What it would have set anew goes on: an accumulator that is not cleared between two steps.
BOOST_AUTO_TEST_CASE(an_op_without_an_input_is_left_out_if_it_sets_what_lives_on) {
  const Program program = real::lower(plan_scenario(2, 2));
  const std::string zero = "model.norm/data/zero_weight";
  Injection once = inject("drop", zero);
  once.steps = {1};

  BOOST_TEST(ops_named(program, zero).size() == 1U);
  BOOST_TEST(ops_named(edited(program, inject("drop", zero)), zero).empty());
  BOOST_TEST(ops_named(edited(program, once), zero).size() == 1U);
  BOOST_TEST(error_of([&] {
               edited(program, inject("drop", "optimizer/update/load_learning_rate"));
             }).find("does not fit") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_bias_added_to_partial_sums_is_ill_typed) {
  const Program program = real::lower(plan_scenario(2, 2));
  const Injection made =
      inject("add_bias_before_reduce", "model.layers.1.self_attn.o_proj/forward/add_bias");
  BOOST_TEST(!type_check(edited(program, made)).empty());
}

BOOST_AUTO_TEST_CASE(the_type_check_misses_every_sum_that_is_dropped) {
  const Program program = real::lower(plan_scenario(2, 2));
  int dropped = 0;
  for (const CollectiveAccount& collective : accounts_of(program).collectives) {
    if (collective.kind != "all_reduce") continue;
    BOOST_TEST(!type_check(edited(program, inject("drop", collective.origin))).empty(),
               collective.origin);
    ++dropped;
  }
  BOOST_TEST(dropped >= 14);
}

BOOST_AUTO_TEST_CASE(edits_that_types_allow_change_the_accounts_or_the_ops_as_documented) {
  const Program program = real::lower(plan_scenario(2, 2));

  Injection scale = inject("scale", reduce);
  scale.factor = 3;
  const Program scaled = edited(program, scale);
  BOOST_TEST(type_check(scaled).empty());
  const auto scalings = ops_named(scaled, reduce + ".scaled");
  BOOST_TEST_REQUIRE(scalings.size() == 1u);
  BOOST_CHECK(scalings[0]->kind == OpKind::scale);
  BOOST_TEST(real_number(*scalings[0], "factor") == 3.0);

  Injection retype = inject("retype", reduce);
  retype.dtype = "fp32";
  const Accounts accounts = accounts_of(edited(program, retype));
  const auto retyped =
      std::find_if(accounts.collectives.begin(), accounts.collectives.end(),
                   [](const CollectiveAccount& account) { return account.origin == reduce; });
  BOOST_TEST_REQUIRE((retyped != accounts.collectives.end()));
  BOOST_CHECK(retyped->dtype == Dtype::fp32);
  BOOST_TEST(retyped->bytes == 4 * 2 * 12 * 32);

  const std::string load = "model.layers.0.self_attn.q_proj/data/load_weight";
  const Program swapped = edited(program, inject("swap_shards", load));
  BOOST_TEST(integer(*ops_named(swapped, load).at(0), "shard_shift") == 1);
}

BOOST_AUTO_TEST_CASE(an_edit_of_one_step_runs_in_that_step_only) {
  const Program program = real::lower(plan_scenario(2, 2));
  Injection drop = inject("drop", reduce);
  drop.steps = {1};
  const Program changed = edited(program, drop);
  const std::vector<std::int64_t> runs = segment_runs(changed);
  const auto at = [&](const std::string& name) {
    return runs[static_cast<std::size_t>(changed.segment_index(name))];
  };
  BOOST_TEST(at("micro_step") == 2);
  BOOST_TEST(at("micro_step~1") == 2);
  BOOST_TEST(program_text(changed) != program_text(program));
}

BOOST_AUTO_TEST_CASE(an_edit_of_another_rank_leaves_this_one_alone) {
  const Program program = real::lower(plan_scenario(2, 2));
  Injection drop = inject("drop", reduce);
  drop.ranks = {1};
  BOOST_TEST(hash_of(apply_injections(program, {drop}, Rank{0}).program) == hash_of(program));
  BOOST_TEST(hash_of(apply_injections(program, {drop}, Rank{1}).program) != hash_of(program));
}

BOOST_AUTO_TEST_CASE(faults_are_handed_on_and_leave_the_program_alone) {
  const Program program = real::lower(plan_scenario(2, 2));
  const std::string matmul = "model.layers.1.self_attn.o_proj/forward/matmul";
  for (const auto& [edit, op] : {std::pair{"set", reduce},
                                 {"stale", reduce},
                                 {"drop_wait", reduce},
                                 {"drop_wait", reduce + ".wait"},
                                 {"restream", matmul},
                                 {"reuse", reduce}}) {
    Injection made = inject(edit, op);
    made.steps = {1};
    const EditedProgram result = apply_injections(program, {made}, Rank{0});
    BOOST_TEST(hash_of(result.program) == hash_of(program));
    BOOST_TEST_REQUIRE(result.faults.size() == 1u);
    BOOST_TEST(result.faults[0].active_in(1, -1));
    BOOST_TEST(!result.faults[0].active_in(0, -1));
  }
}

BOOST_AUTO_TEST_CASE(what_a_load_leaves_out_is_a_tensor_of_the_checkpoint_or_the_count_of_updates) {
  Scenario scenario = plan_scenario(2, 2);
  scenario.steps = 2;
  const auto faults_of = [&](const Injection& injection) {
    return apply_injections(real::lower(scenario), {injection}, Rank{0}).faults;
  };
  const auto not_restored = [](const std::string& value, const char* op = "checkpoint/load") {
    Injection injection = inject("not_restored", op);
    injection.value = value;
    return injection;
  };
  const std::string moment = "optimizer/model.norm.weight/exp_avg";
  const auto error = [&](const Injection& injection) {
    return error_of([&] { faults_of(injection); });
  };

  BOOST_TEST(error(not_restored(moment))
                 .ends_with("needs a run that reads its checkpoint: checkpoint.resume_after"));
  scenario.checkpoint = {.save_after = {1}, .resume_after = 1};
  BOOST_TEST(faults_of(not_restored(moment)).size() == 1u);
  BOOST_TEST(faults_of(not_restored("updates")).size() == 1u);
  BOOST_TEST(faults_of(not_restored("parameter/model.norm.weight")).size() == 1u);
  BOOST_TEST(error(not_restored("optimizer/model.norm.weight/exp_avgs"))
                 .ends_with("names no state of this run: 'optimizer/model.norm.weight/exp_avgs'; "
                            "did you mean \"optimizer/model.norm.weight/exp_avg\"?"));
  BOOST_TEST(
      error(not_restored(moment, "checkpoint/save")).ends_with("is of 'checkpoint/load' alone"));
  BOOST_TEST(error(inject("drop", "checkpoint/load")).ends_with("is planted by 'not_restored'"));
  Injection in_a_step = not_restored(moment);
  in_a_step.steps = {1};
  BOOST_TEST(error(in_a_step).ends_with("has steps, and a run reads its checkpoint once"));
}

BOOST_AUTO_TEST_CASE(an_edit_of_some_micro_steps_runs_in_those_alone_and_is_counted_so) {
  Scenario scenario = plan_scenario(2, 2);
  scenario.training.accumulation = 3;
  scenario.steps = 2;
  const Program program = real::lower(scenario);
  Injection drop = inject("drop", reduce);
  drop.micro_steps = {0, 2};
  const auto runs_of_it = [](const Program& counted) {
    std::int64_t runs = 0;
    for (const CollectiveAccount& line : accounts_of(counted).collectives)
      if (line.origin == reduce) runs += line.times;
    return runs;
  };

  const Program changed = edited(program, drop);

  BOOST_TEST(runs_of_it(program) == 2 * 3);
  BOOST_TEST(runs_of_it(changed) == 2 * 1);
  BOOST_TEST(program_text(program_from_json(parse_json(program_text(changed), "program"))) ==
             program_text(changed));
  Injection set = inject("set", reduce);
  set.micro_steps = {1};
  BOOST_TEST(set.active_in(0, 1));
  BOOST_TEST(!set.active_in(0, 0));
  BOOST_TEST(!set.active_in(0, -1));

  Injection once = inject("drop", "optimizer/reduce/flatten_gradients");
  once.micro_steps = {0};
  BOOST_TEST(error_of([&] { edited(program, once); }).find("outside of them") != std::string::npos);
  set.value = "1";
  set.when = SetTime::between_steps;
  BOOST_TEST(error_of([&] { edited(program, set); }).find("between steps") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_element_that_the_tensor_has_not_is_refused) {
  const Program program = real::lower(plan_scenario(2, 2));
  Injection set = inject("set", "model.layers.1.self_attn.o_proj/forward/matmul");
  set.value = "1";
  const auto error = [&] { return error_of([&] { edited(program, set); }); };
  const Value& output = program.value(ops_named(program, set.op).at(0)->outputs.at(0));
  const Shape shape = local_shape(program, output, Rank{0});

  BOOST_TEST(error() == "no error");
  for (const Shape& index : {Shape{0}, Shape{0, 0, 0, 0, 0}, shape}) {
    set.index = index;
    BOOST_TEST(error().find("needs an index in " + to_string(shape)) != std::string::npos);
  }
  set.index = Shape(shape.size(), 0);
  BOOST_TEST(error() == "no error");
  set.value = "flip:63";
  BOOST_TEST(error().find("flips bit 63") != std::string::npos, error());
}

BOOST_AUTO_TEST_CASE(an_op_that_reads_a_sum_of_one_replica_for_the_mean_is_ill_typed) {
  const Program program = real::lower(plan_scenario(2, 2));
  Injection read = inject("read", "optimizer/reduce/flatten_gradients");
  read.value = "accumulator/model.embed_tokens.weight";

  const Program changed = edited(program, read);

  const Op& flatten = *ops_named(changed, read.op).at(0);
  BOOST_TEST(changed.value(flatten.inputs.at(0)).name == read.value);
  BOOST_TEST(!type_check(changed).empty());
  for (const auto& [value, why] : {std::pair{"accumulator/model.embed_token.weight", "there is no"},
                                   {"accumulator/model.norm.weight", "another shape or dtype"}}) {
    read.value = value;
    BOOST_TEST(error_of([&] { edited(program, read); }).find(why) != std::string::npos, value);
  }
  read.index = {99};
  BOOST_TEST(error_of([&] { edited(program, read); }).find("one of its") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(edits_that_do_not_fit_are_refused_by_name) {
  const Program program = real::lower(plan_scenario(2, 2));
  const std::string matmul = "model.layers.1.self_attn.o_proj/forward/matmul";
  const auto error = [&](const Injection& made) {
    return error_of([&] { edited(program, made); });
  };
  BOOST_TEST(
      error(inject("drop", "model.layers.1.self_attn.o_proj/forward/all_reduc")).find(reduce) !=
      std::string::npos);
  for (const char* edit : {"drop", "double", "regroup", "retype", "swap_shards",
                           "add_bias_before_reduce", "drop_wait", "reuse"}) {
    const std::string message = error(inject(edit, matmul));
    BOOST_TEST(
        message.find("edit '" + std::string(edit) + "' of '" + matmul + "'") != std::string::npos,
        message);
  }
  for (const std::string& op : {reduce, reduce + ".wait"})
    BOOST_TEST(error(inject("restream", op)).find("an op that computes") != std::string::npos);
  BOOST_TEST(error(inject("reuse", reduce + ".wait")).find("a collective") != std::string::npos);
}

// A slice takes from a bucket that is complete: cut over tp as it is, and whole over dp.
BOOST_AUTO_TEST_CASE(slices_of_a_bucket_that_is_not_complete_are_ill_typed) {
  for (const int dp : {2, 3}) {
    const Program program = real::lower(plan_scenario(2, dp, 2));
    BOOST_TEST(type_check(program).empty());
    const Op& add = *ops_named(program, "bucket_0/reduce/accumulate_slices").at(0);
    BOOST_TEST((program.value(add.inputs[0]).placement == Placement{flat(), flat()}));
    const auto problems = [&](ValueId id, AxisPlacement Placement::*axis, AxisPlacement to) {
      Program changed = program;
      changed.value(id).placement.*axis = to;
      const auto found = type_check(changed);
      return std::ranges::count_if(found, [](const TypeProblem& problem) {
        return problem.op == "bucket_0/reduce/accumulate_slices";
      });
    };
    BOOST_TEST(problems(add.inputs[1], &Placement::dp, replicate()) == 0);
    BOOST_TEST(problems(add.inputs[1], &Placement::dp, partial()) > 0);
    BOOST_TEST(problems(add.inputs[1], &Placement::dp, flat()) > 0);
    BOOST_TEST(problems(add.inputs[1], &Placement::tp, replicate()) > 0);
    BOOST_TEST(problems(add.inputs[0], &Placement::dp, partial()) > 0);
    BOOST_TEST(problems(add.inputs[0], &Placement::tp, replicate()) > 0);
  }
}

BOOST_AUTO_TEST_CASE(what_is_read_too_early_or_never_waited_for_is_ill_typed) {
  const Program program = real::lower(plan_scenario(2, 1));
  const auto problems_without = [&](auto matches) {
    Program changed = program;
    auto& ops = changed.segment("micro_step").ops;
    ops.erase(std::find_if(ops.begin(), ops.end(), matches));
    return type_check(changed);
  };
  BOOST_TEST(!problems_without([](const Op& op) { return op.kind == OpKind::wait; }).empty());
  BOOST_TEST(!problems_without([](const Op& op) { return is_collective(op.kind); }).empty());
  BOOST_TEST(!problems_without([](const Op& op) { return op.kind == OpKind::matmul; }).empty());
}

BOOST_AUTO_TEST_SUITE_END()
