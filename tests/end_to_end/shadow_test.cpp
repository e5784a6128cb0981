// The fp64 shadow as users meet it: when it runs, what it leaves, and what becomes of a run whose
// shadow does not end.
#include <signal.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "scenarios/pulse.hpp"
#include "tests/end_to_end/night.hpp"

namespace shardproof::tests {
namespace {

namespace files = std::filesystem;

/// Rounded to bf16, by sim alone.
JsonValue small_bf16(const std::string& name, int steps) {
  JsonValue scenario = small(name).set("steps", steps);
  scenario.find("deepspeed")->set("bf16", JsonValue::object().set("enabled", true));
  return scenario;
}

JsonValue summary_of(const Night& night, const std::string& name) {
  return read_json(night / ("out/" + name + "/summary.json"));
}

const JsonValue& shadow_of(const JsonValue& summary) {
  for (const JsonValue& check : summary.find("checks")->elements)
    if (check.find("name")->text == "shadow") return check;
  throw std::out_of_range("shadow");
}

ProgramResult run(const Night& night, const std::string& name,
                  std::vector<std::string> words = {}) {
  words.insert(words.begin(), {"run", "s/" + name + ".json", "--out", "out"});
  return night.run(words);
}

/// Does something to the shadow's process as soon as it tells that it works.
class OfShadow {
 public:
  OfShadow(std::string part, int signal)
      : thread_([part = std::move(part), signal](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            for (const PulseRecord& pulse : read_pulses(part + "/pulse/shadow"))
              if (pulse.doing == Doing::working &&
                  ::kill(static_cast<pid_t>(pulse.process), signal) == 0)
                return;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          }
        }) {}

 private:
  std::jthread thread_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_run_of_many_steps_has_a_shadow_and_one_of_one_step_says_how_to_get_it) {
  const Night night;
  night.add("many", small_bf16("many", 12));
  night.add("one", small_bf16("one", 1));

  const ProgramResult both = night.run({"run", "s", "--out", "out", "--jobs", "2"});

  BOOST_REQUIRE_MESSAGE(both.exit_code == 0, both.err << both.out);
  const JsonValue many = summary_of(night, "many"), one = summary_of(night, "one");
  BOOST_TEST(shadow_of(many).find("outcome")->text == "pass");
  BOOST_TEST(shadow_of(many).find("proof")->text == "sound");
  BOOST_TEST(shadow_of(many).find("compared")->integer > 1000);
  BOOST_TEST(shadow_of(many).find("max_ratio")->number < 1);
  BOOST_TEST(many.find("shadow")->find("runs")->boolean);
  BOOST_TEST(many.find("shadow")->find("steps")->integer == 1);
  BOOST_TEST(many.find("timing")->find("shadow_s") != nullptr);
  BOOST_TEST(many.find("memory")->find("estimate")->find("shadow")->integer > 0);
  BOOST_TEST(many.find("memory")->find("peak")->find("shadow")->integer > 0);
  BOOST_TEST(files::exists(night / "out/many/shadow/trace.h5"));
  BOOST_TEST(shadow_of(one).find("outcome")->text == "not_run");
  BOOST_TEST(has(shadow_of(one).find("reason")->text, "--shadow runs it"));
  BOOST_TEST(one.find("shadow")->find("estimated_share")->number > 1.0 / 3);
  BOOST_TEST(!files::exists(night / "out/one/shadow"));
  const JsonValue record = read_json(night / "out/one/run.json");
  BOOST_TEST(record.find("shadow")->find("reason")->text ==
             one.find("shadow")->find("reason")->text);
}

BOOST_AUTO_TEST_CASE(asked_for_it_runs_all_steps_and_what_is_judged_again_has_it_too) {
  const Night night;
  night.add("two", small_bf16("two", 2));

  const ProgramResult asked = run(night, "two", {"--shadow"});

  BOOST_REQUIRE_MESSAGE(asked.exit_code == 0, asked.err << asked.out);
  const JsonValue summary = summary_of(night, "two");
  BOOST_TEST(shadow_of(summary).find("outcome")->text == "pass");
  BOOST_TEST(summary.find("shadow")->find("steps")->integer == 2);
  BOOST_TEST(read_json(night / "out/two/scenario.json").find("shadow")->boolean);

  BOOST_TEST(night.run({"judge", "out/two"}).exit_code == 0);
  BOOST_TEST(write_json(shadow_of(summary_of(night, "two"))) == write_json(shadow_of(summary)));
  // As a run leaves them that was killed before it wrote how its executions went.
  files::remove(night / "out/two/run.json");
  BOOST_TEST(night.run({"judge", "out/two"}).exit_code == 0);
  BOOST_TEST(write_json(shadow_of(summary_of(night, "two"))) == write_json(shadow_of(summary)));
}

BOOST_AUTO_TEST_CASE(its_traces_stay_where_those_of_the_run_do) {
  const Night night;
  JsonValue wrong = small_bf16("wrong", 12);
  wrong.set("inject", parse_json(R"([{"edit": "scale", "factor": 1.000000001, "ranks": [1],
      "op": "model.layers.0.mlp.down_proj/forward/matmul"}])",
                                 "inject"));
  night.add("right", small_bf16("right", 12));
  night.add("wrong", wrong);

  BOOST_TEST(run(night, "right", {"--keep", "failed"}).exit_code == 0);
  BOOST_TEST(run(night, "wrong", {"--keep", "failed"}).exit_code == 1);

  BOOST_TEST(shadow_of(summary_of(night, "right")).find("outcome")->text == "pass");
  BOOST_TEST(!files::exists(night / "out/right/shadow"));
  BOOST_TEST(shadow_of(summary_of(night, "wrong")).find("outcome")->text == "fail");
  BOOST_TEST(files::exists(night / "out/wrong/shadow/rank-00000.h5"));
}

