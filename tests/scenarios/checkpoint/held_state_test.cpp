#include "scenarios/checkpoint/held_state.hpp"

#include <boost/test/unit_test.hpp>
#include <map>

#include "tests/scenarios/checkpoint/ranks.hpp"

using namespace shardproof;
using tests::on_grid;
using tests::sweep;

namespace {

Op op(std::vector<ValueId> inputs, std::vector<ValueId> outputs) {
  Op op;
  op.inputs = std::move(inputs);
  op.outputs = std::move(outputs);
  return op;
}

Action run(const std::string& segment) {
  Action action;
  action.segment = segment;
  return action;
}

Action of_kind(Action::Kind kind, std::vector<Action> body) {
  Action action;
  action.kind = kind;
  action.body = std::move(body);
  return action;
}

enum : ValueId { norm, matrix, accumulator, flag, master, one_branch, both_branches, table };

// A norm and a matrix cut by rows, and their masters, on TP 2 x DP 2 with ZeRO 1. Each step zeroes
// an accumulator, decides, and updates.
Program small_program() {
  Program program;
  program.tp = program.dp = 2;
  const Placement by_rows{shard(0), replicate()};
  const auto add = [&](const std::string& name, Shape shape, Placement placement, int layout = -1) {
    program.values.push_back({.name = name,
                              .shape = std::move(shape),
                              .placement = std::move(placement),
                              .lifetime = Lifetime::state,
                              .layout = layout});
  };
  add("parameter/norm", {3}, {});
  add("parameter/matrix", {4, 2}, by_rows);
  add("accumulator/norm", {3}, {});
  add("scalar/flag", {1}, {});
  add("optimizer/*/master", {}, {flat(), flat()}, 0);
  add("scalar/one_branch", {1}, {});
  add("scalar/both_branches", {1}, {});
  add("data/table", {8}, {});
  program.layouts.push_back({{{"norm", {3}, {}}, {"matrix", {4, 2}, by_rows}}, 2});

  program.segments = {
      {"load", {op({}, {norm}), op({}, {matrix}), op({}, {master}), op({}, {table})}, "", ""},
      {"begin", {op({}, {accumulator})}, "", ""},
      {"micro", {op({norm, matrix, table, accumulator}, {accumulator})}, "", ""},
      {"reduce", {op({accumulator}, {flag})}, "", ""},
      {"skip", {op({}, {both_branches})}, "", ""},
      {"update",
       {op({master, accumulator}, {master}), op({master}, {norm, matrix}), op({}, {one_branch}),
        op({}, {both_branches})},
       "",
       ""},
      {"end", {op({one_branch, both_branches}, {})}, "", ""}};
  Action decide = of_kind(Action::Kind::decide, {run("skip")});
  decide.value = flag;
  decide.otherwise = {run("update")};
  program.schedule = {
      run("load"), of_kind(Action::Kind::repeat_steps,
                           {run("begin"), of_kind(Action::Kind::repeat_micro_steps, {run("micro")}),
                            run("reduce"), decide, run("end")})};
  return program;
}

std::string text_of(const HeldTensor& held) {
  std::string text = held.piece.name;
  for (const Region& region : held.piece.regions) text += " " + to_string(region);
  return text + (held.saved ? " saved" : "");
}

std::vector<std::string> texts_of(const Program& program, int rank) {
  std::vector<std::string> texts;
  for (const HeldTensor& held : held_state(program, Rank{rank})) texts.push_back(text_of(held));
  return texts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(held_state_of_ranks)

BOOST_AUTO_TEST_CASE(a_step_leaves_what_the_next_reads_before_it_is_written) {
  const Program program = small_program();

  // Not the accumulator, which is zeroed; not what both branches of a decision write; not the
  // table.
  BOOST_TEST((carried_values(program) == std::vector<ValueId>{norm, matrix, master, one_branch}));
}

BOOST_AUTO_TEST_CASE(slices_are_cut_where_their_owners_are_and_the_first_replica_is_saved) {
  Program program = small_program();
  program.segments.back().ops.clear();  // leaves out the scalars
  using Texts = std::vector<std::string>;

  BOOST_TEST(
      texts_of(program, 0) ==
          (Texts{"parameter/norm [0:3] saved", "parameter/matrix [0:2, 0:2] saved",
                 "optimizer/norm/master [0:3] saved", "optimizer/matrix/master [0:1, 0:1] saved"}),
      boost::test_tools::per_element());
  BOOST_TEST(texts_of(program, 1) ==
                 (Texts{"parameter/norm [0:3]", "parameter/matrix [2:4, 0:2] saved",
                        "optimizer/norm/master [0:3]", "optimizer/matrix/master [2:3, 0:1] saved"}),
             boost::test_tools::per_element());
  BOOST_TEST(texts_of(program, 2) == (Texts{"parameter/norm [0:3]", "parameter/matrix [0:2, 0:2]",
                                            "optimizer/matrix/master [0:1, 1:2] [1:2, 0:2] saved"}),
             boost::test_tools::per_element());
  BOOST_TEST(texts_of(program, 3) == (Texts{"parameter/norm [0:3]", "parameter/matrix [2:4, 0:2]",
                                            "optimizer/matrix/master [2:3, 1:2] [3:4, 0:2] saved"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_training_run_carries_weights_masters_and_moments) {
  const Program program = real::lower(sweep("tiny-bias-tp2-dp2-zero1-bf16"));
  std::map<std::string, int> folders;
  for (const TensorRow& tensor : carried_tensors(program)) {
    const std::string& name = tensor.name;
    ++folders[name.substr(0, name.find('/')) + name.substr(name.rfind('/'))];
  }
  // No rotary table among them, which the step reads too.
  const auto parameters =
      static_cast<int>(sweep("tiny-bias-tp2-dp2-zero1-bf16").model.parameters.size());
  int weights = 0;
  for (const TensorRow& tensor : carried_tensors(program))
    weights += tensor.name.starts_with("parameter/");

  BOOST_TEST(weights == parameters);
  for (const char* kind : {"optimizer/master", "optimizer/exp_avg", "optimizer/exp_avg_sq"})
    BOOST_TEST(folders[kind] == parameters);
  BOOST_TEST(carried_tensors(program).size() == 4U * static_cast<unsigned>(parameters));
}

BOOST_AUTO_TEST_CASE(every_element_is_saved_by_exactly_one_rank) {
  for (const char* name :
       {"tiny-bias-tp2-dp2-zero1-bf16", "tiny-bias-tp2-dp2-zero0-fp32-rank_order",
        "llama-uneven-tp3-dp2-zero1-bf16", "phi3-gqa-own-tp2-dp1-zero1-fp32",
        "chatglm-tp2-dp2-zero1-bf16", "bloom-heads-6-tp3-dp1-zero0-fp32",
        "inference-gpt2-tp3-dp1-fp32"}) {
    const Program program = real::lower(sweep(name));
    std::map<std::string, std::vector<Region>> saved;
    for (int rank = 0; rank < program.grid().world(); ++rank)
      for (const HeldTensor& held : held_state(program, Rank{rank}))
        if (held.saved)
          saved[held.piece.name].insert(saved[held.piece.name].end(), held.piece.regions.begin(),
                                        held.piece.regions.end());

    for (const TensorRow& tensor : carried_tensors(program))
      BOOST_TEST(tiles_exactly(saved[tensor.name], tensor.shape), name << ": " << tensor.name);
    BOOST_TEST(saved.size() == carried_tensors(program).size());
  }
}

BOOST_AUTO_TEST_SUITE_END()
