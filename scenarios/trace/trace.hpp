#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scenarios/data/region_runs.hpp"
#include "scenarios/dtype.hpp"
#include "scenarios/shape.hpp"
#include "scenarios/types.hpp"

namespace shardproof {

/// When in a run something happens. `micro` is -1 outside micro-steps.
struct Moment {
  enum class Stage { initial, step, final };
  Stage stage = Stage::initial;
  int step = -1;
  int micro = -1;
  friend auto operator<=>(const Moment&, const Moment&) = default;
};

/// "/initial", "/step/000012", "/step/000012/micro/0" or "/final": the folder of a moment's
/// tensors.
std::string folder_of(const Moment& moment);
/// "step 12, micro-step 0", "step 12" or "outside the steps".
std::string in_words(const Moment& moment);
/// The moment of a dataset path; throws ScenarioError if the path has no such folder.
Moment moment_of(const std::string& path);
/// The path without its folder: "forward/model.norm/output".
std::string name_in_folder(const std::string& path);

/// One recorded tensor, or the part of it that one rank holds.
struct DatasetInfo {
  std::string path;  // "/step/000000/micro/1/forward/model.norm/output"
  Dtype dtype = Dtype::fp64;
  Shape full_shape;             // of the whole tensor; a partial has a leading axis over its ranks
  std::vector<Region> regions;  // what is stored here, one after another
  std::string placement;        // "tp=shard(0) dp=replicate"
  std::string op;               // the op that wrote it
  std::int64_t version = 0;     // of the value, counted over the run
  std::int64_t order = 0;       // position in this rank's order of writing
  std::uint64_t hash = 0;       // of the stored bytes: tensor_hash.hpp
};

/// One collective as its caller issued it.
struct CollectiveRecord {
  Moment moment;
  std::int64_t sequence = 0;  // of this rank
  std::string kind;           // all_reduce, all_gather
  std::string group;          // "tp" or "dp"
  std::string dtype;          // on the wire
  std::int64_t elements = 0;  // of this rank's input
  std::int64_t bytes = 0;     // elements * size of dtype
  std::int64_t stream = 0;
  std::string origin;  // op name
};

/// One reading or writing of a value by an executed op: what the check `edges` needs.
struct AccessRecord {
  Moment moment;
  std::int64_t sequence = 0;  // of the executed op on this rank
  std::int32_t segment = 0;   // index in the program
  std::int32_t op = 0;        // index in the segment
  std::int32_t value = 0;     // id in the program
  std::int32_t write = 0;     // 0: read, 1: write
  std::int64_t version = 0;   // of the value: how often it had been written
  std::uint64_t hash = 0;     // of the bytes read or written: tensor_hash.hpp
};

/// The hash of one block of what an op wrote, where that has several (tensor_hash.hpp): of one
/// alone it says no more than that of the whole. Those of one writing follow each other in the
/// order of its blocks.
struct BlockRecord {
  std::int64_t access = 0;  // which writing: its row in the log of accesses
  std::uint64_t hash = 0;
};

/// What a trace file says about itself. Everything else about the run is in `settings`.
struct TraceHeader {
  std::string execution;  // reference | sim | real
  int rank = 0;
  int world = 1, tp = 1, dp = 1;
  std::string scenario_hash, model_hash, program_hash;
  std::string scenario_json;                    // the effective scenario
  std::string program_json;                     // empty for the reference
  std::map<std::string, std::string> settings;  // versions, CPU, fingerprint, MPI settings, seeds
};

/// Writes one rank's trace file. The file is `FOLDER/rank-00003.h5.part` until close() renames it;
/// a killed run leaves that file, readable up to its last flush. Throws EnvironmentError. Elements
/// are written by a thread (files/background_file.hpp): that a disk is full may be told one call
/// later.
class TraceWriter {
 public:
  TraceWriter(const std::string& folder, const TraceHeader& header);
  ~TraceWriter();
  TraceWriter(TraceWriter&&) noexcept;

