#include "scenarios/json/all_problems.hpp"

#include <boost/test/unit_test.hpp>

#include "scenarios/json/object_reader.hpp"
#include "tests/support/error_of.hpp"

using namespace shardproof;
using tests::error_of;

namespace {

constexpr const char* kText = R"({
  "count": 0,
  "size": "big",
  "list": [1, "two", {"x": 3, "y": 4}],
  "inner": {"depth": -1, "extra": true}
})";

void read(const JsonValue& root) {
  ObjectReader top(root, "");
  const auto count = top.integer("count", 1, {1});
  if (const JsonValue* size = top.find("size"); size && as_integer(*size, "size") != count)
    refuse_value(*size, "size", "is not count", ScenarioError::Kind::conflict);
  if (const JsonValue* list = top.find("list")) {
    as_integer(list->elements[0], "list[0]");
    ObjectReader element(list->elements[2], "list[2]");
    element.integer("x", 0);
    element.finish();
    as_integer(list->elements[1], "list[1]");
  }
  ObjectReader inner = top.section("inner");
  if (const JsonValue* depth = inner.find("depth"))
    refuse_unimplemented(*depth, "inner.depth", "depth is not implemented");
  inner.finish();
  top.require("needed", "expected it");
}

std::string errors_of(const std::string& text) {
  return error_of([&] { read_to_the_end(parse_json(text, "a.json"), read); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_problem_is_told_once_and_none_that_comes_of_another) {
  BOOST_TEST(errors_of(kText) ==
             "6 problems\n"
             "  a.json:5:22: inner.depth = -1: depth is not implemented\n"
             "  a.json:2:12: count = 0: expected a whole number, 1 or more\n"
             "  a.json:3:11: size = \"big\": expected a whole number\n"
             "  a.json:4:31: unknown key \"list[2].y\"\n"
             "  a.json:4:15: list[1] = \"two\": expected a whole number\n"
             "  a.json:5:26: unknown key \"inner.extra\"");
}

BOOST_AUTO_TEST_CASE(one_problem_is_told_as_it_is) {
  BOOST_TEST(errors_of("{}") == "a.json:1:1: missing key \"needed\": expected it");
  BOOST_TEST(errors_of(R"({"needed": 1})") == "no error");
  BOOST_TEST(errors_of(R"({"needed": 1, "count": 2, "size": 3})") ==
             "a.json:1:35: size = 3: is not count");
}

BOOST_AUTO_TEST_CASE(what_only_a_default_does_not_fit_is_not_told) {
  BOOST_TEST(errors_of(R"({"needed": 1, "count": 0, "size": 3})") ==
             "a.json:1:24: count = 0: expected a whole number, 1 or more");
}
