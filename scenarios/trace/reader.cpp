#include <algorithm>
#include <atomic>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>

#include "scenarios/files/read_only_file.hpp"
#include "scenarios/hdf5/dataset.hpp"
#include "scenarios/hdf5/group.hpp"
#include "scenarios/hdf5/types.hpp"
#include "scenarios/pulse.hpp"
#include "scenarios/trace/guarded.hpp"
#include "scenarios/trace/log_tables.hpp"
#include "scenarios/trace/note.hpp"
#include "scenarios/trace/rank_file.hpp"
#include "scenarios/trace/schema.hpp"
#include "scenarios/trace/tensor_hash.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof {

using trace_schema::reading;

namespace {

[[noreturn]] void refuse(const trace_schema::RankFile& shard, const DatasetInfo& info,
                         const std::string& why) {
  throw ScenarioError(shard.path + ": " + info.path + ": altered: " + why);
}

// One call at a time: not every build of HDF5 allows more by itself.
std::mutex one_at_a_time;

// A dataset must be of the type and the shape that its note tells of.
void expect_as_noted(const trace_schema::RankFile& shard, const DatasetInfo& info,
                     const hdf5::Handle& dataset, const hdf5::Handle& type) {
  const Shape shape = hdf5::shape_of(dataset), expected = trace_schema::stored_shape(info.regions);
  if (!hdf5::has_type(dataset, type))
    refuse(shard, info, std::string("it is not of ") + name_of(info.dtype));
  if (shape != expected) {
    refuse(shard, info,
           "its shape is " + to_string(shape) + ", its regions need " + to_string(expected));
  }
}

std::int64_t stored_elements(const DatasetInfo& info) {
  return element_count(std::span(info.regions));
}

// Where the bytes of a dataset lie in its file, and whether they were seen to match their hash.
struct Place {
  explicit Place(std::optional<std::uint64_t> where) : offset(where) {}

  std::optional<std::uint64_t> offset;  // nothing: in chunks, which HDF5 must put together
  std::atomic<bool> is_checked = false;
};

}  // namespace

struct TraceReader::Files {
  struct Shard : trace_schema::RankFile {
    std::optional<std::vector<CollectiveRecord>> collectives;
    std::optional<std::vector<AccessRecord>> accesses;
    std::optional<std::vector<BlockRecord>> blocks;
    ReadOnlyFile bytes;
  };
  std::string folder;
  std::vector<Shard> shards;
  std::map<std::string, std::vector<StoredDataset>> datasets;
  std::deque<Place> places;  // by StoredDataset::place
  hdf5::ElementTypes element_types;

  void open(int rank);
  Shard& at(int rank) { return shards.at(static_cast<std::size_t>(rank)); }
  void list(const Shard& shard);
  void list(const Shard& shard, const hdf5::Handle& group, const std::string& group_path);
  void add(const Shard& shard, const hdf5::Handle& dataset, const std::string& path);
  Place& place_of(const StoredDataset& dataset) { return places.at(dataset.place); }
  void expect_hash(const StoredDataset& dataset, std::uint64_t found);
};

void TraceReader::Files::open(int rank) {
  const Shard* first = shards.empty() ? nullptr : &shards.front();
  trace_schema::RankFile file = trace_schema::open_rank_file(folder, rank, first);
  ReadOnlyFile bytes(file.path);
  shards.push_back({std::move(file), {}, {}, {}, std::move(bytes)});
}

void TraceReader::Files::list(const Shard& shard) {
  reading(shard.path, [&] {
    for (const char* top : {"initial", "step", "final"}) {
      if (!hdf5::has_link(shard.file, top)) continue;
      list(shard, hdf5::open_group(shard.file, top), std::string("/") + top);
    }
  });
}

// Lists the datasets of a group and of the groups in it.
void TraceReader::Files::list(const Shard& shard, const hdf5::Handle& group,
                              const std::string& group_path) {
  for (const std::string& name : hdf5::names_in(group)) {
    Pulse::of_this_process().beat();
    const std::string path = group_path + "/" + name;
    const hdf5::Handle object = hdf5::open_object(group, name);
    if (hdf5::is_group(object))
      list(shard, object, path);
    else
      add(shard, object, path);
  }
}

void TraceReader::Files::add(const Shard& shard, const hdf5::Handle& dataset,
                             const std::string& path) {
  DatasetInfo info;
  try {
    info = trace_schema::read_note(dataset, path);
  } catch (const ScenarioError& error) {
    throw ScenarioError(shard.path + ": " + error.what());
  }
  expect_as_noted(shard, info, dataset, element_types.of(info.dtype));
  datasets[path].push_back({shard.header.rank, std::move(info), places.size()});
  places.emplace_back(hdf5::offset_in_file(dataset));
}

bool have_same_bytes(const StoredDataset& a, const StoredDataset& b) {
  return a.info.hash == b.info.hash && a.info.dtype == b.info.dtype &&
         a.info.regions == b.info.regions;
}

namespace {

void expect_folder(const std::string& folder) {
  if (!std::filesystem::is_directory(folder))
    throw ScenarioError(folder + ": not a folder with a trace");
}

}  // namespace

TraceHeader header_of_trace(const std::string& folder) {
  expect_folder(folder);
  return trace_schema::open_rank_file(folder, 0, nullptr).header;
}

TraceReader::TraceReader(const std::string& folder) : files_(std::make_unique<Files>()) {
  expect_folder(folder);
  files_->folder = folder;
  files_->open(0);
  const int world = files_->shards.front().header.world;
  for (int rank = 1; rank < world; ++rank) files_->open(rank);
  trace_schema::expect_no_more_than(folder, world);
  for (const auto& shard : files_->shards) files_->list(shard);
}

