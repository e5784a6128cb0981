// Several scenarios in one run, of which some go wrong: each is told, none stops the others, and no
// earlier verdict is lost.
#include "tests/end_to_end/night.hpp"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

namespace shardproof::tests {

namespace files = std::filesystem;

BOOST_AUTO_TEST_CASE(a_night_ends_by_itself_with_the_right_table_and_loses_nothing) {
  const Night night;
  JsonValue fails = small("fails"), skips = small("skips");
  fails.set("inject", parse_json(R"([{"edit": "scale", "factor": 2,
      "op": "model.layers.0.mlp.down_proj/forward/matmul"}])",
                                 "inject"));
  skips.find("deepspeed")
      ->set("fp16", parse_json(R"({"enabled": true, "initial_scale_power": 40})", "fp16"));
  night.add("a", small("first"));
  night.add("b", fails);
  write_text(night / "s/c.json", "{\"name\": ");
  night.add("d", skips);
  night.add("e", slow(small("hangs")));
  night.add("f", small("last"));

  const ProgramResult run = night.run({"run", "s", "--out", "out", "--quiet"});

  BOOST_TEST(run.exit_code == 1, run.err << run.out);
  const std::string table = run.out.substr(run.out.find("6 scenarios: "));
  BOOST_TEST(table.starts_with("6 scenarios: 2 pass, 1 fail, 2 unknown, 1 error\n"), table);
  const auto at = [&](const std::string& text) {
    BOOST_TEST(has(table, text), text << table);
    return table.find(text);
  };
  BOOST_TEST(at(" first ") < at(" skips "));  // in the order of how bad they are
  BOOST_TEST(at(" skips ") < at(" hangs "));
  BOOST_TEST(at(" hangs ") < at(" fails "));
  BOOST_TEST(at("s/c.json") < at(" hangs "));
  BOOST_TEST(has(run.out, "UNKNOWN skips: optimizer: sim: 1 of 1 steps were skipped"), run.out);
  BOOST_TEST(has(run.out, "ERROR hangs: sim did not end within 1 s and was stopped"), run.out);

  const JsonValue suite = read_json(night / "out/suite.json");
  std::vector<int> codes;
  for (const JsonValue& entry : suite.find("scenarios")->elements)
    codes.push_back(static_cast<int>(entry.find("exit_code")->integer));
  const std::vector<int> expected{0, 1, 2, 2, 3, 0};
  BOOST_TEST(codes == expected, boost::test_tools::per_element());
  const std::string junit = read_text(night / "out/junit.xml");
  BOOST_TEST(has(junit, "tests=\"6\" failures=\"1\" errors=\"3\""), junit);
  const std::string page = read_text(night / "out/index.html");
  BOOST_TEST(has(page, "<a href=\"fails/report.html\">fails</a>"), page);

  // The next night one that passed hangs: its verdict stays.
  night.add("a", slow(small("first")));
  const ProgramResult next = night.run({"run", "s/a.json", "--out", "out"});
  BOOST_TEST(next.exit_code == 3, next.err);
  BOOST_TEST(night.exit_code_of("first") == 0);
  BOOST_TEST(night.exit_code_of("first.undecided") == 3);
  BOOST_TEST(has(next.out, "out/first.undecided/report.html"), next.out);
}

BOOST_AUTO_TEST_CASE(a_night_at_the_price_of_hashes_passes_and_judges_what_has_other_bits) {
  const Night night;
  JsonValue both = small("a");
  both.set("executions", parse_json(R"(["sim", "real"])", "executions"));
  both.set("checkpoint", parse_json(R"({"save_after": [1]})", "checkpoint"));
  night.add("a", both);
  night.add("b", small("b"));
  BOOST_REQUIRE(night.run({"run", "s", "--out", "judged", "--keep", "never"}).exit_code == 0);
  const std::string baseline = night / "judged/a/baseline.h5";
  const std::string bytes = read_text(baseline);

  const ProgramResult alike =
      night.run({"run", "s", "--out", "out", "--baseline", "judged", "--jobs", "2"});
  BOOST_TEST(alike.exit_code == 0, alike.err);
  BOOST_TEST(has(alike.out, "PASS a: sim, real: bits of the judged run of 2"), alike.out);
  BOOST_TEST(has(alike.out, "PASS b: sim: bits of the judged run of 2"), alike.out);
  BOOST_TEST(read_json(night / "out/a/summary.json").find("baseline")->find("judged") != nullptr);
  BOOST_TEST(!files::exists(night / "out/a/baseline.h5"));
  BOOST_TEST(night.run({"judge", "out/a", "--baseline", "judged"}).exit_code == 0);
  BOOST_TEST(night.run({"judge", "out/a"}).exit_code == 2);

  JsonValue flipped = both;
  flipped.set("inject", parse_json(R"([{"edit": "set", "value": "flip:0", "ranks": [1],
      "op": "model.layers.0.mlp.down_proj/forward/matmul"}])",
                                   "inject"));
  night.add("a", flipped);
  const std::vector<std::string> words{"run", "s/a.json", "--out", "out", "--baseline", "judged"};
  const ProgramResult unlike = night.run(words);
  BOOST_TEST(unlike.exit_code == 2, unlike.err);
  BOOST_TEST(has(unlike.out,
                 "sim: model.layers.0.mlp.down_proj/forward/matmul, step 0, "
                 "micro-step 0, rank 1"),
             unlike.out);
  std::vector<std::string> again = words;
  again.push_back("--rejudge");
  const ProgramResult rejudged = night.run(again);
  BOOST_TEST(rejudged.exit_code == night.exit_code_of("a"), rejudged.err);
  BOOST_TEST(rejudged.exit_code < 2, rejudged.err);  // one bit may be within the bound
  const JsonValue summary = read_json(night / "out/a/summary.json");
  BOOST_TEST(has(summary.find("notices")->elements.back().text, "unlike the judged run of 2"));
  BOOST_TEST(summary.find("baseline")->is_null());

  // What is not like it by its own words is refused before it runs; and so is who would lose it.
  const auto refusal = [&](const std::string& out, const std::string& order) {
    const ProgramResult result =
        night.run({"run", "s/a.json", "--out", out, "--baseline", "judged", "--reduction", order});
    BOOST_TEST(result.exit_code == 2, result.err);
    return result.err;
  };
  BOOST_TEST(has(refusal("out", "rank_order"), "a baseline of another policy"));
  BOOST_TEST(has(refusal("judged", "ring"), "lies in the results that this run would replace"));
  BOOST_TEST(has(refusal("judged/a/x", "ring"), "nothing is written into it"));
  night.add("a", both.set("name", "c"));
  files::rename(night / "judged/b", night / "judged/c");
  BOOST_TEST(has(refusal("out", "ring"), "a baseline of another task"));
  BOOST_TEST((read_text(baseline) == bytes));
}

