#include "reports/score/fault_file.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "scenarios/config/scenario_file.hpp"
#include "scenarios/json/nearest_name.hpp"
#include "scenarios/json/object_reader.hpp"

namespace shardproof::reports {

namespace {

namespace fs = std::filesystem;
using Kind = ScenarioError::Kind;

// A line of text that says something.
std::string required_text(ObjectReader& reader, const std::string& key, const std::string& what) {
  const JsonValue& value = reader.require(key, what);
  const std::string& text = as_string(value, reader.name(key));
  if (text.empty()) refuse_value(value, reader.name(key), what);
  return text;
}

void read_source(ObjectReader& top, Fault& fault) {
  ObjectReader reader(
      top.require("source", "expected { \"framework\": ..., \"issue\": ..., \"link\": ... }"),
      "source");
  fault.framework = required_text(reader, "framework", "expected where the bug was");
  fault.issue = required_text(reader, "issue", "expected an issue, a pull request or a commit");
  fault.link = reader.string("link", "");
  reader.finish();
}

std::vector<std::string> read_overrides(ObjectReader& top) {
  const JsonValue* list = top.find("overrides");
  std::vector<std::string> overrides;
  if (!list) return overrides;
  if (!list->is_array()) refuse_value(*list, "overrides", "expected a list of \"key=value\"");
  for (const JsonValue& element : list->elements)
    overrides.push_back(as_string(element, "overrides"));
  return overrides;
}

JsonValue read_edits(ObjectReader& top) {
  const JsonValue* list = top.find("inject");
  if (!list) return JsonValue::array();
  if (!list->is_array()) refuse_value(*list, "inject", "expected a list [ ... ]");
  return *list;
}

// What is wrong with an override is told with its place in the fault's file.
Scenario checked_scenario_of(const Fault& fault, const JsonValue* overrides) {
  try {
    return scenario_of(fault);
  } catch (const ScenarioError& error) {
    const std::string what = error.what();
    if (overrides == nullptr || !what.starts_with("--override")) throw;
    throw ScenarioError(overrides->place, what);
  }
}

std::vector<int> read_ranks(ObjectReader& reader, int world) {
  const JsonValue& value = reader.require("ranks", "expected \"all\" or a list of ranks");
  std::vector<int> ranks;
  if (value.is_string() && value.text == "all") {
    ranks.resize(static_cast<std::size_t>(world));
    std::iota(ranks.begin(), ranks.end(), 0);
    return ranks;
  }
  if (!value.is_array() || value.elements.empty())
    refuse_value(value, reader.name("ranks"), "expected \"all\" or a list of ranks");
  for (const JsonValue& element : value.elements)
    ranks.push_back(static_cast<int>(as_integer(element, reader.name("ranks"), {0, world - 1})));
  return ranks;
}

// "zeros" is the cause of that name, whatever else is said of it.
ExpectedCause read_cause(ObjectReader& expected) {
  const JsonValue& value = expected.require("cause", "expected a cause's name, or \"none\"");
  if (value.is_string()) return {value.text, "", {}};
  ObjectReader reader(value, expected.name("cause"));
  ExpectedCause cause{required_text(reader, "name", "expected how a cause's name begins"),
                      reader.string("says", ""),
                      {}};
  if (const JsonValue* number = reader.find("coefficient"))
    cause.coefficient = as_number(*number, reader.name("coefficient"));
  reader.finish();
  return cause;
}

void read_expectation(ObjectReader& top, Fault& fault) {
  if (fault.kind == FaultClass::legitimate) {
    if (const JsonValue* given = top.find("expect"))
      refuse_value(*given, "expect", "of a legitimate run nothing is expected: remove the key",
                   Kind::conflict);
    return;
  }
  ObjectReader reader(top.require("expect", "expected what must be found"), "expect");
  Expectation& expected = fault.expected;
  if (fault.kind == FaultClass::refusal) {
    expected.says = required_text(reader, "says", "expected a part of the message");
  } else {
    expected.check = as_one_of(reader.require("check", "expected a check of its class"),
                               reader.name("check"), checks_of(fault.kind));
    expected.op = required_text(reader, "op", "expected the op at fault");
    expected.op_place = reader.find("op")->place;
    expected.ranks = read_ranks(reader, fault.scenario->world());
    expected.cause = read_cause(reader);
  }
  reader.finish();
}

// A shell completes the file of a fault, which is as good as its name.
std::string id_of(const std::string& word, const std::string& folder) {
  const fs::path file(word);
  std::error_code not_there;
  return file.extension() == ".json" &&
                 fs::equivalent(file, fs::path(folder) / file.filename(), not_there)
             ? file.stem().string()
             : word;
}

// What changes nothing would be missed by every check, and a refusal of nothing never comes.
void expect_changes(const ObjectReader& top, const Fault& fault) {
  if (fault.inject.elements.empty() && fault.overrides.empty() &&
      fault.kind != FaultClass::legitimate)
    throw ScenarioError(top.place(), "expected \"inject\" or \"overrides\": nothing is changed",
                        Kind::missing);
  if (is_named(fault.kind) && fault.inject.elements.empty())
    throw ScenarioError(top.place(), "expected \"inject\": overrides change what is right, too",
                        Kind::missing);
}

}  // namespace

std::vector<std::string> checks_of(FaultClass of) {
  switch (of) {
    case FaultClass::value: return {"op_local", "plan_units", "optimizer"};
    case FaultClass::replica_or_leaf: return {"leaves", "replicas"};
    case FaultClass::continuity: return {"edges", "continuity"};
    case FaultClass::plan_or_policy: return {"plan", "policy", "collectives"};
    case FaultClass::schedule:
      return {"collectives", "edges", "op_local", "plan_units", "optimizer"};
    case FaultClass::checkpoint: return {"continuity", "round_trip", "leaves"};
    case FaultClass::refusal:
    case FaultClass::legitimate: break;
  }
  return {};
}

Scenario scenario_of(const Fault& fault) {
  JsonValue root = read_json(fault.scenario_file);
  if (root.is_object() && !fault.inject.elements.empty()) root.set("inject", fault.inject);
  return scenario_inside(std::move(root), fault.scenario_file, fault.overrides);
}

std::vector<std::string> notices_of_overrides(const Fault& fault) {
  if (!fault.scenario || fault.overrides.empty()) return {};
  const std::vector<std::string> without = read_scenario(fault.scenario_file).notices;
  std::vector<std::string> notices = fault.scenario->notices;
  std::erase_if(notices,
                [&](const std::string& notice) { return std::ranges::count(without, notice) > 0; });
  return notices;
}

Fault read_fault(const std::string& file) {
  const JsonValue root = read_json(file);
  ObjectReader top(root, "");
  Fault fault;
  fault.id = fs::path(file).stem().string();
  fault.what = required_text(top, "what", "expected one line that says what goes wrong");
  read_source(top, fault);
  fault.kind =
      as_one_of<FaultClass>(top.require("class", "expected value, schedule, ..."), "class");
  const JsonValue& scenario = top.require("scenario", "expected the path of a scenario");
  fault.scenario_file =
      (fs::path(file).parent_path() / as_string(scenario, "scenario")).lexically_normal().string();
  if (!fs::is_regular_file(fault.scenario_file))
    refuse_value(scenario, "scenario", "there is no \"" + fault.scenario_file + "\"");
  if (const JsonValue planted = read_json(fault.scenario_file); planted.find("inject") != nullptr)
    refuse_value(scenario, "scenario", "it has defects of its own, beside those of the fault");
  fault.overrides = read_overrides(top);
  fault.inject = read_edits(top);
  fault.only_in_real = top.boolean("only_in_real", false);
  expect_changes(top, fault);
  if (fault.kind != FaultClass::refusal)
    fault.scenario = checked_scenario_of(fault, top.find("overrides"));
  read_expectation(top, fault);
  if (const JsonValue* corrected = top.find("corrected"))
    fault.corrected = as_string(*corrected, "corrected");
  top.finish();
  return fault;
}

std::vector<Fault> read_faults(const std::string& folder, const std::vector<std::string>& given) {
  if (!fs::is_directory(folder))
    throw ScenarioError(folder + ": is no folder of faults; --catalog names one");
  std::vector<std::string> known;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".json") known.push_back(entry.path().stem().string());
  if (known.empty()) throw ScenarioError(folder + ": holds no fault (*.json)");
  std::ranges::sort(known);
  std::vector<std::string> ids;
  for (const std::string& word : given) ids.push_back(id_of(word, folder));
  for (const std::string& id : ids)
    if (!std::ranges::binary_search(known, id))
      throw ScenarioError(folder + ": there is no fault \"" + id + "\"" + suggestion(id, known));
  std::vector<Fault> faults;
  for (const std::string& id : ids.empty() ? known : ids)
    if (std::ranges::count(faults, id, &Fault::id) == 0)  // twice is once
      faults.push_back(read_fault((fs::path(folder) / (id + ".json")).string()));
  return faults;
}

}  // namespace shardproof::reports