TraceReader::~TraceReader() = default;
TraceReader::TraceReader(TraceReader&&) noexcept = default;

const std::string& TraceReader::folder() const { return files_->folder; }

int TraceReader::world() const { return static_cast<int>(files_->shards.size()); }

const TraceHeader& TraceReader::header(int rank) const { return files_->at(rank).header; }

const std::map<std::string, std::vector<StoredDataset>>& TraceReader::datasets() const {
  return files_->datasets;
}

void TraceReader::Files::expect_hash(const StoredDataset& dataset, std::uint64_t found) {
  if (found != dataset.info.hash)
    refuse(at(dataset.rank), dataset.info, "its bytes do not match their hash");
  place_of(dataset).is_checked = true;
}

void TraceReader::read_bytes(const StoredDataset& dataset, std::int64_t begin,
                             std::span<std::byte> out) const {
  const DatasetInfo& info = dataset.info;
  const auto size = static_cast<std::int64_t>(size_bytes(info.dtype)), count = std::ssize(out);
  SHARDPROOF_EXPECTS(0 <= begin && begin % size == 0 && count % size == 0 &&
                         begin + count <= stored_elements(info) * size,
                     info.path, begin, count);
  const Place& place = files_->place_of(dataset);
  auto& shard = files_->at(dataset.rank);
  Pulse::of_this_process().beat();
  const Pulse::LongCall underway(Pulse::LongCall::seconds_of_file(static_cast<double>(count)));
  if (place.offset) {
    if (!shard.bytes.read(*place.offset + static_cast<std::uint64_t>(begin), out))
      refuse(shard, info, "the file ends before its bytes do");
    return;
  }
  const Region all = whole(trace_schema::stored_shape(info.regions));
  const std::lock_guard lock(one_at_a_time);
  reading(shard.path, [&] {
    const hdf5::Handle stored = hdf5::open_dataset(shard.file, info.path);
    for (const Region& box : flat_range(all, begin / size, (begin + count) / size)) {
      const auto bytes = static_cast<std::size_t>(element_count(box) * size);
      hdf5::read_box(stored, files_->element_types.of(info.dtype), box, out.first(bytes));
      out = out.subspan(bytes);
    }
  });
}

std::vector<std::byte> TraceReader::read(const StoredDataset& dataset) const {
  std::vector<std::byte> bytes = read_range(dataset, 0, stored_elements(dataset.info));
  if (!is_confirmed(dataset)) confirm(dataset, tensor_hash(bytes));
  return bytes;
}

std::vector<std::byte> TraceReader::read_range(const StoredDataset& dataset, std::int64_t begin,
                                               std::int64_t end) const {
  const DatasetInfo& info = dataset.info;
  SHARDPROOF_EXPECTS(0 <= begin && begin <= end && end <= stored_elements(info), info.path, begin,
                     end);
  const auto size = static_cast<std::int64_t>(size_bytes(info.dtype));
  std::vector<std::byte> bytes(static_cast<std::size_t>((end - begin) * size));
  read_bytes(dataset, begin * size, bytes);
  return bytes;
}

void TraceReader::confirm(const StoredDataset& dataset, std::uint64_t hash) const {
  files_->expect_hash(dataset, hash);
}

bool TraceReader::is_confirmed(const StoredDataset& dataset) const {
  return files_->place_of(dataset).is_checked;
}

void TraceReader::check(const StoredDataset& dataset) const {
  if (is_confirmed(dataset)) return;
  constexpr std::int64_t bytes_at_once = 16 * std::int64_t{hash_block_bytes};
  const DatasetInfo& info = dataset.info;
  const std::int64_t bytes =
      stored_elements(info) * static_cast<std::int64_t>(size_bytes(info.dtype));
  std::vector<std::byte> some(static_cast<std::size_t>(std::min(bytes, bytes_at_once)));
  TensorHasher hasher;
  for (std::int64_t begin = 0; begin < bytes; begin += bytes_at_once) {
    const auto part =
        std::span(some).first(static_cast<std::size_t>(std::min(bytes - begin, bytes_at_once)));
    read_bytes(dataset, begin, part);
    hasher.add(part);
  }
  confirm(dataset, hasher.hash());
}

const std::vector<CollectiveRecord>& TraceReader::collectives(int rank) const {
  const std::lock_guard lock(one_at_a_time);
  auto& shard = files_->at(rank);
  if (!shard.collectives) {
    shard.collectives = reading(shard.path, [&shard] {
      return trace_schema::collectives_from(
          trace_schema::read_guarded_table(shard.file, shard.path, "collectives"));
    });
  }
  return *shard.collectives;
}

const std::vector<AccessRecord>& TraceReader::accesses(int rank) const {
  const std::lock_guard lock(one_at_a_time);
  auto& shard = files_->at(rank);
  if (!shard.accesses) {
    shard.accesses = reading(shard.path, [&shard] {
      return trace_schema::accesses_from(
          trace_schema::read_guarded_table(shard.file, shard.path, "accesses"));
    });
  }
  return *shard.accesses;
}

const std::vector<BlockRecord>& TraceReader::blocks(int rank) const {
  const std::lock_guard lock(one_at_a_time);
  auto& shard = files_->at(rank);
  if (!shard.blocks) {
    shard.blocks = reading(shard.path, [&shard]() -> std::vector<BlockRecord> {
      if (!hdf5::has_link(shard.file, "blocks")) return {};
      return trace_schema::blocks_from(
          trace_schema::read_guarded_table(shard.file, shard.path, "blocks"));
    });
  }
  return *shard.blocks;
}

}  // namespace shardproof
