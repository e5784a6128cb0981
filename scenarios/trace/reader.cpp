#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <sstream>

#include "scenarios/errors.hpp"
#include "scenarios/hdf5/attribute.hpp"
#include "scenarios/hdf5/dataset.hpp"
#include "scenarios/hdf5/file.hpp"
#include "scenarios/hdf5/group.hpp"
#include "scenarios/hdf5/stored_table.hpp"
#include "scenarios/hdf5/types.hpp"
#include "scenarios/trace/note.hpp"
#include "scenarios/trace/schema.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

// What HDF5 refuses in a file that a user names is bad input: "FILE: not a readable trace: ...".
template <class Body>
auto reading(const std::string& path, Body body) {
  try {
    return body();
  } catch (const EnvironmentError& error) {
    const std::string message = error.what();
    const std::string prefix = path + ": ";
    throw ScenarioError(prefix + "not a readable trace: " +
                        (message.starts_with(prefix) ? message.substr(prefix.size()) : message));
  }
}

std::string read_guarded_text(const hdf5::Handle& file, const std::string& path,
                              const std::string& name) {
  const hdf5::Handle dataset = hdf5::open_dataset(file, name);
  std::string text = hdf5::read_long_text(dataset);
  if (hash_bytes(std::as_bytes(std::span(text))) != hdf5::read_number(dataset, "xxh3")) {
    throw ScenarioError(path + ": /" + name + ": altered: its bytes do not match their hash");
  }
  return text;
}

hdf5::Table read_guarded_table(const hdf5::Handle& file, const std::string& path,
                               const std::string& name) {
  const hdf5::Handle dataset = hdf5::open_dataset(file, name);
  hdf5::Table table = hdf5::read_table(dataset);
  if (hash_bytes(table.bytes) != hdf5::read_number(dataset, "xxh3")) {
    throw ScenarioError(path + ": /" + name + ": altered: its bytes do not match their hash");
  }
  return table;
}

void expect_complete_trace(const hdf5::Handle& file, const std::string& path) {
  const std::string schema =
      hdf5::has_attribute(file, "schema") ? hdf5::read_text(file, "schema") : "";
  if (schema.empty()) throw ScenarioError(path + ": not a trace: it has no attribute \"schema\"");
  if (schema != trace_schema::version) {
    throw ScenarioError(path + ": a trace of version " + schema + ": this program reads " +
                        trace_schema::version);
  }
  if (hdf5::read_number(file, "complete") != 1) {
    throw ScenarioError(path + ": incomplete: its writer did not close it");
  }
}

TraceHeader read_header(const hdf5::Handle& file, const std::string& path) {
  expect_complete_trace(file, path);
  const auto number = [&file](const char* name) {
    return static_cast<int>(hdf5::read_number(file, name));
  };
  TraceHeader header;
  header.execution = hdf5::read_text(file, "execution");
  header.rank = number("rank");
  header.world = number("world");
  header.tp = number("tp");
  header.dp = number("dp");
  header.scenario_hash = hdf5::read_text(file, "scenario_hash");
  header.model_hash = hdf5::read_text(file, "model_hash");
  header.program_hash = hdf5::read_text(file, "program_hash");
  header.scenario_json = read_guarded_text(file, path, "scenario");
  header.program_json = read_guarded_text(file, path, "program");
  const hdf5::Handle settings = hdf5::open_group(file, "settings");
  for (const std::string& name : hdf5::attribute_names(settings)) {
    header.settings[name] = hdf5::read_text(settings, name);
  }
  return header;
}

// Ranks of one run say the same about it, but for their programs: a defect planted on some ranks
// makes those differ, and that is for the judge to say.
void expect_same_run(const TraceHeader& first, const TraceHeader& other, const std::string& path) {
  const auto expect_equal = [&path](const char* what, const auto& expected, const auto& found) {
    if (expected == found) return;
    std::ostringstream text;
    text << path << ": of another run: its " << what << " is " << found << ", rank 0 has "
         << expected;
    throw ScenarioError(text.str());
  };
  expect_equal("execution", first.execution, other.execution);
  expect_equal("world", first.world, other.world);
  expect_equal("tp", first.tp, other.tp);
  expect_equal("dp", first.dp, other.dp);
  expect_equal("scenario_hash", first.scenario_hash, other.scenario_hash);
  expect_equal("model_hash", first.model_hash, other.model_hash);
}

}  // namespace

struct TraceReader::Files {
  struct Shard {
    std::string path;
    hdf5::Handle file;
    TraceHeader header;
    std::optional<std::vector<CollectiveRecord>> collectives;
    std::optional<std::vector<AccessRecord>> accesses;
  };
  std::string folder;
  std::vector<Shard> shards;
  std::map<std::string, std::vector<StoredDataset>> datasets;

  Shard open(int rank) const;
  void list(const Shard& shard, const hdf5::Handle& group, const std::string& folder);
};

