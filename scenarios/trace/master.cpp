// The master shows every tensor whole, for people with h5py, h5dump or HDFView. It holds no
// elements of its own but scalars (HDF5 has no virtual scalars): each element of a tensor is mapped
// to the lowest rank that stores it, and what no rank stores reads as NaN (int64: -1). Nothing that
// judges reads it.

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "scenarios/errors.hpp"
#include "scenarios/hdf5/dataset.hpp"
#include "scenarios/hdf5/file.hpp"
#include "scenarios/hdf5/group_cache.hpp"
#include "scenarios/hdf5/stored_table.hpp"
#include "scenarios/hdf5/types.hpp"
#include "scenarios/hdf5/virtual_dataset.hpp"
#include "scenarios/pulse.hpp"
#include "scenarios/trace/header.hpp"
#include "scenarios/trace/note.hpp"
#include "scenarios/trace/schema.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof {

namespace {

using hdf5::Mapping;

// A dataset's attribute "sources". mapped[i] == 0: piece i is a replica of what lower ranks show.
hdf5::Table to_table(const std::vector<StoredDataset>& pieces,
                     const std::vector<std::int32_t>& mapped) {
  const std::string longest_name = trace_schema::rank_file(pieces.back().rank);
  hdf5::Table table;
  table.add_column("file", hdf5::Kind::text, longest_name.size());
  table.add_column("hash", hdf5::Kind::uint64);
  table.add_column("mapped", hdf5::Kind::int32);
  table.resize(pieces.size());
  for (std::size_t row = 0; row < pieces.size(); ++row) {
    table.put_text(row, 0, trace_schema::rank_file(pieces[row].rank));
    table.put(row, 1, pieces[row].info.hash);
    table.put(row, 2, mapped[row]);
  }
  return table;
}

// A quiet NaN of each floating-point format; -1 is no token id.
std::vector<std::byte> fill_of(Dtype dtype) {
  std::vector<std::byte> fill(size_bytes(dtype), std::byte{0xff});
  if (dtype != Dtype::int64) fill.back() = std::byte{0x7f};  // the sign bit off: little-endian
  return fill;
}

// The parts of `box` that none of `covered` shows.
std::vector<Region> uncovered(const Region& box, const std::vector<Region>& covered) {
  std::vector<Region> parts{box};
  for (const Region& hole : covered) {
    std::vector<Region> rest;
    for (const Region& part : parts) std::ranges::move(minus(part, hole), std::back_inserter(rest));
    parts = std::move(rest);
  }
  return parts;
}

Shape minus(Shape index, const Shape& offset) {
  for (std::size_t d = 0; d < index.size(); ++d) index[d] -= offset[d];
  return index;
}

// Maps `part` of `region`, which is stored from element `base` of a list of regions: row by row,
// unless the part is the region, whose order of elements is the same on both sides.
void map_listed(const Region& part, const Region& region, std::int64_t base, Mapping mapping,
                std::vector<Mapping>& mappings) {
  const bool all = part == region;
  const auto row_length = all ? element_count(part) : part.extent.back();
  for (std::int64_t i = 0; i < element_count(part); i += row_length) {
    mapping.target = part;
    if (!all) {
      mapping.target = {unravel(i, part.extent), Shape(part.extent.size(), 1)};
      for (std::size_t d = 0; d < part.offset.size(); ++d)
        mapping.target.offset[d] += part.offset[d];
      mapping.target.extent.back() = row_length;
    }
    const auto start = ravel(minus(mapping.target.offset, region.offset), region.extent);
    mapping.source = {{base + start}, {row_length}};
    mappings.push_back(mapping);
  }
}

// Maps what `stored` adds to what is `covered`; true if it adds anything.
bool map_piece(const StoredDataset& stored, std::vector<Region>& covered,
               std::vector<Mapping>& mappings) {
  const std::vector<Region>& regions = stored.info.regions;
  const std::size_t before = mappings.size();
  std::int64_t base = 0;
  for (const Region& region : regions) {
    const auto count = element_count(region);
    if (count == 0) continue;
    Mapping mapping{.target = {},
                    .file = trace_schema::rank_file(stored.rank),
                    .path = stored.info.path,
                    .source_shape = trace_schema::stored_shape(regions),
                    .source = {}};
    const std::vector<Region> parts = uncovered(region, covered);
    for (const Region& part : parts) {
      if (regions.size() > 1) {
        map_listed(part, region, base, mapping, mappings);
      } else {
        mapping.target = part;
        mapping.source = {minus(part.offset, region.offset), part.extent};
        mappings.push_back(mapping);
      }
      covered.push_back(part);
    }
    base += count;
  }
  return mappings.size() > before;
}

class MasterWriter {
 public:
  MasterWriter(const TraceReader& reader, const std::string& path);
  void write(const std::vector<StoredDataset>& pieces);
  void close();

