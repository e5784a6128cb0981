#include "reference/models/graph.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "reference/models/families.hpp"
#include "reference/models/stretches.hpp"
#include "reference/ops/tape.hpp"
#include "reference/run/micro_step.hpp"
#include "reference/units/graph_units.hpp"
#include "tests/reference/random_tensors.hpp"

namespace shardproof::reference {

namespace {

using Lines = std::vector<std::string>;

// V = 8, C = 4, I = 6; three sequences of 5 tokens in 3 groups.
const std::vector<ParameterDescription> parameters{
    {"embed.weight", {8, 4}}, {"norm.weight", {4}},   {"q.weight", {4, 4}}, {"k.weight", {4, 4}},
    {"v.weight", {4, 4}},     {"up.weight", {6, 4}},  {"up.bias", {6}},     {"gate.weight", {6, 4}},
    {"down.weight", {4, 6}},  {"head.weight", {8, 4}}};
const MicroBatch micro_batch{.batch = 3, .positions = 5, .groups = 3, .gradient_scale = 0.5};

std::string short_path(const std::string& path) {
  const std::string folder = "/step/000000/micro/0/", initial = "/initial/parameter/";
  return path.starts_with(folder)    ? path.substr(folder.size())
         : path.starts_with(initial) ? path.substr(initial.size())
                                     : path;
}

std::vector<Unit> units_of(const Graph& net) {
  std::vector<Unit> units;
  append_micro_step(net, 0, 0, -1, units);
  return units;
}

/// The units of the backward pass, as "out = kind(in, in)".
Lines backward_of(const Graph& net) {
  Lines lines;
  bool behind_the_loss = false;
  for (const Unit& unit : units_of(net)) {
    if (behind_the_loss) {
      std::string inputs;
      for (const std::string& input : unit.inputs)
        inputs += (inputs.empty() ? "" : ", ") + short_path(input);
      lines.push_back(short_path(unit.output) + " = " + name_of(unit.kind) + "(" + inputs + ")");
    }
    behind_the_loss |= unit.kind == UnitKind::cross_entropy;
  }
  return lines;
}

void expect_lines(const Lines& got, const Lines& expected) {
  BOOST_CHECK_EQUAL_COLLECTIONS(got.begin(), got.end(), expected.begin(), expected.end());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(graph_test)

BOOST_AUTO_TEST_CASE(the_only_contribution_is_the_gradient) {
  Graph net(parameters, micro_batch);
  net.loss(net.linear("head", net.rms_norm("norm", net.embedding("embed", net.tokens()), 1e-5)));

  expect_lines(
      backward_of(net),
      {"backward/head/grad_output = cross_entropy_backward(forward/head/output, data/labels)",
       "backward/norm/grad_output = matmul_backward_input(backward/head/grad_output, head.weight)",
       "gradient/head.weight = matmul_backward_weight(backward/head/grad_output, "
       "forward/norm/output)",
       "backward/embed/grad_output = rms_norm_backward_input(backward/norm/grad_output, "
       "forward/embed/output, norm.weight)",
       "gradient/norm.weight = rms_norm_backward_weight(backward/norm/grad_output, "
       "forward/embed/output)",
       "gradient/embed.weight = embedding_backward(backward/embed/grad_output, data/tokens)"});
}

BOOST_AUTO_TEST_CASE(units_carry_module_shape_and_numbers) {
  Graph net(parameters, micro_batch);
  net.loss(net.linear("head", net.rms_norm("norm", net.embedding("embed", net.tokens()), 1e-5)));
  std::vector<Unit> units;
  append_micro_step(net, 2, 1, 1, units);

  BOOST_TEST_REQUIRE(units.size() == 11u);
  BOOST_TEST(units[3].output == "/step/000002/micro/1/data/labels");
  const Unit& norm = units[1];
  BOOST_TEST(norm.module == "norm");
  BOOST_TEST((norm.shape == Shape{3, 5, 4}));
  BOOST_TEST(norm.attributes.eps == 1e-5);
  BOOST_TEST((norm.inputs == Lines{"/step/000002/micro/1/forward/embed/output",
                                   "/step/000001/parameter/norm.weight"}));
  BOOST_TEST(units[4].attributes.groups == 3);
  BOOST_TEST(units[4].attributes.factor == 0.0);
  BOOST_TEST(units[5].attributes.factor == 0.5);
  const Unit& gradient = units[7];
  BOOST_TEST((gradient.shape == Shape{3, 8, 4}));
  BOOST_TEST(gradient.attributes.groups == 3);
}

// x enters a sum, which hands on its own gradient, and a norm, whose contribution has a name.
BOOST_AUTO_TEST_CASE(two_contributions_are_added_last_consumer_first) {
  Graph net(parameters, micro_batch);
  const Value x = net.embedding("embed", net.tokens());
  net.loss(net.linear("head", net.add("block", "residual", x, net.rms_norm("norm", x, 1e-5))));

  const Lines lines = backward_of(net);

  BOOST_TEST_REQUIRE(lines.size() == 7u);
  BOOST_TEST(lines[1] ==
             "backward/block/grad_residual = "
             "matmul_backward_input(backward/head/grad_output, head.weight)");
  BOOST_TEST(lines[3] ==
             "backward/norm/grad_input = rms_norm_backward_input("
             "backward/block/grad_residual, forward/embed/output, norm.weight)");
  BOOST_TEST(lines[4] ==
             "backward/embed/grad_output = add(backward/block/grad_residual, "
             "backward/norm/grad_input)");
}

BOOST_AUTO_TEST_CASE(three_contributions_have_one_sum_on_the_way) {
  Graph net(parameters, micro_batch);
  const Value x = net.rms_norm("norm", net.embedding("embed", net.tokens()), 1e-5);
  const Value q = net.linear("q", x), k = net.linear("k", x), v = net.linear("v", x);
  net.loss(net.linear("head", net.attention("attn", q, k, v, {.head_dim = 2})));

  const std::string from = "(backward/head/grad_output, head.weight)";
  const std::string arguments =
      "(backward/attn/grad_attention, forward/q/output, forward/k/output, forward/v/output, "
      "forward/attn/attention, forward/attn/lse)";
  const Lines lines = backward_of(net);
  expect_lines(
      {lines.begin() + 1, lines.end() - 3},
      {"backward/attn/grad_attention = matmul_backward_input" + from,
       "gradient/head.weight = matmul_backward_weight(backward/head/grad_output, "
       "forward/attn/attention)",
       "backward/q/grad_output = attention_backward_q" + arguments,
       "backward/k/grad_output = attention_backward_k" + arguments,
       "backward/v/grad_output = attention_backward_v" + arguments,
       "backward/v/grad_input = matmul_backward_input(backward/v/grad_output, v.weight)",
       "gradient/v.weight = matmul_backward_weight(backward/v/grad_output, forward/norm/output)",
       "backward/k/grad_input = matmul_backward_input(backward/k/grad_output, k.weight)",
       "backward/norm/grad_output_sum_1 = add(backward/v/grad_input, backward/k/grad_input)",
       "gradient/k.weight = matmul_backward_weight(backward/k/grad_output, forward/norm/output)",
       "backward/q/grad_input = matmul_backward_input(backward/q/grad_output, q.weight)",
       "backward/norm/grad_output = add(backward/norm/grad_output_sum_1, backward/q/grad_input)",
       "gradient/q.weight = matmul_backward_weight(backward/q/grad_output, forward/norm/output)"});
}

// The product of a biased linear layer and the terms of a sum have no gradients of their own.
BOOST_AUTO_TEST_CASE(an_alias_has_no_tensor) {
  Graph net(parameters, micro_batch);
  const Value x = net.embedding("embed", net.tokens());
  const Value up = net.linear("up", x), gate = net.linear("gate", x);
  const Value down = net.linear("down", net.add("mlp", "sum", up, gate));
  net.loss(net.linear("head", down));

  const Lines lines = backward_of(net);

  expect_lines(
      {lines.begin() + 3, lines.end() - 1},
      {"backward/mlp/grad_sum = matmul_backward_input(backward/down/grad_output, down.weight)",
       "gradient/down.weight = matmul_backward_weight(backward/down/grad_output, "
       "forward/mlp/sum)",
       "backward/gate/grad_input = matmul_backward_input(backward/mlp/grad_sum, gate.weight)",
       "gradient/gate.weight = matmul_backward_weight(backward/mlp/grad_sum, "
       "forward/embed/output)",
       "gradient/up.bias = bias_backward(backward/mlp/grad_sum)",
       "backward/up/grad_input = matmul_backward_input(backward/mlp/grad_sum, up.weight)",
       "backward/embed/grad_output = add(backward/gate/grad_input, backward/up/grad_input)",
       "gradient/up.weight = matmul_backward_weight(backward/mlp/grad_sum, "
       "forward/embed/output)"});
}

BOOST_AUTO_TEST_CASE(contributions_of_one_node_to_several_shared_tensors_are_told_apart) {
  Graph net(parameters, micro_batch);
  const Value x = net.embedding("embed", net.tokens());
  const Value a = net.rms_norm("norm", x, 1e-5);
  net.loss(net.linear("head", net.add("block", "output", net.swiglu("mlp", x, a), a)));

  const Lines lines = backward_of(net);

  const std::string inputs =
      "(backward/block/grad_output, forward/embed/output, forward/norm/output)";
  expect_lines({lines.begin() + 3, lines.begin() + 8},
               {"backward/mlp/grad_gate = swiglu_backward_gate" + inputs,
                "backward/mlp/grad_up = swiglu_backward_up" + inputs,
                "backward/norm/grad_output = add(backward/block/grad_output, backward/mlp/grad_up)",
                "backward/norm/grad_input = rms_norm_backward_input(backward/norm/grad_output, "
                "forward/embed/output, norm.weight)",
                "backward/embed/grad_output = add(backward/mlp/grad_gate, "
                "backward/norm/grad_input)"});
}

BOOST_AUTO_TEST_CASE(what_is_not_trained_is_that_of_the_start_and_has_no_gradient) {
  const std::string correction = "gate.correction";
  const std::vector<ParameterDescription> untrained{{correction, {6}}};
  Graph net(parameters, micro_batch, untrained);
  const Value x = net.embedding("embed", net.tokens());
  const Value scores = net.sigmoid("moe", "scores", net.linear("gate", x));
  const RoutingRule rule{.experts_per_token = 1, .form = RouteForm::scores, .factor = 2};
  BOOST_TEST(std::ranges::count(net.unused_parameters(), correction) == 1);
  const Routing routing = net.route("moe", scores, rule, correction);
  BOOST_TEST(std::ranges::count(net.unused_parameters(), correction) == 0);
  const auto parts = net.dispatch("moe", x, routing, 6, ExpertRows::by_token);
  net.loss(net.linear("head", net.combine("moe", "output", routing, parts, ExpertRows::by_token)));

  std::vector<Unit> units;
  append_micro_step(net, 3, 0, /*last_update=*/2, units);
  std::ptrdiff_t reads = 0;
  for (const Unit& unit : units) {
    BOOST_TEST(unit.output.find("correction") == std::string::npos, unit.output);
    reads += std::ranges::count(unit.inputs, "/initial/parameter/" + correction);
  }
  BOOST_TEST(reads == 2);  // of the experts and of their weights
}

BOOST_AUTO_TEST_CASE(a_parameter_used_twice_has_the_sum_of_both_gradients) {
  Graph net(parameters, micro_batch);
  net.loss(net.linear("head", net.embedding("embed", net.tokens()), "embed.weight"));

  expect_lines(
      backward_of(net),
      {"backward/head/grad_output = cross_entropy_backward(forward/head/output, data/labels)",
       "backward/embed/grad_output = matmul_backward_input(backward/head/grad_output, "
       "embed.weight)",
       "backward/head/grad_weight = matmul_backward_weight(backward/head/grad_output, "
       "forward/embed/output)",
       "backward/embed/grad_weight = embedding_backward(backward/embed/grad_output, data/tokens)",
       "gradient/embed.weight = add(backward/head/grad_weight, backward/embed/grad_weight)"});
  const std::vector<Unit> units = units_of(net);
  BOOST_TEST(units.back().output == "/step/000000/micro/0/gradient/embed.weight");
  BOOST_TEST((units.back().shape == Shape{3, 8, 4}));
}

BOOST_AUTO_TEST_CASE(what_no_parameter_enters_or_no_loss_reads_gets_no_gradient) {
  Graph net(parameters, micro_batch);
  const Rotary tables = net.rotary_tables(8, {});         // (5, 4): no parameter
  net.linear("k", net.embedding("embed", net.tokens()));  // nobody reads it
  const Value x = net.linear("q", tables.cos);
  net.loss(net.linear("head", x));

  expect_lines(
      backward_of(net),
      {"backward/head/grad_output = cross_entropy_backward(forward/head/output, data/labels)",
       "backward/q/grad_output = matmul_backward_input(backward/head/grad_output, head.weight)",
       "gradient/head.weight = matmul_backward_weight(backward/head/grad_output, "
       "forward/q/output)",
       "gradient/q.weight = matmul_backward_weight(backward/q/grad_output, "
       "/initial/data/rotary_cos)"});
}

BOOST_AUTO_TEST_CASE(tables_are_units_of_their_own) {
  Graph net(parameters, micro_batch);
  net.rotary_tables(6, {});
  std::vector<Unit> units;
  append_tables(net, units);

  BOOST_TEST_REQUIRE(units.size() == 2u);
  BOOST_TEST(units[1].output == "/initial/data/rotary_sin");
  BOOST_TEST((units[1].shape == Shape{5, 3}));
  BOOST_TEST(units[1].attributes.extent == 5);
  BOOST_TEST(units[1].attributes.head_dim == 6);
  BOOST_TEST(units[1].attributes.frequencies.theta == 1e4);
}

// A split gives back one contribution, joined from the gradients of all parts; a join gives each of
// its parts that part of its own gradient.
BOOST_AUTO_TEST_CASE(parts_carry_their_number) {
  Graph net(parameters, micro_batch);
  const Value x = net.embedding("embed", net.tokens());
  const std::vector<Value> parts = net.split("mlp", {"left", "right"}, x, {1, 3});
  net.loss(net.linear("head", net.join("mlp", "swapped", {parts[1], parts[0]}, {3, 1})));

  const Lines lines = backward_of(net);

  BOOST_TEST((net.shape(parts[1]) == Shape{3, 5, 3}));
  expect_lines({lines.begin() + 3, lines.end() - 1},
               {"backward/mlp/grad_right = split(backward/mlp/grad_swapped)",
                "backward/mlp/grad_left = split(backward/mlp/grad_swapped)",
                "backward/embed/grad_output = join(backward/mlp/grad_left, "
                "backward/mlp/grad_right)"});
  std::map<std::string, const Unit*> by_output;
  const std::vector<Unit> units = units_of(net);
  for (const Unit& unit : units) by_output[short_path(unit.output)] = &unit;
  BOOST_TEST(by_output.at("forward/mlp/left")->attributes.part == 0);
  BOOST_TEST(by_output.at("forward/mlp/right")->attributes.part == 1);
  BOOST_TEST(by_output.at("backward/mlp/grad_right")->attributes.part == 0);
  BOOST_TEST(by_output.at("backward/mlp/grad_left")->attributes.part == 1);
}

// Values and gradients by the tape, and by the units, one after another, in fp64.
BOOST_AUTO_TEST_CASE(units_of_every_kind_of_node_give_the_values_of_the_tape) {
  const std::vector<ParameterDescription> described{{"wte.weight", {8, 4}, ModuleClass::embedding},
                                                    {"wpe.weight", {5, 4}, ModuleClass::embedding},
                                                    {"ln.weight", {4}, ModuleClass::layer_norm},
                                                    {"ln.bias", {4}, ModuleClass::layer_norm},
                                                    {"qkv.weight", {4, 12}, ModuleClass::conv1d},
                                                    {"qkv.bias", {12}, ModuleClass::conv1d},
                                                    {"q_norm.weight", {2}, ModuleClass::rms_norm},
                                                    {"one.weight", {2, 4}},
                                                    {"head.weight", {8, 4}}};
  Graph net(described, micro_batch);
  const Rotary tables = net.rotary_tables(2, {});
  Value x = net.add("embeddings", "output", net.embedding("wte", net.tokens()),
                    net.embedding("wpe", net.positions()));
  const Value y = net.layer_norm("ln", x, 1e-5);
  const auto qkv = net.split("attn", {"q", "k", "v"}, net.linear("qkv", y), {4, 4, 4});
  const Value q = net.rotary("attn", "query_rotated", net.rms_norm("q_norm", qkv[0], 1e-5), tables);
  const Value k = net.add("attn", "key_sum", qkv[1],
                          net.repeat_heads("attn", "shared", net.linear("one", y), 2));
  const Value looked = net.attention("look", q, k, qkv[2], {.head_dim = 2}, net.alibi_slopes(2));
  const Value attended = net.attention("attn", looked, k, qkv[2], {.head_dim = 2, .window = 3});
  const auto halves = net.split("mlp", {"left", "right"}, attended, {1, 1});
  const Value joined = net.join("mlp", "joined", {halves[1], halves[0]}, {1, 1});
  const Value gated = net.swiglu("mlp", net.gelu("gelu", joined, GeluForm::tanh), y);
  x = net.add("block", "output", x, gated);
  net.loss(net.linear("head", x));

  testing::Random random(11);
  Parameters weights;
  std::map<std::string, Tensor> known;
  for (const ParameterDescription& p : described)
    known["/initial/parameter/" + p.name] = weights[p.name] = random.tensor(p.shape);
  const Tokens tokens({3, 5}, {1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 3, 3, 3, 3});
  known["/step/000000/micro/0/data/tokens"] =
      Tensor(tokens.shape, {tokens.values.begin(), tokens.values.end()});
  std::vector<Unit> units;
  append_tables(net, units);
  append_micro_step(net, 0, 0, -1, units);

  for (const Unit& unit : units) {
    const Tensor zero(unit.shape);
    std::vector<Operand> arguments;
    for (const std::string& input : unit.inputs) {
      const Tensor& tensor = input == zero_input ? zero : known.at(input);
      arguments.push_back({tensor.shape, tensor.values});
    }
    UnitResult value = replay(unit.kind, unit.attributes, UnitPrecision{}, arguments);
    BOOST_TEST_REQUIRE((value.shape == unit.shape), unit.output);
    BOOST_TEST(known.emplace(unit.output, Tensor(unit.shape, std::move(value.value))).second);
  }
  const MicroStepResult result = run_micro_step(net, weights, tokens);

  for (const auto& [name, tensor] : result.tensors)
    BOOST_TEST(
        testing::relative_difference(known.at("/step/000000/micro/0/" + name), tensor) < 1e-12,
        name);
  BOOST_TEST(result.gradients.size() == described.size());
  for (const auto& [name, tensor] : result.gradients)
    BOOST_TEST(testing::relative_difference(known.at("/step/000000/micro/0/gradient/" + name),
                                            tensor) < 1e-12,
               name);
}

// Half a block of a decoder, with its residual: x is handed on, then the sum, then the logits.
Graph tied_block() {
  Graph net(parameters, micro_batch);
  const Value x = net.embedding("embed", net.tokens());
  const Value sum = net.add("block", "residual", x, net.rms_norm("norm", x, 1e-5));
  net.loss(net.linear("head", sum, "embed.weight"));
  return net;
}

BOOST_AUTO_TEST_CASE(a_graph_is_cut_where_one_tensor_is_handed_on) {
  const Graph net = tied_block();

  const std::vector<Stretch> stretches = stretches_of(net);
  const Readers readers = readers_of(net, stretches);

  Lines nodes;
  for (const Stretch& stretch : stretches) {
    nodes.push_back("");
    for (std::size_t n = stretch.begin; n < stretch.end; ++n)
      nodes.back() += std::string(n > stretch.begin ? " " : "") + name_of(net.nodes()[n].kind);
  }
  expect_lines(nodes, {"embedding", "rms_norm add", "matmul", "shift_labels", "cross_entropy"});
  const auto at = [&](const std::string& role) {
    return static_cast<std::size_t>(std::ranges::find(net.tensors(), role, &GraphTensor::role) -
                                    net.tensors().begin());
  };
  BOOST_TEST(readers.first[at("tokens")] == 0U);
  BOOST_TEST(readers.last[at("tokens")] == 3U);
  BOOST_TEST(readers.first[at("residual")] == 2U);
  BOOST_TEST(readers.last[net.nodes().back().outputs[0].index] == Readers::nobody);
}

// The sum of three gradients of one weight, two of which are of one stretch, has the order of a
// single tape.
BOOST_AUTO_TEST_CASE(stretches_that_are_computed_again_give_the_bits_of_a_single_tape) {
  Graph net(parameters, micro_batch);
  const Value x = net.embedding("embed", net.tokens());
  const Value twice = net.linear("b", net.linear("a", x, "q.weight"), "q.weight");
  const Value last = net.linear("c", net.add("block", "residual", x, twice), "q.weight");
  net.loss(net.linear("head", last, "embed.weight"));
  testing::Random random(3);
  Parameters weights;
  for (const ParameterDescription& p : parameters) weights[p.name] = random.tensor(p.shape);
  const Tokens tokens({3, 5}, {1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 3, 3, 3, 3});
  Tape tape(micro_batch.groups);
  const Variable table = tape.leaf(weights["embed.weight"]), q = tape.given(weights["q.weight"]);
  const Variable looked = tape.embedding(table, tokens);
  const Variable sum = tape.add(looked, tape.matmul(tape.matmul(looked, q), q));
  const Variable logits = tape.matmul(tape.matmul(sum, q), table);
  tape.backward(tape.cross_entropy(logits, shift_labels(tokens)), Tensor({3}, {0.5, 0.5, 0.5}));

  const MicroStepResult result = run_micro_step(net, weights, tokens);

  BOOST_TEST(result.gradients.at("embed.weight").values == tape.gradient(table).values);
  BOOST_TEST(result.gradients.at("q.weight").values == tape.gradient(q).values);
  const auto told =
      std::ranges::find(result.tensors, "backward/embed/grad_output", &NamedTensor::name);
  BOOST_TEST_REQUIRE((told != result.tensors.end()));
  BOOST_TEST(told->tensor.values == tape.gradient(looked).values);
}

// That of the norm's output is that of the sum it enters.
BOOST_AUTO_TEST_CASE(evaluation_names_the_gradients_that_are_tensors_of_their_own) {
  Graph net(parameters, micro_batch);
  const Value x = net.embedding("embed", net.tokens());
  net.loss(net.linear("head", net.add("block", "residual", x, net.rms_norm("norm", x, 1e-5))));
  testing::Random random(5);
  Parameters weights;
  for (const ParameterDescription& p : parameters) weights[p.name] = random.tensor(p.shape);
  const Tokens tokens({3, 5}, {1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 3, 3, 3, 3});

  const MicroStepResult result = run_micro_step(net, weights, tokens);

  Lines names;
  for (const NamedTensor& named : result.tensors) names.push_back(named.name);
  expect_lines(names, {"forward/embed/output", "forward/norm/output", "forward/block/residual",
                       "forward/head/output", "forward/loss/output", "backward/head/grad_output",
                       "backward/block/grad_residual", "backward/embed/grad_output"});
  BOOST_TEST(result.gradients.size() == 3u);
  BOOST_TEST((result.gradients.at("norm.weight").shape == Shape{3, 4}));
}

BOOST_AUTO_TEST_CASE(two_tensors_of_one_name_and_unknown_parameters_are_refused) {
  Graph net(parameters, micro_batch);
  const Value x = net.embedding("embed", net.tokens());
  BOOST_CHECK_THROW(net.embedding("embed", net.tokens()), InvariantError);
  BOOST_CHECK_THROW(net.linear("nobody", x), InvariantError);
}

// The gradient of attn/value, and one of several contributions to it by a node of attn.
BOOST_AUTO_TEST_CASE(a_contribution_of_the_name_of_a_gradient_is_refused) {
  Graph net(parameters, micro_batch);
  const Value x = net.embedding("embed", net.tokens());
  const Value v = net.split("attn", {"value"}, x, {4})[0];
  const Value a = net.attention("attn", x, x, v, {.head_dim = 2});
  net.loss(net.linear("head", net.add("block", "output", a, v)));

  BOOST_CHECK_THROW(units_of(net), InvariantError);
}

BOOST_AUTO_TEST_CASE(a_family_that_nobody_has_told_is_refused_by_name) {
  ModelDescription model;
  model.family = "perceptron";
  BOOST_CHECK_EXCEPTION(graph_of(model, micro_batch), ScenarioError, [](const ScenarioError& e) {
    return std::string(e.what()).find("perceptron") != std::string::npos;
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::reference
