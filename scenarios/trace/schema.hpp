#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "scenarios/trace/hdf5_file.hpp"
#include "scenarios/trace/trace.hpp"

/// The names and layouts that writer, reader and master agree on: docs/trace_format.md in code.
namespace shardproof::trace_schema {

inline constexpr const char* version = "shardproof-trace-1";
inline constexpr const char* note_attribute = "shardproof";
inline constexpr const char* note_type_path = "tensor_note";
inline constexpr const char* master_file = "trace.h5";

/// "rank-00003.h5".
std::string rank_file(int rank);
/// "forward" of "/step/000000/micro/1/forward/model.norm/output": what the tensor is in the
/// training.
std::string role_of(const std::string& path);
/// The shape of the dataset that holds these regions: of one, its extent; of several (or none), a
/// list.
Shape stored_shape(std::span<const Region> regions);

/// The attribute of one dataset, as it lies in memory.
struct Note {
  const char* role;
  const char* dtype;
  hdf5::List full_shape;
  hdf5::List regions;  // of each region its offset, then its extent
  std::int64_t region_count;
  const char* placement;
  const char* op;
  std::int64_t version;
  std::int64_t order;
  std::uint64_t xxh3;
  std::uint64_t seal;  // XXH3-64 of the path and of all the fields above, as note_seal spells them
};
hdf5::Handle note_type();

/// Owns what a Note points to.
struct NoteText {
  std::string role;
  std::vector<std::int64_t> regions;
};
Note make_note(const DatasetInfo& info, NoteText& text);
std::uint64_t note_seal(const DatasetInfo& info);
/// The inverse of make_note. Throws ScenarioError if the note contradicts itself or its seal.
DatasetInfo info_from(const Note& note, const std::string& path);

hdf5::Table to_table(const std::vector<CollectiveRecord>& records);
hdf5::Table to_table(const std::vector<AccessRecord>& records);
std::vector<CollectiveRecord> collectives_from(const hdf5::Table& table);
std::vector<AccessRecord> accesses_from(const hdf5::Table& table);

}  // namespace shardproof::trace_schema
