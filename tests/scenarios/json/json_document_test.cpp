#include "scenarios/json/json_document.hpp"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using tests::error_of;

namespace {

std::string error_in(const std::string& text) {
  return error_of([&] { parse_json(text, "a.json"); });
}

std::string rewritten(const std::string& text) { return write_json(parse_json(text, "a.json")); }

const std::string kHjson =
    ": this looks like HJSON; DeepSpeed reads it, Shardproof reads JSON with comments"
    " (convert it: python3 -m hjson.tool -j FILE)";

}  // namespace

BOOST_AUTO_TEST_CASE(values_and_keys_know_their_place) {
  const JsonValue root = parse_json(
      "{ // a comment\n"
      "  \"a\": [1, /* two\n lines */ true],\n"
      "\t\"\xc3\xa9\": {\"b\": null}\n"
      "}",
      "dir/a.json");

  BOOST_TEST(to_string(root.place) == "dir/a.json:1:1");
  BOOST_TEST(to_string(root.members[0].place) == "dir/a.json:2:3");
  BOOST_TEST(to_string(root.find("a")->place) == "dir/a.json:2:8");
  BOOST_TEST(to_string(root.find("a")->elements[1].place) == "dir/a.json:3:11");
  // A letter of two bytes is one column.
  BOOST_TEST(to_string(root.members[1].value.find("b")->place) == "dir/a.json:4:13");
  BOOST_TEST(root.find("missing") == nullptr);
  BOOST_TEST(root.find("a")->find("b") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_token_begins_after_what_stands_before_it) {
  const JsonValue root = parse_json(R"([/*c*/true,-1.5e+3/*"*/,"\"\\",12 ,"a\\\"",//"
{"\"k":0}])",
                                    "a");

  std::string places;
  for (const JsonValue& element : root.elements) places += to_string(element.place) + " ";
  BOOST_TEST(places == "a:1:7 a:1:12 a:1:25 a:1:32 a:1:36 a:2:1 ");
  BOOST_TEST(root.elements[1].text == "-1.5e+3");
  BOOST_TEST(root.elements[3].text == "12");
  BOOST_TEST(to_string(root.elements[5].members[0].place) == "a:2:2");
  BOOST_TEST(to_string(root.elements[5].members[0].value.place) == "a:2:8");
}

BOOST_AUTO_TEST_CASE(every_kind_of_value_survives_a_round_trip) {
  for (const char* text :
       {"null", "true", "false", "0", "-1", "1e-06", "\"\"", "[]", "{}", "[1,[2,{\"a\":[]}],\"x\"]",
        "{\"b\":1,\"a\":{\"c\":null}}", "9223372036854775807", "-0.0", "1.50"})
    BOOST_TEST(rewritten(text) == text);
  BOOST_TEST(rewritten(" [ 1 , 2 ]\r\n") == "[1,2]");
  BOOST_TEST(rewritten("\xEF\xBB\xBF{}") == "{}");
}

BOOST_AUTO_TEST_CASE(escapes_become_utf8_and_back) {
  const JsonValue value = parse_json(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00")", "a");
  BOOST_TEST(value.text == "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  BOOST_TEST(parse_json(write_json(value), "a").text == value.text);
  BOOST_TEST(write_json(JsonValue("\x01\n")) == R"("\u0001\n")");
}

BOOST_AUTO_TEST_CASE(numbers_know_whether_they_are_whole) {
  const auto number = [](const std::string& text) { return parse_json(text, "a"); };
  for (const char* text : {"500000000", "5e8", "500000000.0", "5000000000e-1"}) {
    BOOST_TEST(number(text).is_integer);
    BOOST_TEST(number(text).integer == 500'000'000);
  }
  for (const char* text : {"0.5", "1e300", "1e-300", "9007199254740994.0"})
    BOOST_TEST(!number(text).is_integer);
  BOOST_TEST(number("9223372036854775807").integer == std::numeric_limits<std::int64_t>::max());
  BOOST_TEST(!number("9223372036854775808").is_integer);
  BOOST_TEST(number("1e-400").number == 0.0);
}

BOOST_AUTO_TEST_CASE(every_double_reads_back_in_its_own_bits) {
  const std::uint64_t seed = 5;
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100'000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    const double back = parse_json(write_json(value), "a").number;
    BOOST_REQUIRE_EQUAL(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value));
  }
  BOOST_TEST(write_json(0.1) == "0.1");
  BOOST_TEST(write_json(5e-324) == "5e-324");
  BOOST_TEST(std::signbit(parse_json(write_json(-0.0), "a").number));
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_is_written_as_a_word) {
  const double infinity = std::numeric_limits<double>::infinity();
  BOOST_TEST(
      write_json(JsonValue::array().append(std::nan("")).append(infinity).append(-infinity)) ==
      R"(["nan","inf","-inf"])");
}

