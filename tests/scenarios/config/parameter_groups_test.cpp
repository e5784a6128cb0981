#include "scenarios/config/parameter_groups.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/error_of.hpp"

namespace shardproof::tests {
namespace {

Task task_of(const std::string& groups) {
  Task task;
  task.model.parameters = {{"a.weight", {2}}, {"a.bias", {2}}, {"norm.weight", {2}}};
  task.training.optimizer.weight_decay = 0.5;
  task.parameter_groups = parameter_groups_from_json(parse_json(groups, "s.json"), task.model);
  return task;
}

BOOST_AUTO_TEST_SUITE(parameter_groups)

BOOST_AUTO_TEST_CASE(a_parameter_is_in_the_first_group_that_matches_it_or_in_the_last) {
  const Task task = task_of(
      R"([{"patterns": [".*bias", "nor"], "weight_decay": 0.0},
          {"patterns": [".*"], "weight_decay": 0.25}])");
  const Task norms = task_of(R"([{"patterns": ["norm"], "weight_decay": 0}])");
  const Task none = task_of("[]");

  BOOST_TEST(groups_of_parameters(task) == (std::vector<std::size_t>{1, 0, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(weight_decay_of(task, 0) == 0.0);
  BOOST_TEST(weight_decay_of(task, 1) == 0.25);
  BOOST_TEST(groups_of_parameters(norms) == (std::vector<std::size_t>{1, 1, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(weight_decay_of(norms, 1) == 0.5);
  BOOST_TEST(optimizer_module(norms, 1) == "optimizer.group_1");
  BOOST_TEST(groups_of_parameters(none) == (std::vector<std::size_t>{0, 0, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(optimizer_module(none, 0) == "optimizer");
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back) {
  const std::string text = R"([{"patterns": [".*bias", "nor"], "weight_decay": 0.125}])";
  const std::string written = write_json(to_json(task_of(text).parameter_groups));

  BOOST_TEST(write_json(to_json(task_of(written).parameter_groups)) == written);
  BOOST_TEST(written.find("0.125") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_named_with_its_place) {
  const auto error = [](const std::string& groups) { return error_of([&] { task_of(groups); }); };

  BOOST_TEST(error(R"({})") == "s.json:1:1: parameter_groups = {}: expected a list of groups");
  BOOST_TEST(error(R"([{"patterns": [], "weight_decay": 0}])") ==
             "s.json:1:15: parameter_groups[0].patterns = []: expected a list of one or more"
             " patterns");
  BOOST_TEST(error(R"([{"patterns": ["bias"], "weight_decay": 0}])") ==
             "s.json:1:16: parameter_groups[0].patterns[0] = \"bias\": matches no parameter of the"
             " model");
  BOOST_TEST(error(R"([{"patterns": ["a"], "weight_decey": 0}])").find("weight_decay") !=
             std::string::npos);
  BOOST_TEST(error(R"([{"patterns": ["a"], "weight_decay": 0, "lr": 1}])").find("lr") !=
             std::string::npos);
  BOOST_TEST(error(R"([{"patterns": ["a"], "weight_decay": -1}])").find("s.json:1:38") == 0u);
  BOOST_TEST(error(R"([{"patterns": ["("], "weight_decay": 0}])").find("s.json:1:16") == 0u);
  BOOST_TEST(error(R"([{"patterns": ["a"], "weight_decay": 0},
{"patterns": [".*bias"], "weight_decay": 0}])") ==
             "s.json:2:1: parameter_groups[1]: every parameter that it matches is in an earlier"
             " group");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
