// The sweep's scenarios as they stand, from families and layers to uneven cuts: run by reference
// and sim, and judged; by real too, where real has something to do for the first time. (The tiny
// ones are plain Llamas, which grids_test.cpp runs on many grids.)
//
// Real executes the program that sim executes, by the same code but for the communicator. What it
// could do otherwise is an op, or what brings one about: it runs as many scenarios as it takes to
// have done all of them.
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

#include "real/run/rank_run.hpp"
#include "scenarios/model/families.hpp"
#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

using Names = std::set<std::string>;

/// An op with what a kernel or a communicator looks at beside the numbers: "all_gather of bf16 over
/// dp on stream 1, dim widths".
std::string deed_of(const Program& program, const Op& op) {
  std::string deed = name_of(op.kind);
  if (!op.outputs.empty())
    deed += std::string(" of ") + name_of(program.value(op.outputs.front()).dtype);
  if (op.group) deed += std::string(" over ") + name_of(*op.group);
  deed += " on stream " + std::to_string(op.stream) + ",";
  for (const auto& [name, value] : op.attributes) deed += " " + name;
  return deed;
}

/// All that real does in a scenario.
Names deeds_of(const Scenario& scenario) {
  const Program program = real::checked_program(scenario);
  Names deeds{scenario.model.family,
              "a grid of " + std::to_string(program.tp) + " x " + std::to_string(program.dp),
              name_of(scenario.mode), std::string("reductions by ") + name_of(scenario.reduction),
              std::string(name_of(scenario.training.working)) + " in stage " +
                  std::to_string(scenario.parallel.zero_stage)};
  for (const Segment& segment : program.segments)
    for (const Op& op : segment.ops) deeds.insert(deed_of(program, op));
  return deeds;
}

/// Names of scenarios that together do all that any does: again and again the one that adds most.
Names covering(const std::map<std::string, Names>& deeds) {
  Names missing, chosen;
  for (const auto& [name, all] : deeds) missing.insert(all.begin(), all.end());
  while (!missing.empty()) {
    const auto most = std::ranges::max_element(deeds, {}, [&](const auto& each) {
      return std::ranges::count_if(each.second,
                                   [&](const auto& deed) { return missing.contains(deed); });
    });
    for (const std::string& deed : most->second) missing.erase(deed);
    chosen.insert(most->first);
  }
  return chosen;
}

std::map<std::string, Names> deeds_of_all() {
  std::map<std::string, Names> deeds;
  for (const auto& entry : std::filesystem::directory_iterator("../scenarios/catalog/sweep")) {
    const std::string name = entry.path().stem().string();
    if (!name.starts_with("tiny-")) deeds[name] = deeds_of(sweep(name));
  }
  return deeds;
}

JsonValue summary_of(const JsonValue& scenario) {
  const TemporaryFolder folder;
  const ProgramRun run = run_scenario(for_its_verdict(scenario), folder.path().string());
  BOOST_REQUIRE_MESSAGE(run.exit_code == 0, run.err << run.out);
  return run.summary;
}

void expect_pass(const JsonValue& summary, Names required) {
  BOOST_TEST(summary.find("verdict")->text == "pass");
  BOOST_TEST(summary.find("suspects")->elements.empty());
  for (const JsonValue& check : summary.find("checks")->elements) {
    if (check.find("outcome")->text != "pass") continue;
    required.erase(check.find("name")->text);
    BOOST_TEST(check.find("compared")->integer > 0, check.find("name")->text);
  }
  BOOST_TEST(required == Names(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE(sweep_of_the_catalog)

const Names in_every_run{"op_local", "plan_units", "edges", "collectives"};

BOOST_AUTO_TEST_CASE(every_family_is_there) {
  Names families;
  for (const auto& [name, deeds] : deeds_of_all()) families.insert(sweep(name).model.family);
  const std::vector<std::string> all = published_family_names();
  BOOST_TEST(families == Names(all.begin(), all.end()), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_scenario_passes) {
  const auto deeds = deeds_of_all();
  const Names in_real = covering(deeds);
  for (const auto& [name, all] : deeds) BOOST_TEST_CONTEXT(name) {
      const bool real = in_real.contains(name);
      Names required = in_every_run;
      if (real) required.insert("sim_real");
      expect_pass(summary_of(real ? sweep_json(name) : simulated(sweep_json(name))), required);
    }
  BOOST_TEST_MESSAGE(deeds.size() << " scenarios, " << in_real.size() << " of them in real too");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