BOOST_AUTO_TEST_CASE(a_shadow_that_is_killed_hangs_or_is_too_slow_costs_no_verdict) {
  const Night night;
  const auto long_shadow = [](const std::string& name) {
    return small_bf16(name, 60).set("shadow", true);
  };
  night.add("killed", long_shadow("killed"));
  night.add("hangs", long_shadow("hangs"));

  ProgramResult killed, hangs;
  {
    const OfShadow kill(night / "out/killed.part", SIGKILL);
    killed = run(night, "killed");
  }
  {
    const OfShadow stop(night / "out/hangs.part", SIGSTOP);
    hangs = run(night, "hangs", {"--stall", "3"});
  }

  BOOST_TEST(killed.exit_code == 0, killed.err << killed.out);
  BOOST_TEST(has(killed.err, "shadow was killed by signal 9"), killed.err);
  BOOST_TEST(has(killed.out, "its fp64 shadow did not end: shadow was killed by signal 9"),
             killed.out);
  BOOST_TEST(hangs.exit_code == 0, hangs.err << hangs.out);
  for (const char* name : {"killed", "hangs"}) {
    const JsonValue summary = summary_of(night, name);
    BOOST_TEST(shadow_of(summary).find("outcome")->text == "not_run", name);
    BOOST_TEST(shadow_of(summary).find("reason")->text.starts_with("shadow was "),
               shadow_of(summary).find("reason")->text);
    BOOST_TEST(summary.find("verdict")->text == "pass", name);
  }
}

BOOST_AUTO_TEST_CASE(one_that_nobody_asked_for_and_that_does_not_fit_is_left_out) {
  const Night night;
  night.add("plain", for_its_verdict(small_bf16("plain", 12)));  // of which the judge needs most
  const auto needed_mib = [&](const std::vector<std::string>& words) {
    BOOST_REQUIRE(run(night, "plain", words).exit_code == 0);
    const JsonValue estimate = *summary_of(night, "plain").find("memory")->find("estimate");
    return estimate.find("judge")->integer >> 20;  // whole ones
  };
  const auto with = needed_mib({}), without = needed_mib({"--override", "shadow=false"});
  BOOST_TEST_REQUIRE(without < with);

  ::setenv("SLURM_MEM_PER_NODE", std::to_string(without + 1).c_str(), 1);
  const ProgramResult asked = run(night, "plain", {"--shadow"});
  const ProgramResult not_asked = run(night, "plain");
  ::unsetenv("SLURM_MEM_PER_NODE");

  BOOST_TEST(asked.exit_code == 2, asked.err << asked.out);
  BOOST_TEST(has(asked.err, "the run needs "), asked.err);
  BOOST_TEST(not_asked.exit_code == 0, not_asked.err << not_asked.out);
  const std::string reason = shadow_of(summary_of(night, "plain")).find("reason")->text;
  BOOST_TEST(reason.starts_with("with it the run needs "), reason);
}

BOOST_AUTO_TEST_CASE(what_can_have_none_is_not_asked_for_it) {
  const Night night;
  night.add("fp64", small("fp64").set("precision", "fp64").set("shadow", true));
  night.add("plain", small_bf16("plain", 12));

  const ProgramResult refused = run(night, "fp64");
  BOOST_TEST(refused.exit_code == 2);
  BOOST_TEST(has(refused.err, "s/fp64.json:"), refused.err);
  BOOST_TEST(has(refused.err,
                 "shadow = true: this run can have none, since everything is fp64 "
                 "already: expected false"),
             refused.err);
  const ProgramResult by_option = run(night, "plain", {"--precision", "fp64", "--shadow"});
  BOOST_TEST(by_option.exit_code == 2);
  BOOST_TEST(has(by_option.err, "--shadow: "), by_option.err);
  const ProgramResult beside = run(night, "plain", {"--shadow", "--baseline", "judged"});
  BOOST_TEST(beside.exit_code == 2);
  BOOST_TEST(has(beside.err, "--rejudge"), beside.err);

  BOOST_TEST(run(night, "plain", {"--precision", "fp64"}).exit_code == 0);
  BOOST_TEST(shadow_of(summary_of(night, "plain")).find("reason")->text ==
             "everything is fp64 already");
  BOOST_TEST(run(night, "plain", {"--override", "shadow=false"}).exit_code == 0);
  BOOST_TEST(shadow_of(summary_of(night, "plain")).find("reason")->text ==
             "\"shadow\" is false in the scenario");
}

BOOST_AUTO_TEST_CASE(a_baseline_carries_it) {
  const Night night;
  night.add("plain", small_bf16("plain", 12).set("shadow", true));
  BOOST_REQUIRE(run(night, "plain").exit_code == 0);

  const ProgramResult tonight = night.run(
      {"run", "s", "--out", "tonight", "--baseline", "out", "--override", "shadow=false"});

  BOOST_TEST(tonight.exit_code == 0, tonight.err << tonight.out);
  BOOST_TEST(shadow_of(read_json(night / "tonight/plain/summary.json")).find("reason")->text ==
             "carried by the baseline");
}

}  // namespace shardproof::tests
