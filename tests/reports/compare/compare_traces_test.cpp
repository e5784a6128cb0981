#include "reports/compare/compare_traces.hpp"

#include <boost/test/unit_test.hpp>
#include <stdexcept>

#include "scenarios/config/scenario_file.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/trace/trace.hpp"
#include "sim/simulate.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/scenario_runs.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using namespace shardproof::reports;
using namespace shardproof::tests;
using State = TensorComparison::State;

namespace {

Scenario scenario(int tp, int dp, std::vector<Injection> inject = {}) {
  Scenario made = read_scenario("../scenarios/catalog/sweep/tiny-tp1-dp1-zero0-fp64.json",
                                {"num_hidden_layers=1"});
  lay_out(made, tp, dp);
  made.training.micro_batch = 2 / dp;
  made.steps = 2;
  made.inject = std::move(inject);
  return made;
}

TraceComparison compared(const Scenario& a, const Scenario& b) {
  const TemporaryFolder folder;
  BOOST_REQUIRE(sim::simulate(a, folder / "a"));
  BOOST_REQUIRE(sim::simulate(b, folder / "b"));
  return compare_traces(folder / "a", folder / "b");
}

const TensorComparison& tensor(const TraceComparison& comparison, const std::string& path) {
  for (const TensorComparison& tensor : comparison.tensors)
    if (tensor.path == path) return tensor;
  throw std::out_of_range(path);
}

// Writes a trace of one rank that holds one tensor a path, two fp32 elements each.
void write_trace(const std::string& folder, const std::string& model,
                 const std::vector<std::pair<std::string, std::vector<double>>>& tensors) {
  TraceHeader header;
  header.execution = "reference";
  header.model_hash = model;
  TraceWriter writer(folder, header);
  for (const auto& [path, values] : tensors) {
    const auto n = static_cast<std::int64_t>(values.size());
    std::vector<std::byte> bytes(values.size() * 4);
    encode(Dtype::fp32, values, bytes);
    DatasetInfo info;
    info.path = path;
    info.dtype = Dtype::fp32;
    info.full_shape = {n};
    info.regions = {whole({n})};
    info.placement = "tp=replicate dp=replicate";
    info.op = "op";
    writer.write(info, bytes);
  }
  writer.close();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(compare_command)

BOOST_AUTO_TEST_CASE(a_run_equals_its_rerun) {
  const TraceComparison comparison = compared(scenario(2, 1), scenario(2, 1));
  BOOST_TEST(comparison.exit_code() == 0);
  BOOST_TEST(comparison.count(State::equal) == std::ssize(comparison.tensors));
  BOOST_TEST(comparison.count(State::equal) > 100);
  BOOST_TEST(comparison.first_different == -1);
}

BOOST_AUTO_TEST_CASE(another_world_size_differs_by_rounding_first_where_tp_splits_a_sum) {
  const TraceComparison comparison = compared(scenario(1, 1), scenario(2, 1));

  BOOST_TEST(comparison.exit_code() == 1);
  // What column-parallel layers compute is the same sum; the first split one is o_proj's.
  const TensorComparison& q =
      tensor(comparison, "/step/000000/micro/0/forward/model.layers.0.self_attn.q_proj/output");
  BOOST_CHECK(q.state == State::equal);
  const auto first = static_cast<std::size_t>(comparison.first_different_with_equal_inputs);
  BOOST_TEST(comparison.tensors.at(first).path ==
             "/step/000000/micro/0/forward/model.layers.0.self_attn.o_proj/output");
  BOOST_TEST(comparison.tensors.at(first).bits.max_absolute < 1e-14);
  BOOST_TEST(comparison.count(State::only_b) > 0);  // the partial sums
}

BOOST_AUTO_TEST_CASE(a_planted_factor_is_the_first_difference_with_equal_inputs) {
  Injection scale;
  scale.edit = EditKind::scale;
  scale.op = "model.layers.0.mlp.down_proj/forward/matmul";
  scale.steps = {1};
  scale.factor = 1.5;

  const TraceComparison comparison = compared(scenario(2, 1), scenario(2, 1, {scale}));

  const auto first = static_cast<std::size_t>(comparison.first_different_with_equal_inputs);
  BOOST_TEST(comparison.tensors.at(first).op == scale.op);
  BOOST_TEST(comparison.tensors.at(first).path ==
             "/step/000001/micro/0/forward/model.layers.0.mlp.down_proj/partial");
}

BOOST_AUTO_TEST_CASE(traces_of_two_models_are_refused_by_name) {
  const TemporaryFolder folder;
  write_trace(folder / "a", "aaaa", {{"/initial/parameter/p", {1}}});
  write_trace(folder / "b", "bbbb", {{"/initial/parameter/p", {1}}});
  BOOST_TEST(error_of([&] { compare_traces(folder / "a", folder / "b"); }, folder / "") ==
             "two traces of different models: a is of model aaaa, b of bbbb");
}

BOOST_AUTO_TEST_CASE(nothing_in_common_is_never_equal) {
  const TemporaryFolder folder;
  write_trace(folder / "a", "m", {{"/initial/parameter/p", {1}}});
  write_trace(folder / "b", "m", {{"/initial/parameter/q", {1}}});
  const TraceComparison comparison = compare_traces(folder / "a", folder / "b");
  BOOST_TEST(comparison.exit_code() == 2);
  BOOST_TEST(comparison.count(State::only_a) == 1);
  BOOST_TEST(comparison.count(State::only_b) == 1);
}

BOOST_AUTO_TEST_CASE(distances_are_those_worked_by_hand) {
  const TemporaryFolder folder;
  write_trace(folder / "a", "m",
              {{"/initial/parameter/p", {1, 2, 4}},
               {"/initial/parameter/q", {1, 2}},
               {"/initial/parameter/r", {1}}});
  write_trace(folder / "b", "m",
              {{"/initial/parameter/p", {1, 2.5, 4.000001}},
               {"/initial/parameter/q", {1, 2, 3}},
               {"/initial/parameter/r", {1}}});

  const TraceComparison comparison = compare_traces(folder / "a", folder / "b");

  const TensorComparison& p = tensor(comparison, "/initial/parameter/p");
  BOOST_CHECK(p.state == State::different);
  BOOST_TEST(p.bits.failed == 2);
  BOOST_TEST(p.bits.max_absolute == 0.5);
  BOOST_TEST(p.bits.max_ulp.value() == 0.5 / 0x1p-22);  // an ulp of 2 in fp32
  BOOST_TEST(p.first_index == Shape{1}, boost::test_tools::per_element());
  BOOST_TEST(tensor(comparison, "/initial/parameter/q").reason == "full shapes (2) and (3)");
  BOOST_TEST(comparison.exit_code() == 1);
  const JsonValue json = parse_json(comparison_json(comparison), "comparison");
  BOOST_TEST(json.find("schema")->text == "shardproof-compare-1");
  BOOST_TEST(json.find("counts")->find("not_comparable")->integer == 1);
  BOOST_TEST(json.find("first_different")->text == "/initial/parameter/p");
  BOOST_TEST(comparison_text(comparison).starts_with("DIFFERENT\n"));
}

BOOST_AUTO_TEST_SUITE_END()