TraceReader::Files::Shard TraceReader::Files::open(int rank) const {
  Shard shard;
  shard.path = folder + "/" + trace_schema::rank_file(rank);
  if (!fs::exists(shard.path)) {
    if (fs::exists(shard.path + ".part")) {
      throw ScenarioError(shard.path +
                          ".part: incomplete: its writer was stopped before the end, "
                          "or is still running; its tensors can be viewed with h5dump");
    }
    const std::string world =
        shards.empty() ? "" : " of " + std::to_string(shards.front().header.world) + " ranks";
    throw ScenarioError(shard.path + ": missing: the trace" + world + " lacks rank " +
                        std::to_string(rank));
  }
  reading(shard.path, [&] {
    shard.file = hdf5::open_file(shard.path);
    shard.header = read_header(shard.file, shard.path);
  });
  if (shard.header.rank != rank) {
    throw ScenarioError(shard.path + ": is the file of rank " + std::to_string(shard.header.rank));
  }
  return shard;
}

// Lists the datasets of a group and of the groups in it.
void TraceReader::Files::list(const Shard& shard, const hdf5::Handle& group,
                              const std::string& group_path) {
  for (const std::string& name : hdf5::names_in(group)) {
    const std::string path = group_path + "/" + name;
    if (hdf5::is_group(group, name)) {
      list(shard, hdf5::open_group(group, name), path);
      continue;
    }
    try {
      datasets[path].push_back({shard.header.rank, trace_schema::read_note(group, name, path)});
    } catch (const ScenarioError& error) {
      throw ScenarioError(shard.path + ": " + error.what());
    }
  }
}

TraceReader::TraceReader(const std::string& folder) : files_(std::make_unique<Files>()) {
  if (!fs::is_directory(folder)) throw ScenarioError(folder + ": not a folder with a trace");
  files_->folder = folder;
  files_->shards.push_back(files_->open(0));
  const int world = files_->shards.front().header.world;
  for (int rank = 1; rank < world; ++rank) {
    files_->shards.push_back(files_->open(rank));
    const auto& shard = files_->shards.back();
    expect_same_run(files_->shards.front().header, shard.header, shard.path);
  }
  if (const std::string extra = folder + "/" + trace_schema::rank_file(world); fs::exists(extra)) {
    throw ScenarioError(extra + ": a rank too many: the trace is of " + std::to_string(world) +
                        " ranks");
  }
  for (const auto& shard : files_->shards) {
    reading(shard.path, [&] {
      for (const char* top : {"initial", "step", "final"}) {
        if (!hdf5::has_link(shard.file, top)) continue;
        files_->list(shard, hdf5::open_group(shard.file, top), std::string("/") + top);
      }
    });
  }
}

TraceReader::~TraceReader() = default;
TraceReader::TraceReader(TraceReader&&) noexcept = default;

const std::string& TraceReader::folder() const { return files_->folder; }

int TraceReader::world() const { return static_cast<int>(files_->shards.size()); }

const TraceHeader& TraceReader::header(int rank) const {
  return files_->shards.at(static_cast<std::size_t>(rank)).header;
}

const std::map<std::string, std::vector<StoredDataset>>& TraceReader::datasets() const {
  return files_->datasets;
}

std::vector<std::byte> TraceReader::read(const StoredDataset& dataset) const {
  const auto& shard = files_->shards.at(static_cast<std::size_t>(dataset.rank));
  const DatasetInfo& info = dataset.info;
  const auto refuse = [&](const std::string& why) {
    throw ScenarioError(shard.path + ": " + info.path + ": altered: " + why);
  };
  // The judge reads from two threads; not every build of HDF5 allows that by itself.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  return reading(shard.path, [&] {
    const hdf5::Handle stored = hdf5::open_dataset(shard.file, info.path);
    const hdf5::Handle type = hdf5::element_type(info.dtype);
    const Shape shape = hdf5::shape_of(stored);
    if (!hdf5::has_type(stored, type)) refuse(std::string("it is not of ") + name_of(info.dtype));
    if (shape != trace_schema::stored_shape(info.regions)) {
      refuse("its shape is " + to_string(shape) + ", its regions need " +
             to_string(trace_schema::stored_shape(info.regions)));
    }
    std::vector<std::byte> bytes(static_cast<std::size_t>(element_count(shape)) *
                                 size_bytes(info.dtype));
    hdf5::read_dataset(stored, type, bytes);
    if (hash_bytes(bytes) != info.hash) refuse("its bytes do not match their hash");
    return bytes;
  });
}

const std::vector<CollectiveRecord>& TraceReader::collectives(int rank) const {
  auto& shard = files_->shards.at(static_cast<std::size_t>(rank));
  if (!shard.collectives) {
    shard.collectives = reading(shard.path, [&shard] {
      return trace_schema::collectives_from(
          read_guarded_table(shard.file, shard.path, "collectives"));
    });
  }
  return *shard.collectives;
}

const std::vector<AccessRecord>& TraceReader::accesses(int rank) const {
  auto& shard = files_->shards.at(static_cast<std::size_t>(rank));
  if (!shard.accesses) {
    shard.accesses = reading(shard.path, [&shard] {
      return trace_schema::accesses_from(read_guarded_table(shard.file, shard.path, "accesses"));
    });
  }
  return *shard.accesses;
}

}  // namespace shardproof
