// Fault files are read strictly: what is misspelt, or cannot be, is told with its place.
#include "reports/score/fault_file.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "scenarios/errors.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {
namespace {

using namespace reports;

const std::string scenario =
    std::filesystem::absolute("../scenarios/catalog/sweep/tiny-bias-tp2-dp2-zero1-bf16.json")
        .lexically_normal()
        .string();

const std::string good = R"({
  "what": "a sum is left out",
  "source": {"framework": "Some", "issue": "12", "link": "https://example.org/12"},
  "class": "value",
  "scenario": ")" + scenario +
                         R"(",
  "overrides": ["steps=1"],
  "inject": [{"edit": "drop", "op": "lm_head/forward/matmul", "steps": [0]}],
  "expect": {"check": "op_local", "op": "lm_head/forward/matmul", "ranks": [1, 3],
             "cause": {"name": "factor", "coefficient": 2, "says": "tp"}}
})";

std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  BOOST_REQUIRE_MESSAGE(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}

class Catalog {
 public:
  explicit Catalog(const std::string& text) { std::ofstream(folder_ / "some-fault.json") << text; }
  Fault read() const { return read_fault(folder_ / "some-fault.json"); }
  std::vector<Fault> read(const std::vector<std::string>& ids) const {
    return read_faults(folder_.path().string(), ids);
  }

 private:
  TemporaryFolder folder_;
};

/// What is said of a file, without the folder that it lies in.
std::string refusal_of(const std::string& text) {
  try {
    Catalog(text).read();
  } catch (const ScenarioError& error) {
    const std::string what = error.what();
    return what.substr(std::min(what.find("some-fault.json"), what.size()));
  }
  return "";
}

BOOST_AUTO_TEST_SUITE(fault_files)

BOOST_AUTO_TEST_CASE(a_file_says_what_is_run_and_what_must_be_found) {
  const Fault fault = Catalog(good).read();

  BOOST_TEST(fault.id == "some-fault");
  BOOST_TEST(fault.what == "a sum is left out");
  BOOST_TEST(fault.link == "https://example.org/12");
  BOOST_TEST((fault.kind == FaultClass::value));
  BOOST_TEST(fault.scenario->steps == 1);
  BOOST_TEST(fault.scenario->inject.size() == 1U);
  BOOST_TEST(fault.expected.check == "op_local");
  BOOST_TEST(fault.expected.ranks == (std::vector<int>{1, 3}), boost::test_tools::per_element());
  BOOST_TEST(fault.expected.cause.name == "factor");
  BOOST_TEST(fault.expected.cause.coefficient.value() == 2);
  BOOST_TEST(fault.expected.cause.says == "tp");
  BOOST_TEST(!fault.only_in_real);
}

BOOST_AUTO_TEST_CASE(all_ranks_are_those_of_the_scenario) {
  const Fault fault = Catalog(with(good, "[1, 3]", "\"all\"")).read();

  BOOST_TEST(fault.expected.ranks == (std::vector<int>{0, 1, 2, 3}),
             boost::test_tools::per_element());
}

