#include "scenarios/partition/pattern.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>

#include "tests/support/error_of.hpp"

using namespace shardproof;
using tests::error_of;

namespace {

Pattern pattern(const std::string& text) { return {text, "patterns[0]", {"ds.json", 2, 5}}; }
bool matches(const std::string& text, const std::string& subject) {
  return pattern(text).matches(subject);
}
std::string error_in(const std::string& text) {
  return error_of([&] { pattern(text); }, "ds.json:2:5: patterns[0] = ");
}

}  // namespace

// Each answer is what Python 3.11's re.match gives.
BOOST_AUTO_TEST_CASE(patterns_match_as_pythons_re_match) {
  struct Row {
    const char* pattern;
    std::string subject;
    bool matches;
  };
  const Row rows[] = {
      {"q_proj", "layers.0.q_proj.weight", false},
      {".*q_proj", "layers.0.q_proj_extra.weight", true},
      {".*\\.q_proj\\.weight$", "layers.0.q_proj.weight", true},
      {".*\\.q_proj\\.weight$", "layers.0.q_proj.weight\n", true},
      {".*\\.q_proj\\.weight\\Z", "layers.0.q_proj.weight\n", false},
      {".*\\.q_proj\\.weight$", "layers.0.q_proj.weights", false},
      {"layers\\.\\d+\\.w[13]\\.weight", "layers.12.w3.weight", true},
      {"layers\\.\\d+\\.w[13]\\.weight", "layers.12.w2.weight", false},
      {"(up|gate)_proj", "gate_proj", true},
      {"ba{,3}$", "baaa", true},
      {"ba{,3}$", "baaaa", false},
      {"a{,}b", "aab", true},
      {"a{x}", "a{x}", true},
      {"[[:alpha:]]", "a]", true},  // a set of [ : a l p h, and a ]
      {"[[:alpha:]]", "b", false},
      {"[]a]+$", "a]a", true},
      {"[^]a]", "]", false},
      {"a\\vb", "a\vb", true},
      {"a\\vb", "a\nb", false},
      {"a.b", "a\nb", false},
      {"a.b", "a\rb", true},
      {"(?s)a.b", "a\nb", true},
      {"(?i)LAYER", "layer.0", true},
      {"(?P<x>ab)(?P=x)", "abab", true},
      {"(a)(b)\\2\\1$", "abba", true},
      {"(?<=x)a", "a", false},
      {"(?!mlp).*", "attn", true},
      {"(?!mlp).*", "mlp", false},
      {"(?:a|b)c(?#note [)", "bc", true},
      {"(a)?(?(1)b|c)$", "ab", true},
      {"(a)?(?(1)b|c)$", "c", true},
      {"\\u0061\\x62", "ab", true},
      {"\\d", "\xd9\xa3", true},  // ARABIC-INDIC DIGIT THREE
      {"", "anything", true},
  };
  for (const Row& row : rows) BOOST_TEST_CONTEXT(row.pattern << " on " << row.subject)
  BOOST_TEST(matches(row.pattern, row.subject) == row.matches);
}

BOOST_AUTO_TEST_CASE(bad_patterns_are_refused_at_their_place) {
  BOOST_TEST(error_in("a(b") == "\"a(b\": missing closing parenthesis, at character 4");
  BOOST_TEST(error_in("*a") ==
             "\"*a\": quantifier does not follow a repeatable item, at character 1");
  BOOST_TEST(error_in("a[b") ==
             "\"a[b\": missing terminating ] for character class, at character 4");
  BOOST_TEST(error_in("a\\") == "\"a\\\": \\ at end of pattern, at character 3");
  BOOST_TEST(error_in("\\K") ==
             "\"\\K\": bad escape \\K, which Python does not know, at character 1");
  BOOST_TEST(error_in("x(?R)") ==
             "\"x(?R)\": unknown extension ?R, or a flag other than i, m and s, at character 2");
  for (const char* text : {"(?|a)", "(?1)", "(?P>x)", "(?<x>a)", "(?C1)", "(?x)a", "(?-a)", "(?",
                           "(?&x)", "(?'x'a)", "(?(R)a)", "(?(DEFINE)a)", "(?(?=a)b)", "(?"})
    BOOST_TEST(error_in(text).find("unknown extension") != std::string::npos, text);
  for (const char* text : {"(*ACCEPT)", "(*UTF)a", "(*LIMIT_MATCH=9)a"})
    BOOST_TEST(error_in(text).find("nothing to repeat") != std::string::npos, text);
  for (const char* text : {"\\0", "\\101", "[\\1]"})
    BOOST_TEST(error_in(text).find("an octal escape") != std::string::npos, text);
  for (const char* text : {"\\N", "\\h", "\\R", "\\Qa\\E", "[\\Z]", "\\p{L}", "\\G", "\\C"})
    BOOST_TEST(error_in(text).find("bad escape") != std::string::npos, text);
  BOOST_TEST(error_in("\\x6").find("incomplete escape \\x") != std::string::npos);
  BOOST_TEST(error_in("(a)\\11").find("reference to non-existent subpattern") != std::string::npos);
  BOOST_TEST(error_in("\xff").find("UTF-8 error") != std::string::npos);
  BOOST_TEST(error_in(std::string(10'001, 'a')).find("more than 10000 characters") !=
             std::string::npos);
  BOOST_TEST(error_in("((((a{999}){999}){999}){999})").find("too large") != std::string::npos);
  BOOST_TEST(error_in(std::string(300, '(') + std::string(300, ')'))
                 .find("parentheses are too deeply nested") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(hostile_patterns_end_in_an_error_and_not_in_a_hang) {
  const auto started = std::chrono::steady_clock::now();
  const std::string subject = std::string(40, 'a').append("b");
  for (const std::string text : {"(a+)+$", "(a|a)*$", "(a?){30}a{30}$", "((a*)*)*$"}) {
    const Pattern hostile = pattern(text);
    const std::string error = error_of([&] { hostile.matches(subject); });
    BOOST_TEST(error.find("match limit exceeded") != std::string::npos, text);
  }
  BOOST_TEST(matches(".*$", std::string(200'000, 'a')));
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  BOOST_TEST(taken.count() < 2.0);
}
