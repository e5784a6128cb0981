#include "scenarios/trace/header.hpp"

#include "scenarios/errors.hpp"
#include "scenarios/hdf5/attribute.hpp"
#include "scenarios/hdf5/group.hpp"
#include "scenarios/trace/guarded.hpp"
#include "scenarios/trace/schema.hpp"

namespace shardproof::trace_schema {

namespace {

// The attributes of a run, once: writing and reading them follow.
void each_attribute(auto& header, auto&& attribute) {
  attribute("execution", header.execution);
  attribute("world", header.world);
  attribute("tp", header.tp);
  attribute("dp", header.dp);
  attribute("scenario_hash", header.scenario_hash);
  attribute("model_hash", header.model_hash);
  attribute("program_hash", header.program_hash);
}

struct Write {
  const hdf5::Handle& file;
  void operator()(const char* name, const std::string& text) const {
    hdf5::write_text(file, name, text);
  }
  void operator()(const char* name, int number) const {
    hdf5::write_number(file, name, static_cast<std::uint64_t>(number));
  }
};

struct Read {
  const hdf5::Handle& file;
  void operator()(const char* name, std::string& text) const { text = hdf5::read_text(file, name); }
  void operator()(const char* name, int& number) const {
    number = static_cast<int>(hdf5::read_number(file, name));
  }
};

std::map<std::string, std::string> read_settings(const hdf5::Handle& file) {
  std::map<std::string, std::string> settings;
  const hdf5::Handle group = hdf5::open_group(file, "settings");
  for (const std::string& name : hdf5::attribute_names(group))
    settings[name] = hdf5::read_text(group, name);
  return settings;
}

// ", written by shardproof 0.1.0, commit 998191a", if the file says so where this version does.
std::string writer_of(const hdf5::Handle& file) {
  if (!hdf5::has_link(file, "settings")) return "";
  const auto settings = read_settings(file);
  const auto version = settings.find("version"), commit = settings.find("commit");
  if (version == settings.end() || commit == settings.end()) return "";
  return ", written by shardproof " + version->second + ", commit " + commit->second;
}

void expect_complete_trace(const hdf5::Handle& file, const std::string& path) {
  const std::string schema =
      hdf5::has_attribute(file, "schema") ? hdf5::read_text(file, "schema") : "";
  if (schema.empty()) throw ScenarioError(path + ": not a trace: it has no attribute \"schema\"");
  if (schema != version) {
    throw ScenarioError(path + ": a trace of version " + schema + writer_of(file) +
                        ": this program reads " + version +
                        ". Run its scenario again, or use the program that wrote it");
  }
  if (hdf5::read_number(file, "complete") != 1)
    throw ScenarioError(path + ": incomplete: its writer did not close it");
}

}  // namespace

void write_run(const hdf5::Handle& file, const TraceHeader& header) {
  hdf5::write_text(file, "schema", version);
  each_attribute(header, Write{file});
}

void write_settings(const hdf5::Handle& group, const std::map<std::string, std::string>& settings) {
  for (const auto& [name, value] : settings) hdf5::write_text(group, name, value);
}

void write_header(const hdf5::Handle& file, const TraceHeader& header) {
  write_run(file, header);
  Write{file}("rank", header.rank);
  hdf5::write_number(file, "complete", 0);
  write_settings(hdf5::create_group(file, "settings"), header.settings);
  write_guarded(file, "scenario", header.scenario_json);
  write_guarded(file, "program", header.program_json);
}

void mark_complete(const hdf5::Handle& file) { hdf5::write_number(file, "complete", 1); }

TraceHeader read_header(const hdf5::Handle& file, const std::string& path) {
  expect_complete_trace(file, path);
  TraceHeader header;
  each_attribute(header, Read{file});
  Read{file}("rank", header.rank);
  header.scenario_json = read_guarded_text(file, path, "scenario");
  header.program_json = read_guarded_text(file, path, "program");
  header.settings = read_settings(file);
  return header;
}

}  // namespace shardproof::trace_schema