BOOST_AUTO_TEST_CASE(documents_are_built_member_by_member) {
  JsonValue json = JsonValue::object();
  json.set("a", 1).set("b", JsonValue::array().append("x").append(true)).set("c", 2.5);
  json.set("a", std::int64_t{7});

  BOOST_TEST(write_json(json) == R"({"a":7,"b":["x",true],"c":2.5})");
  BOOST_TEST(write_json(json, 2) ==
             "{\n  \"a\": 7,\n  \"b\": [\n    \"x\",\n    true\n  ],\n  \"c\": 2.5\n}");
  BOOST_CHECK_THROW(json.append(1), InvariantError);
  BOOST_CHECK_THROW(JsonValue(std::numeric_limits<std::uint64_t>::max()), InvariantError);
}

BOOST_AUTO_TEST_CASE(malformed_json_is_refused_at_its_place) {
  BOOST_TEST(error_in("") == "a.json:1:1: the file is empty");
  BOOST_TEST(error_in(" // only a comment") == "a.json:1:19: the file is empty");
  BOOST_TEST(error_in("{\"a\": 1") == "a.json:1:8: expected ',' or '}', got the end of the file");
  BOOST_TEST(error_in("{\n  \"a\": 1\n  \"b\": 2\n}") ==
             "a.json:3:3: expected ',' or '}', got '\"'");
  BOOST_TEST(error_in("[1 2]") == "a.json:1:4: expected ',' or ']', got '2'");
  BOOST_TEST(error_in("{\"a\" 1}") == "a.json:1:6: expected ':', got '1'");
  BOOST_TEST(error_in("{\"a\": }") == "a.json:1:7: expected a value, got '}'");
  BOOST_TEST(error_in("/\"a\"") == "a.json:1:2: invalid comment; expecting '/' or '*' after '/'");
  BOOST_TEST(error_in("{1: 2}") == "a.json:1:2: expected a key in double quotes, got '1'");
  BOOST_TEST(error_in("{} x") == "a.json:1:4: unexpected 'x' after the end of the document");
  BOOST_TEST(error_in("\"abc") == "a.json:1:1: this string does not end");
  BOOST_TEST(error_in("\"a\nb\"") ==
             "a.json:1:3: invalid string: control character U+000A (LF) must be escaped to "
             "\\u000A or \\n");
  BOOST_TEST(error_in("[1] /* x") == "a.json:1:5: this comment does not end");
  BOOST_TEST(error_in("01") == "a.json:1:1: a number may not start with 0");
  BOOST_TEST(error_in("1.") == "a.json:1:3: invalid number; expected digit after '.'");
  BOOST_TEST(error_in("-x") == "a.json:1:2: invalid number; expected digit after '-'");
  BOOST_TEST(error_in("[-01, 2]") == "a.json:1:2: a number may not start with 0");
  BOOST_TEST(error_in("[true#]") == "a.json:1:8: expected ',' or ']', got the end of the file");
  BOOST_TEST(error_in("\"\xff\"") == "a.json:1:2: invalid string: ill-formed UTF-8 byte");
  BOOST_TEST(error_in(std::string("[1]\0 x", 6)) == "a.json:1:4: a text may not hold byte 0");
  BOOST_TEST(error_in("1e400") == "a.json:1:1: the number 1e400 is too large");
  BOOST_TEST(error_in(R"("\q")") ==
             "a.json:1:3: invalid string: forbidden character after backslash");
  BOOST_TEST(error_in(R"("\u12g4")") ==
             "a.json:1:6: invalid string: '\\u' must be followed by 4 hex digits");
  BOOST_TEST(
      error_in(R"("\ud800x")") ==
      "a.json:1:8: invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF");
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_are_read_as_python_writes_them) {
  const JsonValue root = parse_json(
      "{\"a\": [Infinity, -Infinity, NaN], # Infinity\n \"NaN\": "
      "\"Infinity\", \"b\": Infinity}",
      "a.json");
  const std::vector<JsonValue>& list = root.find("a")->elements;

  BOOST_TEST(list[0].number == std::numeric_limits<double>::infinity());
  BOOST_TEST(list[1].number == -std::numeric_limits<double>::infinity());
  BOOST_TEST(std::isnan(list[2].number));
  for (const JsonValue& value : list) BOOST_TEST((value.is_number() && !value.is_integer));
  BOOST_TEST(to_string(list[1].place) == "a.json:1:18");
  BOOST_TEST(to_string(root.find("b")->place) == "a.json:2:26");
  BOOST_TEST(root.find("NaN")->is_string());
  BOOST_TEST(write_json(*root.find("a")) == "[Infinity,-Infinity,NaN]");
  BOOST_TEST(rewritten("NaN") == "NaN");
  BOOST_TEST(error_in("Infinityx") == "a.json:1:1: \"Infinityx\" without quotes" + kHjson);
  BOOST_TEST(error_in("[nan]") == "a.json:1:2: \"nan\" without quotes" + kHjson);
  BOOST_TEST(error_in("{NaN: 1}").starts_with("a.json:1:2: "));
}

