#include "reports/verdict/tensor_table.hpp"

#include <boost/test/unit_test.hpp>

namespace shardproof::reports {
namespace {

Moment step(int i) { return {Moment::Stage::step, i, 0}; }

UnitPlace place(const std::string& name, int rank, int at_step, std::int64_t sequence) {
  return {"sim", name, "op of " + name, rank, step(at_step), sequence};
}

Comparison found(double max_ratio, std::int64_t failed = 0) {
  Comparison comparison;
  comparison.compared = 10;
  comparison.failed = failed;
  comparison.max_ratio = max_ratio;
  return comparison;
}

FirstDivergence divergence(const std::string& op, const std::string& tensor,
                           const std::vector<int>& ranks) {
  FirstDivergence first;
  first.execution = "sim";
  first.moment = step(1);
  first.op = op;
  first.tensor = tensor;
  first.ranks = ranks;
  first.rank = ranks.front();
  return first;
}

std::vector<std::string> names(const std::vector<TensorRow>& rows) {
  std::vector<std::string> names;
  for (const TensorRow& row : rows) names.push_back(row.name);
  return names;
}

BOOST_AUTO_TEST_SUITE(tensor_table)

BOOST_AUTO_TEST_CASE(a_cell_is_the_worst_of_all_steps) {
  TensorTable table(2);
  table.add(place("a", 1, 0, 5), found(0.25), Proof::sound);
  table.add(place("a", 1, 1, 25), found(8, 3), Proof::sound);
  table.add(place("a", 1, 2, 45), found(0.5), Proof::bitwise);

  const TensorRow row = table.rows().at(0);

  BOOST_TEST(!row.cells[0].judged);
  BOOST_TEST(row.cells[1].failed);
  BOOST_TEST(row.cells[1].bounded);
  BOOST_TEST(row.cells[1].max_ratio == 8);
  BOOST_TEST(row.cells[1].first_failure == "/step/000001/micro/0");
  BOOST_TEST(row.op == "op of a");
}

BOOST_AUTO_TEST_CASE(what_is_only_compared_bit_by_bit_and_what_is_unknown_are_told_apart) {
  TensorTable table(3);
  table.add(place("a", 0, 0, 1), found(0), Proof::bitwise);
  table.add_unknown(place("a", 1, 0, 1));
  table.add(place("a", 2, 0, 1), found(0), Proof::sound);

  const TensorRow row = table.rows().at(0);

  BOOST_TEST((row.cells[0].judged && !row.cells[0].bounded && !row.cells[0].unknown));
  BOOST_TEST((!row.cells[1].judged && row.cells[1].unknown));
  BOOST_TEST((row.cells[2].judged && row.cells[2].bounded));
}

BOOST_AUTO_TEST_CASE(rows_stand_in_the_order_in_which_they_were_first_written) {
  TensorTable table(1);
  table.add(place("a", 0, 0, 30), found(0), Proof::bitwise);
  table.add(place("b", 0, 0, 20), found(0), Proof::bitwise);
  table.add(place("c", 0, 0, 40), found(0), Proof::bitwise);
  table.add(place("c", 0, 0, 10), found(0), Proof::bitwise);

  BOOST_TEST(names(table.rows()) == (std::vector<std::string>{"c", "b", "a"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(of_each_step_the_worst_part_of_a_bound_is_kept_with_its_place) {
  TensorTable table(2);
  table.add(place("a", 0, 0, 1), found(0.5), Proof::sound);
  table.add(place("b", 1, 0, 2), found(0.75), Proof::sound);
  table.add(place("c", 1, 0, 3), found(0, 4), Proof::bitwise);  // fails, and is no part of a bound
  table.add(place("c", 0, 1, 9), found(0), Proof::bitwise);
  table.add(place("c", 0, 2, 15), found(0), Proof::bitwise);
  table.add_step(place("d", 0, 1, 9), found(0.875), Proof::sound);
  table.add({"sim", "weight", "", 0, {Moment::Stage::initial, -1, -1}, 0}, found(0.99),
            Proof::sound);

  const std::vector<StepError> steps = table.steps();

  BOOST_REQUIRE(steps.size() == 3u);
  BOOST_TEST(steps[0].max_ratio == 0.75);
  BOOST_TEST(steps[0].tensor == "/step/000000/micro/0/b");
  BOOST_TEST(steps[0].rank == 1);
  BOOST_TEST(steps[0].failed);
  BOOST_TEST(steps[1].max_ratio == 0.875);
  BOOST_TEST(!steps[1].failed);
  BOOST_TEST(steps[2].tensor == "");      // bits are no part of a bound
  BOOST_TEST(table.rows().size() == 4u);  // a step alone is no row
}

BOOST_AUTO_TEST_CASE(the_row_of_the_first_divergence_is_the_one_its_op_wrote) {
  TensorTable table(2);
  table.add(place("flat", 1, 1, 7), found(4, 2), Proof::sound);
  table.add(place("other", 1, 1, 8), found(4, 2), Proof::sound);

  // A piece of a flat value has another name than the value.
  table.mark_first(divergence("op of flat", "/step/000001/gradient/w", {1}), 7);

  const std::vector<TensorRow> rows = table.rows();
  BOOST_TEST(rows.size() == 2u);
  BOOST_TEST(rows[0].holds_first_divergence);
  BOOST_TEST(!rows[1].holds_first_divergence);
  BOOST_TEST(rows[0].cells[1].max_ratio == 4);
  BOOST_TEST(!rows[0].cells[0].failed);
}

BOOST_AUTO_TEST_CASE(a_first_divergence_that_no_unit_found_gets_its_cells_or_its_row) {
  TensorTable table(2);
  table.add(place("right", 0, 1, 7), found(0.5), Proof::sound);
  table.add(place("right", 1, 1, 7), found(0.5), Proof::sound);
  TensorTable leaf = table, collective = table, saved = table;

  table.mark_first(divergence("op of right", "/step/000001/micro/0/right", {0}), 7);
  leaf.mark_first(divergence("", "/step/000001/micro/0/tokens", {0, 1}), 3);
  collective.mark_first(divergence("all_reduce", "", {1}), 9);
  const std::string in_checkpoint = "/checkpoints/step-000002/optimizer/w/exp_avg";
  saved.mark_first(divergence("", in_checkpoint, {1}), 9);

  BOOST_TEST(table.rows().at(0).cells[0].failed);
  BOOST_TEST(!table.rows().at(0).cells[1].failed);
  BOOST_TEST(leaf.rows().at(0).name == "tokens");  // before what it is read by
  BOOST_TEST(leaf.rows().at(0).cells[1].failed);
  BOOST_TEST(collective.rows().at(1).name == "all_reduce");
  BOOST_TEST(saved.rows().at(1).name == in_checkpoint);
}

BOOST_AUTO_TEST_CASE(a_row_has_the_worst_power_and_is_vacuous_where_it_is_at_every_moment) {
  TensorTable table(2);
  table.add_power(place("a", 0, 0, 1), Power{.scale = 1, .steps = 1}, nullptr);
  table.add_power(place("a", 1, 1, 2), Power{.scale = 2, .steps = 1}, "idle");
  table.add_power(place("b", 0, 0, 3), std::nullopt, "idle");
  table.add_power(place("checksum", 0, 0, 4), std::nullopt, "idle");

  const std::vector<TensorRow> rows = table.rows();

  BOOST_TEST_REQUIRE(rows.size() == 2U);
  BOOST_TEST(rows[0].power.value().scale == 2);
  BOOST_TEST(rows[0].vacuous == "");
  BOOST_TEST(!rows[1].power.has_value());
  BOOST_TEST(rows[1].vacuous == "idle");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::reports
