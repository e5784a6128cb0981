// What a person sees on a terminal of 60 columns, and what a pipe gets.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "tests/end_to_end/night.hpp"
#include "tests/support/pty.hpp"
#include "tests/support/run_until.hpp"

namespace shardproof::tests {
namespace {

constexpr unsigned short columns = 60;

TerminalRun on_terminal(const Night& night, std::vector<std::string> words,
                        const std::string& no_color = "") {
  words.insert(words.begin(), SHARDPROOF);
  return run_on_terminal(words, columns, night.path(), {{"TERM", "xterm"}, {"NO_COLOR", no_color}});
}

std::vector<std::string> lines_with(const std::string& text, const std::string& part) {
  std::vector<std::string> lines;
  for (const std::string& line : written_lines(text))
    if (has(line, part)) lines.push_back(line);
  return lines;
}

// The lines of a table, from its head on: each begins with two blanks.
std::vector<std::string> rows_after(const std::string& text, const std::string& head) {
  std::vector<std::string> rows;
  const std::vector<std::string> lines = written_lines(text);
  auto line = std::ranges::find_if(lines, [&](const std::string& l) { return has(l, head); });
  BOOST_REQUIRE_MESSAGE(line != lines.end(), head << " is not in " << text);
  for (++line; line != lines.end() && line->starts_with("  "); ++line) rows.push_back(*line);
  return rows;
}

void expect_within(const std::vector<std::string>& lines, std::size_t most) {
  BOOST_TEST(!lines.empty());
  for (const std::string& line : lines) BOOST_TEST(line.size() <= most, line);
}

// All three executions: their progress is wider than the terminal.
JsonValue threefold(const std::string& name) {
  return small(name).set("executions", parse_json(R"(["reference", "sim", "real"])", "executions"));
}

}  // namespace

BOOST_AUTO_TEST_CASE(progress_fits_the_terminal_and_the_verdict_has_a_colour_there) {
  const Night night;
  night.add("a", threefold("a"));

  const TerminalRun run = on_terminal(night, {"run", "s/a.json", "--out", "out"});

  BOOST_TEST(run.exit_code == 0, run.text);
  // What is rewritten must not wrap: it leaves the last column free.
  expect_within(lines_with(run.text, "] step "), columns - 1);
  BOOST_TEST(has(run.text, "\r\033[K"));
  BOOST_TEST(has(run.text, "\033[1;32mPASS\033[0m a: "), run.text);

  night.add("a", small("a"));
  const TerminalRun plain = on_terminal(night, {"run", "s/a.json", "--out", "out"}, "1");
  BOOST_TEST(has(plain.text, "PASS a: "), plain.text);
  BOOST_TEST(!has(plain.text, "\033[1;"), plain.text);

  const ProgramResult piped = night.run({"run", "s/a.json", "--out", "out"});
  BOOST_TEST(has(piped.out, "PASS a: "), piped.out);
  BOOST_TEST(!has(piped.out + piped.err, "\033"), piped.out << piped.err);
}

BOOST_AUTO_TEST_CASE(a_table_of_scenarios_stays_readable_on_a_narrow_terminal) {
  const Night night;
  const std::string fails = "a-name-that-is-longer-than-a-narrow-terminal-allows-it-to-be";
  JsonValue failing = small(fails);
  failing.set("inject", parse_json(R"([{"edit": "scale", "factor": 2,
      "op": "model.layers.0.mlp.down_proj/forward/matmul"}])",
                                   "inject"));
  night.add("a", failing);
  night.add("b", small("short"));
  write_text(night / "s/c.json", "{");

  const TerminalRun run = on_terminal(night, {"run", "s", "--out", "out", "--jobs", "2"});

  BOOST_TEST(run.exit_code == 1, run.text);
  expect_within(lines_with(run.text, "] ended "), columns - 1);
  std::vector<std::string> rows = rows_after(run.text, "3 scenarios: ");
  BOOST_TEST_REQUIRE(rows.size() == 4U, run.text);
  BOOST_TEST(rows.back() == "  out/index.html");
  rows.pop_back();
  expect_within(rows, columns);
  BOOST_TEST(rows.front().starts_with("  pass     short "), rows.front());
  BOOST_TEST(rows.back().starts_with("  fail     a-name-t"), rows.back());
  BOOST_TEST(has(rows.back(), " s  model.la"), rows.back());
  BOOST_TEST(has(run.text, "  \033[1;31mfail\033[0m "), run.text);

  // Who reads a file has it all.
  const ProgramResult piped = night.run({"run", "s", "--out", "out", "--jobs", "2"});
  BOOST_TEST(has(piped.out, "  fail     " + fails + "  "), piped.out);
  BOOST_TEST(!has(piped.out + piped.err, "\033"), piped.out << piped.err);
}