// What is run clean must be clean, and what is checked must be what is run.
BOOST_AUTO_TEST_CASE(a_scenario_with_defects_of_its_own_is_refused) {
  const TemporaryFolder folder;
  const std::string planted = folder / "planted.json";
  std::ofstream(planted) << R"({"name": "planted", "inject": []})";

  BOOST_TEST(refusal_of(with(good, scenario, planted))
                 .find("it has defects of its own, beside those of the fault") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_told_with_its_place) {
  const std::vector<std::array<std::string, 3>> wrong = {
      {"\"overrides\"", "\"overides\"",
       ":6:3: unknown key \"overides\"; did you mean \"overrides\"?"},
      {"\"value\"", "\"valeu\"", ":4:12: class = \"valeu\""},
      {"\"op_local\"", "\"replicas\"", ":8:23: expect.check = \"replicas\""},
      {"\"steps\": [0]", "\"step\": [0]", ":7:63: unknown key \"inject[0].step\""},
      {"[1, 3]", "[1, 4]", "expect.ranks = 4"},
      {"[1, 3]", "[]", "expected \"all\" or a list of ranks"},
      {"steps=1", "steps=x", ":6:16: --override steps=x"},
      {"zero1-bf16.json", "zero9-bf16.json", ":5:15: scenario = "},
      {"\"cause\"", "\"because\"", "missing key \"expect.cause\""},
      {"\"says\"", "\"say\"", "unknown key \"expect.cause.say\""},
      {"\"issue\"", "\"isue\"", "missing key \"source.issue\""},
      {"\"class\": \"value\"", "\"class\": \"legitimate\"", ":8:13: expect = "},
      {"\"a sum is left out\"", "\"\"", ":2:11: what = \"\""},
  };
  for (const auto& [from, to, said] : wrong) {
    const std::string refusal = refusal_of(with(good, from, to));
    BOOST_TEST(refusal.find(said) != std::string::npos, to << ": " << refusal);
  }
}

// A file that could only be missed, or found whatever the judge does.
BOOST_AUTO_TEST_CASE(a_fault_that_changes_nothing_is_refused) {
  const std::string inject =
      R"("inject": [{"edit": "drop", "op": "lm_head/forward/matmul", "steps": [0]}],)";

  BOOST_TEST(refusal_of(with(good, inject, "")).find("expected \"inject\"") != std::string::npos);
  BOOST_TEST(refusal_of(with(with(good, inject, ""), R"("overrides": ["steps=1"],)", ""))
                 .find("nothing is changed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_must_be_refused_is_not_read) {
  const Fault fault = Catalog(R"({
  "what": "a stage that is not there", "source": {"framework": "Some", "issue": "1"},
  "class": "refusal", "scenario": ")" +
                              scenario + R"(",
  "overrides": ["zero_optimization.stage=3"], "expect": {"says": "stage"}
})")
                          .read();

  BOOST_TEST(!fault.scenario.has_value());
  BOOST_TEST(fault.expected.says == "stage");
  BOOST_CHECK_THROW(scenario_of(fault), ScenarioError);
}

BOOST_AUTO_TEST_CASE(an_id_that_no_file_has_is_told_the_nearest) {
  const Catalog catalog(good);

  BOOST_TEST(catalog.read({"some-fault"}).size() == 1U);
  BOOST_TEST(catalog.read({"some-fault", "some-fault"}).size() == 1U);
  BOOST_CHECK_EXCEPTION(catalog.read({"some-fualt"}), ScenarioError, [](const auto& error) {
    return std::string(error.what()).find("did you mean \"some-fault\"?") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(a_folder_without_faults_is_refused) {
  const TemporaryFolder empty;

  BOOST_CHECK_THROW(read_faults(empty.path().string(), {}), ScenarioError);
  BOOST_CHECK_THROW(read_faults(empty / "nowhere", {}), ScenarioError);
}

BOOST_AUTO_TEST_CASE(the_catalog_is_read_and_has_some_of_every_class) {
  const std::vector<Fault> faults = read_faults("../scenarios/catalog/faults", {});

  for (const std::string& name : names_of<FaultClass>())
    BOOST_TEST(std::ranges::count(faults, *from_name<FaultClass>(name), &Fault::kind) >= 5, name);
  BOOST_TEST(std::ranges::count_if(faults, [](const Fault& f) { return is_named(f.kind); }) >= 60);
}

BOOST_AUTO_TEST_CASE(a_fault_is_named_by_its_file_too) {
  const std::string catalog = "../scenarios/catalog/faults";

  const std::vector<Fault> faults =
      read_faults(catalog + "/", {catalog + "/another-bucket-size.json", "another-bucket-size"});

  BOOST_TEST(faults.size() == 1u);
  BOOST_TEST(faults.front().id == "another-bucket-size");
  BOOST_CHECK_THROW(read_faults(catalog, {"elsewhere/another-bucket-size.json"}), ScenarioError);
}

BOOST_AUTO_TEST_CASE(what_an_override_has_no_effect_on_is_told) {
  const Fault without = Catalog(good).read();
  const Fault with_it = Catalog(with(good, "\"steps=1\"", R"("steps=1", "foo=3")")).read();

  BOOST_TEST(notices_of_overrides(without).empty());
  BOOST_TEST_REQUIRE(notices_of_overrides(with_it).size() == 1u);
  BOOST_TEST(notices_of_overrides(with_it).front() == "DeepSpeed does not read \"foo\"");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
