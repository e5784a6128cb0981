// Every class of layer, cut over a TP group, against the same layer on one rank: values, gradients
// of values, gradients of weights and biases, and what is communicated for them
// (spec-autotp 2.7, 2.8).
#include <boost/test/unit_test.hpp>

#include "real/models/network.hpp"
#include "tests/real/layer_runs.hpp"

namespace shardproof::tests {
namespace {

using real::Network;

constexpr std::int64_t V = 17, C = 6, I = 10;     // no multiple of 3 or 4 among V and I
constexpr std::int64_t tokens_per_rank = 2 * 12;  // micro-batch 2, sequence 12

std::vector<ParameterDescription> parameters_of(
    std::vector<std::pair<std::string, Shape>> after_embedding) {
  std::vector<ParameterDescription> parameters;
  const auto add = [&](const std::string& name, const Shape& shape) {
    ParameterDescription parameter;
    parameter.name = name;
    parameter.shape = shape;
    parameters.push_back(parameter);
  };
  add("embed.weight", {V, C});
  for (const auto& [name, shape] : after_embedding) add(name, shape);
  return parameters;
}

// A column into a row, both with biases; lm_head is replicated.
SmallModel column_to_row(const Widths& widths) {
  return {parameters_of({{"up.weight", {I, C}},
                         {"up.bias", {I}},
                         {"down.weight", {C, I}},
                         {"down.bias", {C}},
                         {"lm_head.weight", {V, C}}}),
          [](Network& net, ValueId tokens) {
            const ValueId x = net.embedding("embed", tokens);
            return net.linear("lm_head", net.linear("down", net.linear("up", x)));
          },
          {{"up", column(widths)}, {"down", row(widths)}}};
}

// Two columns that share their input, gathered; lm_head is cut as `lm_head` says.
SmallModel gathered(const Widths& widths, const LayerPartition& lm_head) {
  return {parameters_of({{"a.weight", {I, C}},
                         {"a.bias", {I}},
                         {"b.weight", {I, C}},
                         {"lm_head.weight", {V, I}},
                         {"lm_head.bias", {V}}}),
          [](Network& net, ValueId tokens) {
            const ValueId x = net.embedding("embed", tokens);
            const ValueId a = net.linear("a", x);
            const ValueId b = net.linear("b", x);
            return net.linear("lm_head", net.add("sum", "output", a, b));
          },
          {{"a", column(widths, true)}, {"b", column(widths, true)}, {"lm_head", lm_head}}};
}

void check_against_one_rank(const SmallModel& model, const Grid& grid, bool overlap = false) {
  BOOST_TEST_CONTEXT("tp " << grid.tp << " dp " << grid.dp << " overlap " << overlap) {
    const LayerRun whole(layer_scenario(model, {1, grid.dp, grid.zero}), model.forward);
    const LayerRun cut(layer_scenario(model, grid, overlap), model.forward);
    for (const TypeProblem& problem : cut.problems()) BOOST_TEST(problem.message == "", problem.op);
    BOOST_TEST_REQUIRE(cut.problems().empty());
    std::string where;
    const double difference = largest_difference(whole, cut, &where);
    BOOST_TEST(difference < 1e-12, where << " differs by " << difference);
    BOOST_TEST(whole.collectives().empty());
  }
}

BOOST_AUTO_TEST_SUITE(layers)

BOOST_AUTO_TEST_CASE(a_column_into_a_row_is_the_unsharded_pair_in_even_uneven_and_zero_widths) {
  const std::vector<std::pair<Grid, Widths>> cases{
      {{2, 1, 0}, {{5, 5}}},    {{2, 2, 1}, {{7, 3}}},       {{3, 1, 0}, {{4, 3, 3}}},
      {{3, 2, 1}, {{5, 5, 0}}}, {{4, 1, 0}, {{3, 3, 2, 2}}}, {{4, 1, 1}, {{0, 0, 0, 10}}}};
  for (const auto& [grid, widths] : cases)
    for (const bool overlap : {false, true})
      check_against_one_rank(column_to_row(widths), grid, overlap);
}

BOOST_AUTO_TEST_CASE(fused_weights_are_cut_block_by_block) {
  check_against_one_rank(column_to_row({{2, 2}, {3, 3}}), {2, 1, 0});
  check_against_one_rank(column_to_row({{2, 2}, {3, 3}}), {2, 2, 1}, /*overlap=*/true);
  check_against_one_rank(column_to_row({{3, 1, 0}, {1, 2, 3}}), {3, 1, 1});
}

BOOST_AUTO_TEST_CASE(gathered_columns_and_every_kind_of_output_projection_are_the_unsharded_ones) {
  const Grid two{2, 2, 1}, three{3, 1, 0};
  for (const bool overlap : {false, true}) {
    check_against_one_rank(gathered({}, column({{9, 8}}, true)), two, overlap);
    check_against_one_rank(gathered({{7, 3}}, row({{4, 6}})), two, overlap);
    check_against_one_rank(gathered({{4, 3, 3}}, column({{6, 6, 5}}, true)), three, overlap);
    check_against_one_rank(gathered({{10, 0, 0}}, row({{5, 0, 5}})), three, overlap);
    check_against_one_rank(gathered({{2, 2, 2}, {2, 1, 1}}, {}), three, overlap);
  }
}

BOOST_AUTO_TEST_CASE(a_tied_output_projection_adds_its_gradient_to_that_of_the_embedding) {
  const SmallModel model{parameters_of({{"up.weight", {I, C}}, {"down.weight", {C, I}}}),
                         [](Network& net, ValueId tokens) {
                           const ValueId x = net.embedding("embed", tokens);
                           const ValueId y = net.linear("down", net.linear("up", x));
                           return net.linear("lm_head", y, "embed");
                         },
                         {{"up", column({{7, 3}})}, {"down", row({{7, 3}})}}};
  check_against_one_rank(model, {2, 2, 1});
  const LayerRun run(layer_scenario(model, {2, 1, 0}), model.forward);
  const std::string micro = "/step/000000/micro/0/";
  const auto head = run.tensor(micro + "backward/lm_head/grad_weight");
  const auto lookup = run.tensor(micro + "backward/embed/grad_weight");
  const auto sum = run.tensor(micro + "gradient/embed.weight");
  BOOST_TEST_REQUIRE(sum.size() == static_cast<std::size_t>(V * C));
  for (std::size_t i = 0; i < sum.size(); ++i) BOOST_TEST(sum[i] == head.at(i) + lookup.at(i));
}

BOOST_AUTO_TEST_CASE(attention_of_uneven_heads_is_the_unsharded_one) {
  // 6 query heads over 3 key heads of 4: two key heads on one rank, one on the other, or one each.
  SmallModel model{parameters_of({{"q_proj.weight", {24, C}},
                                  {"q_proj.bias", {24}},
                                  {"k_proj.weight", {12, C}},
                                  {"v_proj.weight", {12, C}},
                                  {"o_proj.weight", {C, 24}},
                                  {"lm_head.weight", {V, C}}}),
                   [](Network& net, ValueId tokens) {
                     const ValueId x = net.embedding("embed", tokens);
                     const real::RotaryTable table = net.rotary_table(net.model().head_dim, {});
                     const ValueId q = net.rotary("attn", "query", net.linear("q_proj", x), table);
                     const ValueId k = net.rotary("attn", "key", net.linear("k_proj", x), table);
                     const ValueId v = net.linear("v_proj", x);
                     const ValueId y = net.linear("o_proj", net.attention("attn", q, k, v));
                     return net.linear("lm_head", net.add("attn", "output", x, y));
                   },
                   {}};
  const auto run = [&](const Widths& queries, const Widths& keys, const Grid& grid) {
    model.modules = {{"q_proj", column(queries)},
                     {"k_proj", column(keys)},
                     {"v_proj", column(keys)},
                     {"o_proj", row(queries)}};
    check_against_one_rank(model, grid);
  };
  run({{16, 8}}, {{8, 4}}, {2, 2, 1});
  run({}, {}, {3, 1, 0});
  run({{8, 8, 8, 0}}, {{4, 4, 4, 0}}, {4, 1, 0});
}

BOOST_AUTO_TEST_CASE(what_is_communicated_is_the_budget_of_each_class) {
  const std::int64_t tokens = tokens_per_rank;
  const auto line = [](const std::string& origin, std::int64_t elements) {
    return origin + " " + std::to_string(elements);
  };
  for (const bool overlap : {false, true}) {
    const SmallModel pair = column_to_row({{7, 3}});
    const LayerRun first(layer_scenario(pair, {2, 1, 0}, overlap), pair.forward);
    const std::vector<std::string> of_pair{line("down/forward/all_reduce", tokens * C),
                                           line("up/backward/all_reduce", tokens * C)};
    BOOST_TEST(first.collectives() == of_pair, boost::test_tools::per_element());

    const SmallModel gathers = gathered({{7, 3}}, row({{4, 6}}));
    const LayerRun second(layer_scenario(gathers, {2, 1, 0}, overlap), gathers.forward);
    const std::vector<std::string> of_gathers{line("a/forward/all_gather", tokens * 7),
                                              line("b/forward/all_gather", tokens * 7),
                                              line("lm_head/forward/all_reduce", tokens * V),
                                              line("lm_head/backward/all_gather", tokens * 6),
                                              line("b/backward/all_reduce", tokens * C),
                                              line("a/backward/all_reduce", tokens * C)};
    BOOST_TEST(second.collectives() == of_gathers, boost::test_tools::per_element());
    BOOST_TEST(second.collectives(1) == of_gathers, boost::test_tools::per_element());
  }
}

// spec-autotp 2.3: dgrad, start of the all-reduce, wgrad, bgrad, wait.
std::vector<std::string> backward_ops(const LayerRun& run, const std::string& module) {
  std::vector<std::string> names;
  for (const Op& op : run.program().segment("micro_step").ops)
    if (op.module == module && op.phase == Phase::backward && op.kind != OpKind::accumulate)
      names.push_back(op.name);
  return names;
}

BOOST_AUTO_TEST_CASE(overlap_moves_the_wait_behind_the_parameter_gradients_and_changes_no_bit) {
  const SmallModel model = column_to_row({{7, 3}});
  const LayerRun sync(layer_scenario(model, {2, 2, 1}), model.forward);
  const LayerRun overlapped(layer_scenario(model, {2, 2, 1}, true), model.forward);

  const std::vector<std::string> in_turn{"matmul_backward_input", "all_reduce", "all_reduce.wait",
                                         "matmul_backward_weight", "bias_backward"};
  const std::vector<std::string> beside{"matmul_backward_input", "all_reduce",
                                        "matmul_backward_weight", "bias_backward",
                                        "all_reduce.wait"};
  BOOST_TEST(backward_ops(sync, "up") == in_turn, boost::test_tools::per_element());
  BOOST_TEST(backward_ops(overlapped, "up") == beside, boost::test_tools::per_element());
  int compared = 0;
  for (const auto& [path, copies] : sync.reader().datasets())
    for (std::size_t i = 0; i < copies.size(); ++i, ++compared)
      BOOST_TEST(copies[i].info.hash == overlapped.reader().datasets().at(path).at(i).info.hash,
                 path);
  BOOST_TEST(compared > 100);
}

BOOST_AUTO_TEST_CASE(a_fused_column_never_overlaps) {
  const SmallModel model = column_to_row({{2, 2}, {3, 3}});
  const LayerRun run(layer_scenario(model, {2, 1, 0}, true), model.forward);
  BOOST_TEST(backward_ops(run, "up").at(2) == "all_reduce.wait");
}

// spec-autotp 2.8: the overlapped column issues its all-reduce even where nobody asks for dx.
BOOST_AUTO_TEST_CASE(an_input_without_gradient_costs_an_all_reduce_only_where_it_overlaps) {
  const SmallModel model{parameters_of({{"first.weight", {C, 4}}, {"lm_head.weight", {V, C}}}),
                         [](Network& net, ValueId) {
                           const ValueId x =
                               net.rotary_table(net.model().head_dim, {}).cos;  // (T, hd / 2)
                           return net.linear("lm_head", net.linear("first", x));
                         },
                         {{"first", column({}, true)}}};
  for (const bool overlap : {false, true}) {
    Scenario scenario = layer_scenario(model, {2, 1, 0}, overlap);
    scenario.training.micro_batch = 1;
    scenario.model.head_dim = 8;
    scenario.model.parameters.erase(scenario.model.parameters.begin());
    const LayerRun run(scenario, model.forward);
    BOOST_TEST_REQUIRE(run.problems().empty(), run.problems().front().message);
    const auto issued = run.collectives();
    const std::string reduction = "first/backward/all_reduce";
    BOOST_TEST(std::count_if(issued.begin(), issued.end(), [&](const std::string& line) {
                 return line.starts_with(reduction);
               }) == (overlap ? 1 : 0));
  }
}

BOOST_AUTO_TEST_CASE(reading_what_an_overlapped_all_reduce_writes_before_its_wait_is_ill_typed) {
  const SmallModel model = column_to_row({{7, 3}});
  Program program = real::lower(layer_scenario(model, {2, 1, 0}, true), model.forward);
  BOOST_TEST(type_check(program).empty());
  auto& ops = program.segment("micro_step").ops;
  const auto wait = std::find_if(ops.begin(), ops.end(), [](const Op& op) {
    return op.module == "up" && op.name == "all_reduce.wait";
  });
  BOOST_TEST_REQUIRE((wait != ops.end() && wait + 1 != ops.end()));
  std::iter_swap(wait, wait + 1);  // the embedding's gradient reads dx
  const auto problems = type_check(program);
  BOOST_TEST_REQUIRE(!problems.empty());
  BOOST_TEST(problems.front().message.find("before its collective is complete") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(cuts_that_do_not_meet_are_ill_typed) {
  SmallModel model = column_to_row({{7, 3}});
  model.modules["down"] = row({{3, 7}});
  BOOST_TEST(!LayerRun(layer_scenario(model, {2, 1, 0}), model.forward).problems().empty());
  model.modules.erase("down");
  BOOST_TEST(!LayerRun(layer_scenario(model, {2, 1, 0}), model.forward).problems().empty());
  model.modules["down"] = row({{7, 3}});
  model.modules["up"].gather_output = true;
  BOOST_TEST(!LayerRun(layer_scenario(model, {2, 1, 0}), model.forward).problems().empty());
}

// A gradient is summed over tp where it is a partial sum, and nowhere else.
BOOST_AUTO_TEST_CASE(a_gradient_that_is_complete_must_not_be_summed_over_tp) {
  SmallModel model = column_to_row({{7, 3}});
  model.modules["lm_head"].grad_allreduce = true;
  const auto problems = LayerRun(layer_scenario(model, {2, 1, 0}), model.forward).problems();
  BOOST_TEST_REQUIRE(!problems.empty());
  BOOST_TEST(problems.front().op.find("lm_head") != std::string::npos, problems.front().op);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
