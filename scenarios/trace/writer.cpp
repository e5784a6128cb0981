#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <unordered_set>

#include "scenarios/errors.hpp"
#include "scenarios/files/background_file.hpp"
#include "scenarios/hdf5/dataset.hpp"
#include "scenarios/hdf5/file.hpp"
#include "scenarios/hdf5/group.hpp"
#include "scenarios/hdf5/group_cache.hpp"
#include "scenarios/hdf5/types.hpp"
#include "scenarios/pulse.hpp"
#include "scenarios/trace/guarded.hpp"
#include "scenarios/trace/header.hpp"
#include "scenarios/trace/log_tables.hpp"
#include "scenarios/trace/note.hpp"
#include "scenarios/trace/schema.hpp"
#include "scenarios/trace/tensor_hash.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof {

namespace {

void expect_well_formed(const DatasetInfo& info, std::size_t byte_count) {
  for (const Region& region : info.regions)
    SHARDPROOF_EXPECTS(lies_in(region, info.full_shape), info.path, to_string(region),
                       to_string(info.full_shape));
  const auto elements = static_cast<std::size_t>(element_count(std::span(info.regions)));
  SHARDPROOF_EXPECTS(byte_count == elements * size_bytes(info.dtype), info.path, byte_count,
                     elements);
}

// Every component of a path becomes a link: none may be empty, and "." means "here" to HDF5.
void expect_good_path(const std::string& path) {
  static_cast<void>(moment_of(path));
  SHARDPROOF_EXPECTS(!name_in_folder(path).empty() && path.back() != '/' &&
                         path.find("//") == std::string::npos &&
                         (path + '/').find("/./") == std::string::npos,
                     path);
}

// The elements of some runs of a buffer, one after another, a part at a time.
class Gathering {
 public:
  Gathering(std::span<const std::byte> buffer, std::span<const Run> runs, std::size_t element_bytes)
      : buffer_(buffer), runs_(runs), element_bytes_(element_bytes) {}

  std::size_t byte_count() const {
    std::int64_t elements = 0;
    for (const Run& run : runs_) elements += run.count;
    return bytes(elements);
  }

  // Where they lie one after another already.
  std::optional<std::span<const std::byte>> in_place() const {
    if (runs_.size() != 1) return std::nullopt;
    return buffer_.subspan(bytes(runs_.front().first), byte_count());
  }

  // Puts there what follows on the part before.
  void next(std::span<std::byte> part) {
    while (!part.empty()) {
      while (run_.empty()) take_run();
      const std::size_t count = std::min(part.size(), run_.size());
      std::memcpy(part.data(), run_.data(), count);
      part = part.subspan(count);
      run_ = run_.subspan(count);
    }
  }

 private:
  std::size_t bytes(std::int64_t elements) const {
    return static_cast<std::size_t>(elements) * element_bytes_;
  }
  void take_run() {
    run_ = buffer_.subspan(bytes(runs_.front().first), bytes(runs_.front().count));
    runs_ = runs_.subspan(1);
  }

  std::span<const std::byte> buffer_;
  std::span<const Run> runs_;  // that follow
  std::size_t element_bytes_;
  std::span<const std::byte> run_;  // what is left of this one
};

}  // namespace

struct TraceWriter::File {
  std::string path;
  hdf5::Handle file;
  std::optional<BackgroundFile> elements;  // of the datasets: the same file
  hdf5::ElementTypes element_types;
  hdf5::GroupCache groups{file};
  std::unordered_set<std::string> paths;
  std::int64_t next_order = 0;
  std::vector<CollectiveRecord> collectives;
  std::vector<AccessRecord> accesses;
  std::vector<BlockRecord> blocks;

  std::uint64_t store(const hdf5::Handle& dataset, Gathering stored,
                      std::optional<std::uint64_t> hash);
};

