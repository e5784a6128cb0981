#include "scenarios/plan/print/print.hpp"

#include <boost/test/unit_test.hpp>
#include <map>

#include "real/lowering/lowering.hpp"
#include "scenarios/plan/print/layer_fold.hpp"
#include "scenarios/plan/print/print_partition.hpp"
#include "scenarios/plan/print/text_table.hpp"
#include "scenarios/plan/program_json.hpp"
#include "tests/scenarios/plan/plan_fixture.hpp"

using namespace shardproof;
using namespace shardproof::tests;

BOOST_AUTO_TEST_SUITE(plan_print)

BOOST_AUTO_TEST_CASE(layers_fold_only_where_all_else_is_equal) {
  LayerFold fold;
  for (const char* layer : {"2", "0", "1", "5"}) fold.add(std::string("a.") + layer + ".w", "k");
  fold.add("a.3.w", "another key");
  fold.add("a.norm.w", "k");

  const std::vector<LayerFold::Line> lines = fold.lines();

  BOOST_TEST_REQUIRE(lines.size() == 3u);
  BOOST_TEST(lines[0].name == "a.{0..2,5}.w");
  BOOST_TEST(lines[0].count == 4u);
  BOOST_TEST(lines[1].name == "a.3.w");
  BOOST_TEST(lines[1].first == 4u);
  BOOST_TEST(lines[2].name == "a.norm.w");
}

BOOST_AUTO_TEST_CASE(bytes_read_exactly_and_in_units) {
  BOOST_TEST(bytes_text(1) == "1 byte");
  BOOST_TEST(bytes_text(1023) == "1,023 bytes");
  BOOST_TEST(bytes_text(1536) == "1,536 bytes (1.5 KiB)");
  BOOST_TEST(bytes_text(1 << 20) == "1,048,576 bytes (1.0 MiB)");
}

BOOST_AUTO_TEST_CASE(a_table_fits_its_columns_by_cutting_the_widest_cells_to_the_left) {
  TextTable table("<>");
  table.row({"model.layers.0.weight", "1,234"});
  table.row({"b", "5"});

  BOOST_TEST(table.text() == "  model.layers.0.weight  1,234\n  b                          5\n");
  BOOST_TEST(table.text(31) == table.text());
  BOOST_TEST(table.text(20) == "  model.la...  1,234\n  b                5\n");
  BOOST_TEST(table.text(3) == table.text(17));  // what nobody could read is not made
  BOOST_TEST(cut_to("\u00e4\u00e4\u00e4", 5) == "\u00e4...");
  BOOST_TEST(cut_to("abcdef", 6) == "abcdef");
}

BOOST_AUTO_TEST_CASE(the_json_has_the_fields_that_are_promised) {
  const Scenario scenario = plan_scenario(2, 2);
  const Program program = real::lower(scenario);
  const JsonValue json = plan_json(program, accounts_of(program), scenario);
  std::string keys;
  for (const JsonMember& member : json.members) keys += member.key + " ";
  BOOST_TEST(
      keys ==
      "schema grid partition warnings parameters collectives memory trace_bytes program_hash ");
  const JsonValue& q = json.find("parameters")->elements.at(1);
  BOOST_TEST(q.find("name")->text == "model.layers.0.self_attn.q_proj.weight");
  BOOST_TEST(q.find("placement")->text == "tp=shard(0) dp=replicate");
  BOOST_TEST(q.find("bytes_per_rank")->integer == 32 * 32 / 2 * 2);  // half the rows, bf16
  BOOST_TEST(json.find("program_hash")->text == hash_of(program));
}

BOOST_AUTO_TEST_CASE(the_json_says_what_becomes_of_each_linear_layer) {
  Scenario scenario = plan_scenario(2, 1);
  LayerPartition& up = scenario.partition.modules["model.layers.0.mlp.up_proj"];
  up.widths = {{10, 6}, {1, 31}};
  scenario.partition.modules["lm_head"].style = LayerPartition::Style::row;
  std::map<std::string, std::string> found;
  const JsonValue layers = partition_json(scenario);
  for (const JsonValue& layer : layers.elements)
    found[layer.find("module")->text] = layer.find("class")->text;

  BOOST_TEST(found.size() == 2u * 7 + 1);
  BOOST_TEST(found["model.layers.1.self_attn.q_proj"] == "LinearLayer");
  BOOST_TEST(found["model.layers.0.mlp.up_proj"] == "SubParamLinearLayer");
  BOOST_TEST(found["model.layers.1.mlp.down_proj"] == "LinearAllreduce");
  BOOST_TEST(found["lm_head"] == "LmHeadLinearAllreduce");
  scenario.partition.modules.erase("lm_head");
  BOOST_TEST(partition_json(scenario).elements.back().find("class")->text == "Linear");
  BOOST_TEST(write_json(*layers.elements.at(5).find("widths")) == "[[10,6],[1,31]]");
}

BOOST_AUTO_TEST_CASE(the_text_tells_grid_owners_defaults_and_hash) {
  const Scenario scenario = plan_scenario(2, 2);
  const Program program = real::lower(scenario);
  const std::string text = print_plan(program, accounts_of(program), scenario);
  for (const std::string& part :
       {std::string("TP groups  {0,1} {2,3}"), std::string("DP groups  {0,2} {1,3}"),
        std::string("model.layers.{0..1}.self_attn.q_proj.weight"), scenario.defaulted.at(0),
        hash_of(program)})
    BOOST_TEST(text.find(part) != std::string::npos, part);
}

BOOST_AUTO_TEST_CASE(every_kind_of_op_is_in_the_table) {
  const std::string ops = print_ops();
  for (const OpRow& row : op_table()) {
    BOOST_TEST(ops.find(std::string("  ") + row.name + " ") != std::string::npos, row.name);
    BOOST_CHECK(op_kind_from_name(row.name) == row.kind);
  }
}

BOOST_AUTO_TEST_SUITE_END()