  /// Stores bytes = element_count(info.regions) elements, unchanged. `order` and `hash` are filled
  /// in. A path is written once; a second time is an InvariantError.
  void write(DatasetInfo info, std::span<const std::byte> bytes);
  /// The same of elements that lie in these runs of a buffer, one after another. `hash` is their
  /// hash, if the caller knows it.
  void write(DatasetInfo info, std::span<const std::byte> buffer, std::span<const Run> runs,
             std::optional<std::uint64_t> hash = std::nullopt);
  void log(const CollectiveRecord& record);
  /// `blocks`: of a writing, the hashes of its blocks, if there are several.
  void log(const AccessRecord& record, std::span<const std::uint64_t> blocks = {});
  /// Adds to the header's settings what is known only after the run. A name is written once.
  void add_settings(const std::map<std::string, std::string>& settings);
  /// Makes everything so far readable after a crash. Called at the end of each step.
  void flush();
  /// Writes the logs and `complete`, closes and renames. Without it the file stays incomplete.
  void close();

 private:
  struct File;
  std::unique_ptr<File> file_;
};

/// Writes FOLDER/trace.h5: virtual datasets that show every tensor of the rank files whole.
/// Call when every rank has closed its file.
void write_master(const std::string& folder);

/// One dataset of one rank, as listed by the reader.
struct StoredDataset {
  int rank = 0;
  DatasetInfo info;
  std::size_t place = 0;  // where the reader that listed it keeps what it knows of its bytes
};

/// Whether two datasets hold the same elements in the same bits, by what they say of themselves:
/// that is worth as much as their hashes, which TraceReader::check() holds against the bytes.
bool have_same_bytes(const StoredDataset& a, const StoredDataset& b);

/// The header of rank 0, and no word of what else the folder holds or lacks. Throws as TraceReader.
TraceHeader header_of_trace(const std::string& folder);

/// Reads the rank files of one execution's folder. Refuses a trace of another version, an
/// incomplete or missing shard, with the file named (ScenarioError).
class TraceReader {
 public:
  explicit TraceReader(const std::string& folder);
  ~TraceReader();
  TraceReader(TraceReader&&) noexcept;

  const std::string& folder() const;
  int world() const;
  const TraceHeader& header(int rank = 0) const;
  /// All datasets by path; each path lists the ranks that hold (a part of) it.
  const std::map<std::string, std::vector<StoredDataset>>& datasets() const;

  // These may be called from several threads at once, and none waits for another. The dataset must
  // be one of this reader's.

  /// The stored bytes, checked against the hash (ScenarioError "altered" with file and path).
  std::vector<std::byte> read(const StoredDataset& dataset) const;
  /// Of the stored elements those in [begin, end), counted as they lie: regions one after another,
  /// each row-major. No others are read, so nothing compares them with the hash: check() does, once
  /// for all ranges. A range that goes beyond the stored elements is an InvariantError.
  std::vector<std::byte> read_range(const StoredDataset& dataset, std::int64_t begin,
                                    std::int64_t end) const;
  /// The same into `out`, from byte `begin` of the stored ones on: whole elements.
  void read_bytes(const StoredDataset& dataset, std::int64_t begin, std::span<std::byte> out) const;
  /// For who has hashed the stored bytes by parts: refuses what read() would.
  void confirm(const StoredDataset& dataset, std::uint64_t hash) const;
  /// Whether the bytes have been found to match their hash.
  bool is_confirmed(const StoredDataset& dataset) const;
  /// Refuses what read() would, but holds 1 MiB of a tensor at a time, however large it is. What
  /// has been found good once is not read again.
  void check(const StoredDataset& dataset) const;

  const std::vector<CollectiveRecord>& collectives(int rank) const;
  const std::vector<AccessRecord>& accesses(int rank) const;
  /// None of a trace that was written without them.
  const std::vector<BlockRecord>& blocks(int rank) const;

 private:
  struct Files;
  std::unique_ptr<Files> files_;
};

}  // namespace shardproof