// Gives their hash, which is made if it is not known.
std::uint64_t TraceWriter::File::store(const hdf5::Handle& dataset, Gathering stored,
                                       std::optional<std::uint64_t> hash) {
  const std::size_t size = stored.byte_count();
  if (size == 0) return tensor_hash({});
  const std::optional<std::uint64_t> offset = hdf5::offset_in_file(dataset);
  SHARDPROOF_EXPECTS(offset, path, "has no place for elements");
  if (const auto bytes = stored.in_place()) {
    elements->write(*offset, *bytes);
    return hash ? *hash : tensor_hash(*bytes);
  }
  TensorHasher hasher;
  elements->write(*offset, size, [&](std::span<std::byte> part) {
    for (; !part.empty(); part = part.subspan(std::min(part.size(), hash_block_bytes))) {
      const auto block = part.first(std::min(part.size(), hash_block_bytes));
      stored.next(block);
      hasher.add(block);  // while it is near
    }
  });
  return hasher.hash();
}

TraceWriter::TraceWriter(const std::string& folder, const TraceHeader& header)
    : file_(std::make_unique<File>()) {
  SHARDPROOF_EXPECTS(header.rank >= 0 && header.rank < header.world, header.rank, header.world);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw EnvironmentError(folder + ": cannot be created: " + error.message());
  file_->path = folder + "/" + trace_schema::rank_file(header.rank);
  file_->file = hdf5::create_file(file_->path + ".part");
  file_->elements.emplace(file_->path + ".part");
  trace_schema::write_header(file_->file, header);
}

TraceWriter::~TraceWriter() = default;
TraceWriter::TraceWriter(TraceWriter&&) noexcept = default;

void TraceWriter::write(DatasetInfo info, std::span<const std::byte> bytes) {
  const std::size_t size = size_bytes(info.dtype);
  SHARDPROOF_EXPECTS(bytes.size() % size == 0, info.path, bytes.size());
  const auto count = static_cast<std::int64_t>(bytes.size() / size);
  write(std::move(info), bytes, std::array{Run{0, count}});
}

void TraceWriter::write(DatasetInfo info, std::span<const std::byte> buffer,
                        std::span<const Run> runs, std::optional<std::uint64_t> hash) {
  SHARDPROOF_EXPECTS(file_ && file_->file.is_open(), info.path);
  Pulse::of_this_process().beat();
  expect_good_path(info.path);
  const Gathering stored(buffer, runs, size_bytes(info.dtype));
  expect_well_formed(info, stored.byte_count());
  SHARDPROOF_EXPECTS(file_->paths.insert(info.path).second, info.path, "is written twice");
  info.order = file_->next_order++;

  const std::size_t slash = info.path.rfind('/');
  const hdf5::Handle& group = file_->groups.enter(info.path.substr(0, slash));
  const hdf5::Handle& type = file_->element_types.of(info.dtype);
  const hdf5::Handle dataset = hdf5::create_dataset(group, info.path.substr(slash + 1), type,
                                                    trace_schema::stored_shape(info.regions));
  info.hash = file_->store(dataset, stored, hash);
  trace_schema::write_note(dataset, info);
}

void TraceWriter::log(const CollectiveRecord& record) { file_->collectives.push_back(record); }

void TraceWriter::log(const AccessRecord& record, std::span<const std::uint64_t> blocks) {
  const std::int64_t row = std::ssize(file_->accesses);
  file_->accesses.push_back(record);
  if (blocks.size() > 1)
    for (const std::uint64_t hash : blocks) file_->blocks.push_back({row, hash});
}

void TraceWriter::add_settings(const std::map<std::string, std::string>& settings) {
  trace_schema::write_settings(hdf5::open_group(file_->file, "settings"), settings);
}

// The elements first: what lists them must not be on the disk before they are.
void TraceWriter::flush() {
  file_->elements->finish();
  hdf5::flush(file_->file);
}

void TraceWriter::close() {
  SHARDPROOF_EXPECTS(file_ && file_->file.is_open());
  file_->groups.close();
  trace_schema::write_guarded(file_->file, "collectives",
                              trace_schema::to_table(file_->collectives));
  trace_schema::write_guarded(file_->file, "accesses", trace_schema::to_table(file_->accesses));
  trace_schema::write_guarded(file_->file, "blocks", trace_schema::to_table(file_->blocks));
  flush();
  file_->elements.reset();
  trace_schema::mark_complete(file_->file);
  hdf5::close_file(file_->file);
  std::error_code error;
  std::filesystem::rename(file_->path + ".part", file_->path, error);
  if (error) {
    throw EnvironmentError(file_->path + ".part: cannot be renamed: " + error.message());
  }
}

}  // namespace shardproof
