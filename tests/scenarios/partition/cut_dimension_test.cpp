// Which dimension of a stored parameter its module's partition cuts.
#include "scenarios/partition/cut_dimension.hpp"

#include <boost/test/unit_test.hpp>

using namespace shardproof;

namespace {

// -1 for nothing.
int cut(LayerPartition::Style style, const ParameterDescription& parameter) {
  PartitionPlan plan;
  plan.modules["a.b"].style = style;
  plan.modules["a"].style = LayerPartition::Style::row;  // another module
  return cut_dimension(plan, parameter).value_or(-1);
}

}  // namespace

BOOST_AUTO_TEST_CASE(columns_cut_output_features_and_rows_input_features_wherever_they_are_stored) {
  using Style = LayerPartition::Style;
  const ParameterDescription linear{"a.b.weight", {6, 4}, ModuleClass::linear};
  const ParameterDescription conv1d{"a.b.weight", {4, 6}, ModuleClass::conv1d};
  const ParameterDescription linear_bias{"a.b.bias", {6}, ModuleClass::linear};
  const ParameterDescription conv1d_bias{"a.b.bias", {6}, ModuleClass::conv1d};

  BOOST_TEST(cut(Style::column, linear) == 0);
  BOOST_TEST(cut(Style::row, linear) == 1);
  BOOST_TEST(cut(Style::column, conv1d) == 1);
  BOOST_TEST(cut(Style::row, conv1d) == 0);
  for (const ParameterDescription& bias : {linear_bias, conv1d_bias}) {
    BOOST_TEST(cut(Style::column, bias) == 0);
    BOOST_TEST(cut(Style::row, bias) == -1);  // whole on every rank, added once
  }
  for (const ParameterDescription& parameter : {linear, conv1d, linear_bias, conv1d_bias})
    BOOST_TEST(cut(Style::replicated, parameter) == -1);
}