BOOST_AUTO_TEST_CASE(results_are_listed_with_what_killed_runs_have_left) {
  const Night night;
  const std::string name = "a-name-that-fills-more-than-its-column";
  night.add("a", small(name));
  BOOST_REQUIRE(night.run({"run", "s/a.json", "--out", "out"}).exit_code == 0);
  night.add("b", small("killed").set("steps", 500));
  const ProgramResult killed =
      run_until({SHARDPROOF, "run", night / "s/b.json", "--out", night / "out"},
                {night / "out/killed.part/sim/rank-00000.h5.part"}, SIGKILL);
  BOOST_TEST(killed.exit_code == 137);

  const TerminalRun shown = on_terminal(night, {"results", "out"});
  BOOST_TEST(shown.exit_code == 0, shown.text);
  const std::vector<std::string> rows = rows_after(shown.text, "out: ");
  expect_within(rows, columns);
  BOOST_TEST(lines_with(shown.text, "  pass     a-name-").size() == 1U, shown.text);
  BOOST_TEST(lines_with(shown.text, "  stopped  killed.part").size() == 1U, shown.text);
  expect_within(lines_with(shown.text, " judge "), columns);
  BOOST_TEST(has(shown.text, "\033[1;32mpass\033[0m"), shown.text);

  const ProgramResult piped = night.run({"results", "out"});
  BOOST_TEST(has(piped.out, "  pass     " + name), piped.out);
  BOOST_TEST(has(piped.out, "shardproof judge out/killed.part gives its verdict"), piped.out);
  BOOST_TEST(has(piped.out, ".killed.lock: left by a run that was killed"), piped.out);
  const JsonValue json = parse_json(night.run({"results", "out", "--json"}).out, "results");
  BOOST_TEST(json.find("schema")->text == "shardproof-results-1");
  BOOST_TEST(json.find("results")->elements.size() == 3U);

  // The next run names what it does not replace, and removes the lock.
  const ProgramResult next = night.run({"run", "s/a.json", "--out", "out"});
  BOOST_TEST(next.exit_code == 0, next.err);
  BOOST_TEST(has(next.err, "out: killed.part ("), next.err);
  BOOST_TEST(has(next.err, "see shardproof results out"), next.err);
  BOOST_TEST(!has(night.run({"results", "out"}).out, ".killed.lock"));
  BOOST_TEST(night.run({"results", "nowhere"}).exit_code == 2);
}

BOOST_AUTO_TEST_CASE(a_verdict_names_an_older_run_without_one_that_lies_beside_it) {
  const Night night;
  night.add("a", small("a"));
  BOOST_REQUIRE(night.run({"run", "s/a.json", "--out", "out"}).exit_code == 0);
  BOOST_REQUIRE(night.run({"run", "s/a.json", "--out", "out", "--steps", "3000", "--timeout", "1"})
                    .exit_code == 3);
  BOOST_TEST(has(night.run({"results", "out"}).out,
                 "a.undecided: ended without a verdict, after the verdict"));

  const ProgramResult run = night.run({"run", "s/a.json", "--out", "out"});

  BOOST_TEST(run.exit_code == 0, run.err);
  BOOST_TEST(has(run.out, "out/a.undecided is of an earlier run without a verdict"), run.out);
}

}  // namespace shardproof::tests
