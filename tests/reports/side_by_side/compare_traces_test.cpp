#include <boost/test/unit_test.hpp>
#include <stdexcept>

#include "reports/render/comparison.hpp"
#include "reports/side_by_side/trace_comparison.hpp"
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
  for (const TensorComparison& tensor : comparison.tensors.tensors)
    if (tensor.path == path) return tensor;
  throw std::out_of_range(path);
}

// Writes a rank's trace that holds one tensor a path, of fp32.
void write_trace(const std::string& folder, const std::string& model,
                 const std::vector<std::pair<std::string, std::vector<double>>>& tensors,
                 TraceHeader header = {}) {
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

// Writes a trace of one tensor of fp32, of which each rank has some boxes; the last rank has
// another number at element `wrong`.
void write_cut(const std::string& folder, const std::string& path, const Shape& shape,
               const std::vector<std::vector<Region>>& ranks, const std::vector<double>& values,
               std::size_t wrong = SIZE_MAX) {
  TraceHeader header;
  header.execution = "reference";
  header.world = header.tp = static_cast<int>(ranks.size());
  std::vector<double> own = values;
  for (const std::vector<Region>& regions : ranks) {
    if (header.rank + 1 == header.world && wrong < own.size()) own[wrong] += 1;
    std::vector<std::byte> all(own.size() * 4);
    encode(Dtype::fp32, own, all);
    DatasetInfo info;
    info.path = path;
    info.dtype = Dtype::fp32;
    info.full_shape = shape;
    info.regions = regions;
    info.placement = "tp=replicate dp=replicate";
    info.op = "op";
    std::vector<std::byte> bytes(static_cast<std::size_t>(element_count(info.regions)) * 4);
    extract(all, shape, regions, 4, bytes);
    TraceWriter writer(folder, header);
    writer.write(std::move(info), bytes);
    writer.close();
    ++header.rank;
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(compare_command)

BOOST_AUTO_TEST_CASE(a_run_equals_its_rerun) {
  const TraceComparison comparison = compared(scenario(2, 1), scenario(2, 1));
  BOOST_CHECK(comparison.answer == Answer::equal);
  BOOST_TEST(comparison.exit_code() == 0);
  BOOST_TEST(comparison.tensors.count(State::equal) == std::ssize(comparison.tensors.tensors));
  BOOST_TEST(comparison.tensors.count(State::equal) > 100);
  BOOST_TEST(comparison.tensors.first_different == -1);
  BOOST_TEST(comparison_text(comparison).starts_with("EQUAL: every tensor has the same bits"));
}

BOOST_AUTO_TEST_CASE(another_world_size_is_explained_by_the_sum_that_tp_splits_first) {
  const TraceComparison comparison = compared(scenario(1, 1), scenario(2, 1));

  BOOST_CHECK(comparison.answer == Answer::explained);
  BOOST_TEST(comparison.exit_code() == 0);
  // What column-parallel layers compute is the same sum; the first split one is o_proj's.
  const TensorComparison& q =
      tensor(comparison, "/step/000000/micro/0/forward/model.layers.0.self_attn.q_proj/output");
  BOOST_CHECK(q.state == State::equal);
  const auto index = static_cast<std::size_t>(comparison.tensors.first_different_with_equal_inputs);
  const TensorComparison& first = comparison.tensors.tensors.at(index);
  BOOST_TEST(first.path == "/step/000000/micro/0/forward/model.layers.0.self_attn.o_proj/output");
  BOOST_TEST(first.op_a == "model.layers.0.self_attn.o_proj/forward/matmul");
  BOOST_TEST(first.op_b == "model.layers.0.self_attn.o_proj/forward/all_reduce");
  BOOST_TEST(first.relative_distance() < 1e-14);
  BOOST_TEST(comparison.reason == "another order of a sum over tp: 1 and 2 ranks");
  BOOST_TEST(comparison.tensors.count(State::only_b) > 0);  // the partial sums
  BOOST_TEST_REQUIRE(comparison.growth.size() == 2u);
  BOOST_TEST(comparison.growth[0].parameters > 0);
  BOOST_TEST(comparison.growth[0].parameters < 1e-13);
  for (const TraceComparison::Side* side : {&comparison.a, &comparison.b})
    BOOST_TEST(name_of(side->verdict.value().conclusion) == std::string("pass"));
}

BOOST_AUTO_TEST_CASE(another_dtype_is_compared_by_value_and_explained) {
  Scenario single = scenario(2, 1);
  single.training.working = Dtype::fp32;
  const TraceComparison comparison = compared(scenario(2, 1), single);
  BOOST_CHECK(comparison.answer == Answer::explained);
  BOOST_TEST(comparison.reason == "another dtype: fp64 and fp32");
  const TensorComparison& loss = tensor(comparison, "/step/000001/micro/0/forward/loss/output");
  BOOST_TEST(loss.by_value);
  BOOST_TEST(loss.relative_distance() < 1e-6);
  BOOST_TEST(loss.relative_distance() > 1e-12);
}

BOOST_AUTO_TEST_CASE(another_zero_stage_that_rounds_each_micro_step_is_explained) {
  Scenario first = read_scenario("../scenarios/catalog/sweep/tiny-bias-tp2-dp2-zero1-bf16.json",
                                 {"num_hidden_layers=1"});
  first.steps = 1;
  first.training.accumulation = 2;
  Scenario second = first;
  first.parallel.zero_stage = 1;
  second.parallel.zero_stage = 2;
  const TraceComparison comparison = compared(first, second);
  BOOST_CHECK(comparison.answer == Answer::explained);
  BOOST_TEST(comparison.exit_code() == 0);
}

BOOST_AUTO_TEST_CASE(a_planted_factor_is_the_first_difference_with_equal_inputs) {
  Injection scale;
  scale.edit = EditKind::scale;
  scale.op = "model.layers.0.mlp.down_proj/forward/matmul";
  scale.steps = {1};
  scale.factor = 1.5;

  const TraceComparison comparison = compared(scenario(2, 1), scenario(2, 1, {scale}));

  BOOST_CHECK(comparison.answer == Answer::different);
  BOOST_TEST(comparison.exit_code() == 1);
  BOOST_TEST(comparison.sentence == "B is wrong by itself");
  const auto index = static_cast<std::size_t>(comparison.tensors.first_different_with_equal_inputs);
  BOOST_TEST(comparison.tensors.tensors.at(index).op_a == scale.op);
  BOOST_TEST(comparison.tensors.tensors.at(index).path ==
             "/step/000001/micro/0/forward/model.layers.0.mlp.down_proj/partial");
}

// What no judgement of one run alone can see, and what only that can.
BOOST_AUTO_TEST_CASE(another_learning_rate_another_seed_and_a_stale_read_are_never_rounding) {
  Scenario rate = scenario(2, 1), seed = scenario(2, 1);
  rate.training.optimizer.learning_rate *= 1.0 + 0x1p-20;
  seed.seed += 1;
  Injection stale;
  stale.edit = EditKind::stale;
  stale.op = "model.layers.0.self_attn.o_proj/forward/matmul";
  stale.steps = {1};
  for (const auto& [other, key] : {std::pair{rate, "deepspeed.optimizer.params.lr"},
                                   {seed, "seed"},
                                   {scenario(2, 1, {stale}), ""}}) {
    const TraceComparison comparison = compared(scenario(1, 1), other);
    BOOST_CHECK(comparison.answer == Answer::different);
    BOOST_TEST(comparison.exit_code() == 1);
    if (*key == 0) {
      BOOST_TEST(comparison.sentence == "B is wrong by itself");
      continue;
    }
    BOOST_TEST_REQUIRE(comparison.task_keys.size() == 1u);
    BOOST_TEST(comparison.task_keys[0].starts_with(std::string(key) + ": "),
               comparison.task_keys[0]);
  }
}

BOOST_AUTO_TEST_CASE(replicas_that_differ_inside_a_trace_are_no_equality_with_itself) {
  const TemporaryFolder folder;
  const std::string norm = "/initial/parameter/model.norm.weight";
  TraceHeader header;
  header.world = header.tp = 2;
  for (header.rank = 0; header.rank < 2; ++header.rank)
    write_trace(folder / "a", "m", {{norm, {1.0 + header.rank}}}, header);

  const TraceComparison comparison = compare_traces(folder / "a", folder / "a");

  BOOST_CHECK(comparison.answer == Answer::different);
  BOOST_TEST(comparison.exit_code() == 1);
  BOOST_TEST(comparison.sentence == norm + ": in A, its replicas differ, on rank 1");
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
  BOOST_TEST(comparison.tensors.count(State::only_a) == 1);
  BOOST_TEST(comparison.tensors.count(State::only_b) == 1);
}

// (300, 1000) of fp32 is more than is read at once.
BOOST_AUTO_TEST_CASE(however_two_traces_cut_a_tensor_its_elements_meet) {
  const TemporaryFolder folder;
  const Shape shape{300, 1000};
  const std::string path = "/initial/parameter/p";
  const std::vector<std::vector<Region>> whole_tensor{{whole(shape)}};
  std::vector<std::vector<Region>> cut{{{{0, 0}, {300, 400}}},
                                       {{{0, 400}, {150, 600}}},
                                       {{{150, 700}, {150, 300}}, {{150, 400}, {150, 300}}}};
  std::vector<double> values(300'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0 + static_cast<double>(i % 977);
  write_cut(folder / "whole", path, shape, whole_tensor, values);
  write_cut(folder / "cut", path, shape, cut, values);

  const TraceComparison same = compare_traces(folder / "whole", folder / "cut");
  BOOST_CHECK(same.answer == Answer::equal);
  BOOST_TEST(tensor(same, path).elements.compared == 300'000);

  const double first = values[150'699], last = values[299'999];
  values[150'699] = first + 0.5;
  values[299'999] = last - 3;
  write_cut(folder / "other", path, shape, cut, values);
  const TraceReader a(folder / "whole"), b(folder / "other");
  const TensorComparison different = compare_tensors(a, b).tensors.at(0);
  BOOST_CHECK(different.state == State::different);
  BOOST_TEST(different.elements.failed == 2);
  BOOST_TEST((different.first_index == Shape{150, 699}));
  BOOST_TEST(different.elements.expected == first);
  BOOST_TEST(different.elements.got == first + 0.5);
  BOOST_TEST(different.elements.max_absolute == 3);
  BOOST_TEST(different.largest == 977);

  // A rank more, which has some elements of others.
  cut.push_back({{{100, 300}, {100, 400}}});
  write_cut(folder / "more", path, shape, cut, values);
  BOOST_CHECK(compare_tensors(b, TraceReader(folder / "more")).tensors.at(0).state == State::equal);
  write_cut(folder / "wrong", path, shape, cut, values, 150'699);
  BOOST_TEST(compare_tensors(a, TraceReader(folder / "wrong")).tensors.at(0).reason ==
             "in B, its replicas differ, on rank 3");
  cut[1] = {{{0, 400}, {149, 600}}};
  write_cut(folder / "fewer", path, shape, cut, values);
  BOOST_TEST(compare_tensors(a, TraceReader(folder / "fewer")).tensors.at(0).reason ==
             "A and B do not have the same elements of it");
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
  BOOST_TEST(p.elements.failed == 2);
  BOOST_TEST(p.elements.max_absolute == 0.5);
  BOOST_TEST(p.relative_distance() == 0.125);
  BOOST_TEST(p.first_index == Shape{1}, boost::test_tools::per_element());
  BOOST_TEST(tensor(comparison, "/initial/parameter/q").reason == "full shapes (2) and (3)");
  // Who is right, nothing here says.
  BOOST_TEST(comparison.exit_code() == 2);
  BOOST_TEST(comparison.sentence.find("the trace has no scenario") != std::string::npos);
  const JsonValue json = parse_json(comparison_json(comparison), "comparison");
  BOOST_TEST(json.find("schema")->text == "shardproof-compare-2");
  BOOST_TEST(json.find("answer")->text == "unknown");
  BOOST_TEST(json.find("counts")->find("not_comparable")->integer == 1);
  BOOST_TEST(json.find("first_different")->text == "/initial/parameter/p");
  BOOST_TEST(comparison_text(comparison).starts_with("UNKNOWN: "));
  const std::string page = comparison_html(comparison);
  for (const char* part : {"UNKNOWN", "/initial/parameter/p", "full shapes (2) and (3)", "0.125"})
    BOOST_TEST(page.find(part) != std::string::npos, part);
  BOOST_TEST(page.find("://") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
