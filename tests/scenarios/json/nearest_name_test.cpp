#include "scenarios/json/nearest_name.hpp"

#include <boost/test/unit_test.hpp>
#include <vector>

using namespace shardproof;

BOOST_AUTO_TEST_CASE(edit_distance_counts_insertions_deletions_replacements_and_swaps) {
  BOOST_TEST(edit_distance("", "") == 0);
  BOOST_TEST(edit_distance("abc", "") == 3);
  BOOST_TEST(edit_distance("steps", "step") == 1);
  BOOST_TEST(edit_distance("world", "wolrd") == 1);
  BOOST_TEST(edit_distance("kitten", "sitting") == 3);
  BOOST_TEST(edit_distance("ab", "ba") == 1);
  BOOST_TEST(edit_distance("abcd", "badc") == 2);
}

BOOST_AUTO_TEST_CASE(the_nearest_name_is_suggested_and_a_far_one_is_not) {
  const std::vector<std::string> names = {"gradient_clipping", "steps", "seed"};

  BOOST_TEST(nearest_name("gradient_cliping", names).value() == "gradient_clipping");
  BOOST_TEST(nearest_name("step", names).value() == "steps");
  BOOST_TEST(nearest_name("sees", names).value() == "seed");
  BOOST_TEST(!nearest_name("optimizer", names).has_value());
  BOOST_TEST(suggestion("sed", names) == "; did you mean \"seed\"?");
  BOOST_TEST(suggestion("zzz", names).empty());
}