 private:
  hdf5::Handle write_elements(const hdf5::Handle& group, const std::vector<StoredDataset>& pieces,
                              std::vector<std::int32_t>& mapped);

  const TraceReader& reader_;
  hdf5::Handle file_;
  hdf5::GroupCache groups_{file_};
};

MasterWriter::MasterWriter(const TraceReader& reader, const std::string& path)
    : reader_(reader), file_(hdf5::create_file(path)) {
  trace_schema::write_run(file_, reader.header());
}

hdf5::Handle MasterWriter::write_elements(const hdf5::Handle& group,
                                          const std::vector<StoredDataset>& pieces,
                                          std::vector<std::int32_t>& mapped) {
  const DatasetInfo& info = pieces.front().info;
  const std::string name = info.path.substr(info.path.rfind('/') + 1);
  const hdf5::Handle type = hdf5::element_type(info.dtype);
  if (info.full_shape.empty()) {
    hdf5::Handle scalar = hdf5::create_dataset(group, name, type, {});
    const auto holder = std::ranges::find_if(pieces, [](const StoredDataset& piece) {
      return element_count(std::span<const Region>(piece.info.regions)) == 1;
    });
    hdf5::write_dataset(scalar, type,
                        holder == pieces.end() ? fill_of(info.dtype) : reader_.read(*holder));
    if (holder != pieces.end()) mapped[static_cast<std::size_t>(holder - pieces.begin())] = 1;
    return scalar;
  }
  std::vector<Region> covered;
  std::vector<Mapping> mappings;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    mapped[i] = map_piece(pieces[i], covered, mappings);
  }
  return hdf5::create_virtual_dataset(group, name, type, info.full_shape, mappings,
                                      fill_of(info.dtype));
}

void MasterWriter::write(const std::vector<StoredDataset>& pieces) {
  Pulse::of_this_process().beat();
  DatasetInfo info = pieces.front().info;
  std::vector<std::int32_t> mapped(pieces.size(), 0);
  for (const StoredDataset& piece : pieces) {
    if (piece.info.full_shape != info.full_shape || piece.info.dtype != info.dtype) {
      throw ScenarioError(info.path + ": ranks " + std::to_string(pieces.front().rank) + " and " +
                          std::to_string(piece.rank) + " disagree about its shape or dtype");
    }
  }
  const hdf5::Handle& group = groups_.enter(info.path.substr(0, info.path.rfind('/')));
  const hdf5::Handle dataset = write_elements(group, pieces, mapped);
  info.regions = {whole(info.full_shape)};
  info.hash = 0;  // of stored bytes: there are none; `sources` has those of the pieces
  trace_schema::write_note(dataset, info);
  hdf5::write_rows(dataset, "sources", to_table(pieces, mapped),
                   {static_cast<std::int64_t>(pieces.size())});
}

void MasterWriter::close() {
  groups_.close();
  trace_schema::mark_complete(file_);
  hdf5::close_file(file_);
}

// The datasets in the order in which they were written, as far as the ranks agree.
std::vector<const std::vector<StoredDataset>*> in_order(const TraceReader& reader) {
  std::vector<const std::vector<StoredDataset>*> all;
  for (const auto& [path, pieces] : reader.datasets()) all.push_back(&pieces);
  std::ranges::stable_sort(all, {}, [](const auto* pieces) {
    return std::pair(pieces->front().info.order, pieces->front().rank);
  });
  return all;
}

}  // namespace

void write_master(const std::string& folder) {
  const TraceReader reader(folder);
  const std::string path = folder + "/" + trace_schema::master_file;
  MasterWriter writer(reader, path + ".part");
  for (const auto* pieces : in_order(reader)) writer.write(*pieces);
  writer.close();
  std::error_code error;
  std::filesystem::rename(path + ".part", path, error);
  if (error) throw EnvironmentError(path + ".part: cannot be renamed: " + error.message());
}

}  // namespace shardproof