BOOST_AUTO_TEST_CASE(a_duplicate_key_is_refused_where_it_stands_again) {
  BOOST_TEST(error_in("{\"a\": 1,\n \"b\": 2,\n \"a\": 3}") == "a.json:3:2: duplicate key \"a\"");
  BOOST_TEST(error_in(R"({"a": 1, "\u0061": 2})") == "a.json:1:10: duplicate key \"a\"");
  BOOST_TEST(error_in(R"({"a": {"x": 1}, "b": {"x": 1}})") == "no error");
}

BOOST_AUTO_TEST_CASE(comments_are_those_of_hjson_and_move_no_place) {
  const std::string text =
      "# first \xc3\xa9\n{ // \" # a quote\n  \"a#\": \"#1\\\"#\", # \"b\": 2\n  /* # */ \"c\": "
      "3#\n}";
  const JsonValue root = parse_json(text, "a.json");
  BOOST_REQUIRE_EQUAL(root.members.size(), 2U);
  BOOST_TEST(root.members[0].key == "a#");
  BOOST_TEST(root.members[0].value.text == "#1\"#");
  BOOST_TEST(root.find("c")->place.line == 4);
  BOOST_TEST(root.find("c")->place.column == 16);
  BOOST_TEST(error_in("[1, # x\n #\n x]") == "a.json:3:2: \"x\" without quotes" + kHjson);
  BOOST_TEST(error_in("{\"a\": \"# no end") == "a.json:1:7: this string does not end");
  BOOST_TEST(error_in("[1] # /* x\n") == "no error");
  BOOST_TEST(error_in("# all\n").ends_with("the file is empty"));
}

BOOST_AUTO_TEST_CASE(what_looks_like_hjson_is_called_so) {
  BOOST_TEST(error_in("{a: 1}") == "a.json:1:2: keys are written in double quotes" + kHjson);
  BOOST_TEST(error_in("{\"a\": AdamW}") == "a.json:1:7: \"AdamW\" without quotes" + kHjson);
  BOOST_TEST(error_in("{\"a\": 'x'}") ==
             "a.json:1:7: strings are written in double quotes" + kHjson);
  BOOST_TEST(error_in("{\"a\": 1,}") == "a.json:1:9: a comma after the last one" + kHjson);
  BOOST_TEST(error_in("[1,\n]") == "a.json:2:1: a comma after the last one" + kHjson);
}

BOOST_AUTO_TEST_CASE(nesting_is_bounded) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + "1" + std::string(depth, ']');
  };
  BOOST_TEST(error_in(nested(100)) == "no error");
  BOOST_TEST(error_in(nested(101)) == "a.json:1:102: nested deeper than 100 levels");
  BOOST_TEST(error_in(std::string(1'000'000, '[')) ==
             "a.json:1:102: nested deeper than 100 levels");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_named) {
  const tests::TemporaryFolder folder;
  BOOST_TEST(error_of([&] { read_json(folder / "x.json"); }) ==
             folder / "x.json" + ": the file cannot be read");
  BOOST_TEST(error_of([&] { read_json(folder.path().string()); }) ==
             folder.path().string() + ": the file cannot be read");
}
