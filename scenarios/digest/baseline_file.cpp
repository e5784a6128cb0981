// A text, /about, which is JSON, and two tables for each rank of each execution. /about has the
// hash of every table, and the attribute `xxh3` beside it that of its own text: the seal.
#include "scenarios/digest/baseline_file.hpp"

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "scenarios/checkpoint/hash.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/regular_file.hpp"
#include "scenarios/hdf5/attribute.hpp"
#include "scenarios/hdf5/file.hpp"
#include "scenarios/hdf5/group.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/trace/guarded.hpp"
#include "scenarios/trace/log_tables.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

constexpr const char* schema = "shardproof-baseline-1";

using Texts = std::map<std::string, std::string>;

// "sim-00003-writes".
std::string table_name(const std::string& execution, int rank, const char* what) {
  char number[16];
  std::snprintf(number, sizeof number, "-%05d-", rank);
  return execution + number + what;
}

std::string seal_of(const hdf5::Table& table) { return to_hex(xxh3(table.bytes)); }

JsonValue json_of(const Texts& texts) {
  JsonValue json = JsonValue::object();
  for (const auto& [key, text] : texts) json.set(key, text);
  return json;
}

JsonValue json_of(const Baseline::Run& run) {
  return JsonValue::object()
      .set("execution", run.execution)
      .set("world", run.world)
      .set("settings", json_of(run.settings))
      .set("files", json_of(run.files));
}

JsonValue json_of(const Baseline& baseline, const Texts& seals) {
  JsonValue runs = JsonValue::array();
  for (const Baseline::Run& run : baseline.runs) runs.append(json_of(run));
  return JsonValue::object()
      .set("judged", baseline.judged)
      .set("judge", baseline.judge)
      .set("identity", json_of(baseline.identity().hashes()))
      .set("program_hash", baseline.program_hash)
      .set("scenario", baseline.scenario)
      .set("runs", std::move(runs))
      .set("seals", json_of(seals));
}

const JsonValue& member(const JsonValue& json, const char* key) {
  const JsonValue* found = json.find(key);
  if (found == nullptr) throw ScenarioError(std::string("/about has no \"") + key + "\"");
  return *found;
}

Texts texts_of(const JsonValue& json) {
  Texts texts;
  for (const JsonMember& each : json.members) texts[each.key] = each.value.text;
  return texts;
}

Baseline baseline_of(const JsonValue& json) {
  Baseline baseline;
  baseline.judged = member(json, "judged").text;
  baseline.judge = member(json, "judge").text;
  baseline.scenario = member(json, "scenario").text;
  baseline.program_hash = member(json, "program_hash").text;
  for (const JsonValue& run : member(json, "runs").elements)
    baseline.runs.push_back({member(run, "execution").text,
                             static_cast<int>(member(run, "world").integer),
                             texts_of(member(run, "settings")), texts_of(member(run, "files"))});
  return baseline;
}

// What HDF5 refuses is damage, too.
template <class Body>
auto reading(const std::string& path, Body body) {
  try {
    return body();
  } catch (const EnvironmentError& error) {
    throw ScenarioError(path + ": not a readable baseline: " + error.what());
  }
}

}  // namespace

const Baseline::Run* Baseline::run(const std::string& execution) const {
  for (const Run& each : runs)
    if (each.execution == execution) return &each;
  return nullptr;
}

std::string find_baseline(const std::string& folder, const std::string& name) {
  for (const std::string& place : {folder, folder + "/" + name})
    if (fs::exists(place + "/" + baseline_file)) return place + "/" + baseline_file;
  throw ScenarioError("--baseline " + folder + ": there is no baseline of " + name +
                      ": a run in full that passes leaves one in its results (" + folder + "/" +
                      name + "/" + baseline_file + ")");
}

struct BaselineWriter::File {
  std::string path;
  hdf5::Handle file;
  Texts seals;

  void add(const std::string& name, const hdf5::Table& table) {
    trace_schema::write_guarded(file, name, table);
    seals[name] = seal_of(table);
  }
};

BaselineWriter::BaselineWriter(const std::string& path) : file_(std::make_unique<File>()) {
  file_->path = path;
  file_->file = hdf5::create_file(path + ".part");
  hdf5::write_text(file_->file, "schema", schema);
}

BaselineWriter::~BaselineWriter() = default;

void BaselineWriter::add(const std::string& execution, int rank, const RankDigest& digest) {
  file_->add(table_name(execution, rank, "writes"), trace_schema::to_table(digest.writes));
  file_->add(table_name(execution, rank, "blocks"), trace_schema::to_table(digest.blocks));
  file_->seals[table_name(execution, rank, "collectives")] = to_hex(digest.collectives);
}

void BaselineWriter::close(const Baseline& baseline) {
  trace_schema::write_guarded(file_->file, "about", write_json(json_of(baseline, file_->seals), 2));
  hdf5::close_file(file_->file);
  std::error_code error;
  fs::rename(file_->path + ".part", file_->path, error);
  if (error) throw EnvironmentError(file_->path + ".part: cannot be renamed: " + error.message());
}

struct BaselineReader::File {
  std::string path;
  hdf5::Handle file;
  Texts seals;
  Baseline about;

  const std::string& seal(const std::string& name) const {
    const auto found = seals.find(name);
    if (found == seals.end()) throw ScenarioError(path + ": has no " + name);
    return found->second;
  }
  hdf5::Table table(const std::string& name) const {
    hdf5::Table table = trace_schema::read_guarded_table(file, path, name);
    if (seal_of(table) != seal(name))
      throw ScenarioError(path + ": /" + name + ": altered: it is not what the seal is of");
    return table;
  }
};

BaselineReader::BaselineReader(const std::string& path) : file_(std::make_unique<File>()) {
  file_->path = path;
  expect_regular_file(path);
  reading(path, [&] {
    file_->file = hdf5::open_file(path);
    const bool named = hdf5::has_attribute(file_->file, "schema");
    if (const std::string found = named ? hdf5::read_text(file_->file, "schema") : "";
        found != schema)
      throw ScenarioError(path + ": a baseline of version \"" + found + "\": this program reads " +
                          schema + ". Run its scenario in full again");
    const JsonValue about =
        parse_json(trace_schema::read_guarded_text(file_->file, path, "about"), path + ", /about");
    file_->about = baseline_of(about);
    file_->seals = texts_of(member(about, "seals"));
  });
}

BaselineReader::~BaselineReader() = default;
BaselineReader::BaselineReader(BaselineReader&&) noexcept = default;

const std::string& BaselineReader::path() const { return file_->path; }

const Baseline& BaselineReader::about() const { return file_->about; }

RankDigest BaselineReader::digest(const std::string& execution, int rank) const {
  return reading(file_->path, [&] {
    RankDigest digest;
    digest.writes =
        trace_schema::accesses_from(file_->table(table_name(execution, rank, "writes")));
    digest.blocks = trace_schema::blocks_from(file_->table(table_name(execution, rank, "blocks")));
    const std::string collectives = file_->seal(table_name(execution, rank, "collectives"));
    digest.collectives = hash_from_hex(collectives).value_or(0);
    return digest;
  });
}

void BaselineReader::check_all() const {
  for (const Baseline::Run& run : file_->about.runs)
    for (int rank = 0; rank < run.world; ++rank) static_cast<void>(digest(run.execution, rank));
}

}  // namespace shardproof
