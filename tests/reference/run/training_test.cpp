#include "reference/run/training.hpp"

#include <boost/test/unit_test.hpp>
#include <iterator>
#include <map>
#include <set>

#include "reference/run/size.hpp"
#include "reference/units/expected_tensors.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/data/batches.hpp"
#include "scenarios/precision/mean_over_replicas.hpp"
#include "scenarios/trace/scenario_header.hpp"
#include "tests/reference/random_tensors.hpp"
#include "tests/support/scenario_runs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::reference {

namespace {

using testing::relative_difference;
using tests::sweep;
using tests::TemporaryFolder;

/// The same model with its logits read off the embedding.
Scenario tied(Scenario scenario) {
  scenario.model.tie_word_embeddings = true;
  std::erase_if(scenario.model.parameters,
                [](const auto& p) { return p.name == "lm_head.weight"; });
  return scenario;
}
const std::string with_bias = "tiny-bias-tp2-dp2-zero1-bf16";
const std::string grouped = "tiny-gqa-tp1-dp3-zero1-fp32-rank_order";

std::map<std::string, Tensor> read_trace(const std::string& folder) {
  const TraceReader reader(folder);
  std::map<std::string, Tensor> tensors;
  for (const auto& [path, stored] : reader.datasets()) {
    const DatasetInfo& info = stored.at(0).info;
    Tensor& tensor = tensors[path] = Tensor(info.full_shape);
    decode(info.dtype, reader.read(stored.at(0)), tensor.values);
  }
  return tensors;
}

std::map<std::string, Tensor> run(const Scenario& scenario) {
  const TemporaryFolder folder;
  run_reference(scenario, header_of(scenario, Execution::reference), folder.path());
  return read_trace(folder.path());
}

/// What no unit computes: tokens, and the optimizer's scalars.
void add_leaves(const Scenario& scenario, std::map<std::string, Tensor>& known) {
  const Batches batches(scenario);
  for (const auto& [path, shape] : expected_leaves(scenario)) {
    const auto [entry, absent] = known.try_emplace(path, Tensor(shape));
    if (!absent) continue;
    const Moment moment = moment_of(path);
    const OptimizerConfig& config = scenario.training.optimizer;
    std::vector<double>& values = entry->second.values;
    if (path.ends_with("bias_correction1")) values = {1 - std::pow(config.beta1, moment.step + 1)};
    if (path.ends_with("bias_correction2")) values = {1 - std::pow(config.beta2, moment.step + 1)};
    if (!path.ends_with("tokens")) continue;
    values.clear();
    for (int replica = 0; replica < scenario.data_parallel(); ++replica)
      std::ranges::copy(batches.tokens(StepIndex{moment.step}, MicroStep{moment.micro}, replica),
                        std::back_inserter(values));
  }
}

/// Evaluates a unit in fp64 on what is known.
Tensor evaluate(const Unit& unit, const std::map<std::string, Tensor>& known) {
  const Tensor zero(unit.shape);
  std::vector<Operand> operands;
  for (const std::string& input : unit.inputs) {
    const Tensor& tensor = input == zero_input ? zero : known.at(input);
    operands.push_back({tensor.shape, tensor.values});
  }
  UnitResult result = replay(unit.kind, unit.attributes, UnitPrecision{}, operands);
  const bool scalar = result.shape.empty() && unit.shape == Shape{1};
  BOOST_TEST_REQUIRE((scalar || result.shape == unit.shape), unit.output);
  return Tensor(unit.shape, std::move(result.value));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(training_test)

// Units and values follow from the graph by two ways: evaluating the units one after another must
// give every tensor that the tape recorded, with and without bias, tied and untied, with one and
// with several groups.
BOOST_AUTO_TEST_CASE(units_evaluated_in_order_give_every_tensor_of_the_reference) {
  for (Scenario scenario : {sweep(with_bias, 2), tied(sweep(with_bias, 2)), sweep(grouped, 2)}) {
    scenario.training.working = Dtype::fp64;  // so that activations are recorded in fp64, too
    const std::map<std::string, Tensor> recorded = run(scenario);
    std::map<std::string, Tensor> known;
    for (const ParameterDescription& p : scenario.model.parameters)
      known["/initial/parameter/" + p.name] = recorded.at("/initial/parameter/" + p.name);
    for (const auto& [path, tensor] : recorded)
      if (path.ends_with("/scalar/learning_rate")) known[path] = tensor;
    add_leaves(scenario, known);

    std::set<std::string> compared;
    for (const Unit& unit : expected_units(scenario, mean_over_replicas(scenario))) {
      Tensor value = evaluate(unit, known);
      if (const auto found = recorded.find(unit.output); found != recorded.end()) {
        BOOST_TEST(relative_difference(value, found->second) < 1e-10, unit.output);
        compared.insert(unit.output);
      }
      known[unit.output] = std::move(value);
    }

    for (const auto& [path, tensor] : recorded)
      BOOST_TEST(
          (compared.contains(path) || path.ends_with("/scalar/loss") ||
           path.ends_with("/scalar/learning_rate") || path.starts_with("/initial/parameter")),
          path << " is recorded but no unit gives it");
  }
}

// Inference is the first forward pass of training, bit by bit, and nothing else.
BOOST_AUTO_TEST_CASE(inference_records_weights_and_forward_tensors_alone) {
  Scenario scenario = sweep(with_bias, 1);
  scenario.training.accumulation = 1;
  const std::map<std::string, Tensor> trained = run(scenario);
  scenario.mode = Mode::inference;
  scenario.steps = 2;
  const std::map<std::string, Tensor> recorded = run(scenario);

  int compared = 0;
  for (const auto& [path, tensor] : recorded) {
    const std::string name = name_in_folder(path);
    BOOST_TEST((name.starts_with("parameter/") || name.starts_with("forward/")), path);
    if (moment_of(path).step == 1) continue;
    BOOST_TEST(tensor.values == trained.at(path).values, path);
    ++compared;
  }
  BOOST_TEST(compared > 50);
  BOOST_TEST(!recorded.contains("/step/000000/micro/0/forward/loss/output"));
  BOOST_TEST(recorded.contains("/step/000001/micro/0/forward/lm_head/output"));
  BOOST_TEST(!recorded.contains("/step/000000/parameter/model.norm.weight"));
}

BOOST_AUTO_TEST_CASE(inference_expects_units_of_the_forward_pass_over_the_initial_weights) {
  Scenario scenario = sweep(with_bias, 2);
  scenario.training.accumulation = 1;
  scenario.mode = Mode::inference;

  std::set<std::string> known;
  for (const auto& [path, shape] : expected_leaves(scenario)) known.insert(path);
  BOOST_TEST(known.size() == scenario.model.parameters.size() + 2);  // and the tokens of each step
  for (const Unit& unit : expected_units(scenario, mean_over_replicas(scenario))) {
    for (const std::string& input : unit.inputs) BOOST_TEST(known.contains(input), input);
    const std::string name = name_in_folder(unit.output);
    BOOST_TEST((name.starts_with("forward/") || name.starts_with("data/rotary_")), unit.output);
    known.insert(unit.output);
  }
  BOOST_TEST(known.contains("/step/000001/micro/0/forward/lm_head/output"));
}

BOOST_AUTO_TEST_CASE(every_input_is_a_leaf_or_an_earlier_output_and_no_output_occurs_twice) {
  for (const Scenario& scenario :
       {sweep(with_bias, 3), tied(sweep(with_bias, 3)), sweep(grouped, 3)}) {
    std::map<std::string, Shape> known;
    for (const auto& [path, shape] : expected_leaves(scenario))
      BOOST_TEST(known.emplace(path, shape).second, path);
    std::int64_t elements = 0;
    const std::vector<Unit> units = expected_units(scenario, mean_over_replicas(scenario));
    for (const Unit& unit : units) {
      for (const std::string& input : unit.inputs)
        BOOST_TEST((input == zero_input || known.contains(input)),
                   unit.output << " needs " << input);
      BOOST_TEST(known.emplace(unit.output, unit.shape).second, unit.output);
      elements += element_count(unit.shape);
    }
    BOOST_TEST(output_elements(units) == elements);
  }
}

BOOST_AUTO_TEST_CASE(the_size_of_a_trace_is_known_beforehand) {
  for (const Scenario& scenario : {sweep(with_bias, 2), tied(sweep(with_bias, 1)),
                                   sweep(grouped, 3), sweep("inference-llama-tp2-dp2-bf16", 2)}) {
    const TemporaryFolder folder;
    run_reference(scenario, header_of(scenario, Execution::reference), folder.path());
    const TraceReader reader(folder.path());
    std::int64_t bytes = 0;
    for (const auto& [path, stored] : reader.datasets())
      bytes += element_count(stored.at(0).info.full_shape) *
               static_cast<std::int64_t>(size_bytes(stored.at(0).info.dtype));

    const ReferenceSize size = size_of_reference(scenario);

    BOOST_TEST(size.trace_tensors == std::ssize(reader.datasets()), scenario.name);
    BOOST_TEST(size.trace_bytes == bytes, scenario.name);
  }
}

BOOST_AUTO_TEST_CASE(two_all_reduces_forward_and_five_backward_in_every_block) {
  const Scenario scenario = sweep(with_bias, 1);
  int forward = 0, backward = 0;
  for (const Unit& unit : expected_units(scenario, mean_over_replicas(scenario))) {
    const LayerPartition::Style style = scenario.partition.of(unit.module).style;
    forward += unit.kind == UnitKind::matmul && style == LayerPartition::Style::row;
    backward +=
        unit.kind == UnitKind::matmul_backward_input && style == LayerPartition::Style::column;
  }

  const auto blocks = static_cast<int>(scenario.model.num_hidden_layers);
  BOOST_TEST(forward == 2 * blocks * scenario.training.accumulation);
  BOOST_TEST(backward == 5 * blocks * scenario.training.accumulation);
}

BOOST_AUTO_TEST_CASE(without_clipping_there_is_no_factor) {
  Scenario scenario = sweep(with_bias, 1);
  scenario.training.gradient_clipping = 0;
  for (const Unit& unit : expected_units(scenario, mean_over_replicas(scenario))) {
    BOOST_TEST(!unit.output.ends_with("clip_factor"));
    BOOST_TEST(!unit.output.ends_with("clipped"));
  }
}

BOOST_AUTO_TEST_CASE(the_split_does_not_change_the_reference) {
  Scenario scenario = sweep(with_bias, 2);
  const std::map<std::string, Tensor> tp2_dp2 = run(scenario);
  scenario.parallel.tensor_parallel = 1;  // the same two replicas, each on one rank
  scenario.parallel.zero_stage = 0;

  const std::map<std::string, Tensor> tp1_dp2 = run(scenario);

  BOOST_TEST_REQUIRE(tp1_dp2.size() == tp2_dp2.size());
  for (const auto& [path, tensor] : tp2_dp2)
    BOOST_TEST(tensor.values == tp1_dp2.at(path).values, path);
}

// A step is a mean over D * GAS micro-batches, however they are divided (spec-autotp 7.9).
BOOST_AUTO_TEST_CASE(replicas_and_micro_steps_are_interchangeable) {
  Scenario scenario = sweep(with_bias, 2);  // D = 2, GAS = 2
  const std::map<std::string, Tensor> two_by_two = run(scenario);
  scenario.replicas = 1;
  scenario.training.accumulation = 4;  // D = 1

  const std::map<std::string, Tensor> one_by_four = run(scenario);

  for (const ParameterDescription& p : scenario.model.parameters) {
    const std::string path = "/step/000001/parameter/" + p.name;
    BOOST_TEST(relative_difference(two_by_two.at(path), one_by_four.at(path)) < 1e-9, path);
    BOOST_TEST(two_by_two.at(path).values != two_by_two.at("/initial/parameter/" + p.name).values);
  }
}

BOOST_AUTO_TEST_CASE(it_tells_its_progress_and_writes_the_same_bytes_twice) {
  const Scenario scenario = sweep(with_bias, 2);
  const TemporaryFolder first, second;
  std::vector<std::pair<int, int>> told;

  run_reference(scenario, header_of(scenario, Execution::reference), first.path(),
                [&](const Moment& moment) { told.emplace_back(moment.step, moment.micro); });
  run_reference(scenario, header_of(scenario, Execution::reference), second.path());

  BOOST_TEST(
      (told == std::vector<std::pair<int, int>>{{0, 0}, {0, 1}, {0, -1}, {1, 0}, {1, 1}, {1, -1}}));
  const std::string bytes = tests::bytes_of_file(first / "rank-00000.h5");
  BOOST_TEST(!bytes.empty());
  BOOST_TEST((bytes == tests::bytes_of_file(second / "rank-00000.h5")));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::reference