BOOST_AUTO_TEST_CASE(what_a_stopped_run_left_can_be_judged) {
  const Night night;
  night.add("a", small("a"));
  BOOST_REQUIRE(night.run({"run", "s/a.json", "--out", "out"}).exit_code == 0);
  files::rename(night / "out/a", night / "left");
  for (const char* file : {"run.json", "summary.json", "report.html"})
    files::remove(night / ("left/" + std::string(file)));

  const ProgramResult judged = night.run({"judge", "left"});
  BOOST_TEST(judged.exit_code == 0, judged.err);
  BOOST_TEST(has(judged.out, "PASS a: sim is right"), judged.out);
  BOOST_TEST(read_json(night / "left/summary.json").find("verdict")->text == "pass");

  // Of another scenario than the traces: the verdict would be on other numbers.
  const std::string own = read_text(night / "left/scenario.json");
  JsonValue other = read_json(night / "left/scenario.json");
  write_text(night / "left/scenario.json", write_json(other.set("seed", 99), 2));
  const ProgramResult refused = night.run({"judge", "left"});
  BOOST_TEST(refused.exit_code == 2);
  BOOST_TEST(has(refused.err, "the trace is of another scenario"), refused.err);

  write_text(night / "left/scenario.json", own);
  files::rename(night / "left/sim/rank-00001.h5", night / "left/sim/rank-00001.h5.part");
  const ProgramResult unfinished = night.run({"judge", "left"});
  BOOST_TEST(unfinished.exit_code == 3, unfinished.out);
  BOOST_TEST(has(unfinished.out, "sim did not finish: "), unfinished.out);
}

BOOST_AUTO_TEST_CASE(a_pipe_is_refused_where_it_would_be_waited_for) {
  const Night night;
  BOOST_REQUIRE(::mkfifo((night / "pipe").c_str(), 0600) == 0);
  const auto refusal = [&](const std::vector<std::string>& words) {
    const ProgramResult result = night.run(words);
    BOOST_TEST(result.exit_code == 2, result.err);
    return result.err;
  };
  const std::string sentence = "pipe: is a pipe, a device or a socket";
  BOOST_TEST(has(refusal({"run", "pipe"}), sentence));
  JsonValue config = small("c");
  night.add("c", config.set("deepspeed", night / "pipe"));
  BOOST_TEST(has(refusal({"plan", "s/c.json"}), sentence));
  JsonValue weights = small("a");
  weights.find("model")->set("weights", night / "pipe");
  night.add("a", weights);
  BOOST_TEST(has(refusal({"run", "s/a.json"}), sentence));
  night.add("b", small(std::string(300, 'n')));
  BOOST_TEST(has(refusal({"plan", "s/b.json"}), "300 bytes are too long for a file system"));
  BOOST_TEST(has(refusal({"plan", std::string(300, 'n')}), "File name too long"));
  write_text(night / "endless.json", "{");
  files::resize_file(night / "endless.json", std::uintmax_t{5} << 30);  // it takes no disk
  BOOST_TEST(has(refusal({"run", "endless.json"}), "has 5.0 GiB, and at most 4.0 GiB are read"));
}

BOOST_AUTO_TEST_CASE(options_for_keeping_and_for_time_apply) {
  const Night night;
  night.add("a", small("a"));
  const ProgramResult kept =
      night.run({"run", "s/a.json", "--out", "out", "--keep", "never", "--plan"});
  BOOST_TEST(kept.exit_code == 0, kept.err);
  BOOST_TEST(has(kept.out, "Program hash: "), kept.out);
  BOOST_TEST(!files::exists(night / "out/a/sim/rank-00000.h5"));
  night.add("b", small("b").set("steps", 3'000));
  const ProgramResult timed = night.run({"run", "s/b.json", "--out", "out", "--timeout", "1"});
  BOOST_TEST(timed.exit_code == 3, timed.out);
  BOOST_TEST(has(timed.out, "within 1 s"), timed.out);
}

}  // namespace shardproof::tests
