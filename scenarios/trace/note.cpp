// A dataset's note is a compound of members of fixed size: texts and lists as wide as they need to
// be. So HDF5 keeps all of it in the object header, under its checksum, and reads no length from a
// place where it may be damaged. The seal guards it against what a checksum lets pass.

#include "scenarios/trace/note.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "scenarios/errors.hpp"
#include "scenarios/hdf5/stored_table.hpp"
#include "scenarios/trace/schema.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::trace_schema {

using hdf5::Kind;

namespace {

constexpr std::size_t numbers_per_part = 4096;  // 32 KB: a message may have 64

// One line of text: "path|dtype|full shape|region|...|placement|op|version|order|hash", shapes and
// regions as numbers with a comma after each.
std::uint64_t seal_of(const DatasetInfo& info) {
  std::string line = info.path + '|' + name_of(info.dtype) + '|';
  const auto add = [&line](const Shape& numbers) {
    for (const auto number : numbers) line += std::to_string(number) + ',';
  };
  add(info.full_shape);
  for (const Region& region : info.regions) {
    line += '|';
    add(region.offset);
    add(region.extent);
  }
  line += '|' + info.placement + '|' + info.op + '|' + std::to_string(info.version) + '|' +
          std::to_string(info.order) + '|' + std::to_string(info.hash);
  return xxh3(std::as_bytes(std::span(line)));
}

// Appends a column with its value to a table of one row.
std::size_t append_column(hdf5::Table& row, const char* name, Kind kind, std::size_t length = 1) {
  row.add_column(name, kind, length);
  row.resize(1);
  return row.columns.size() - 1;
}

void append(hdf5::Table& row, const char* name, const std::string& text) {
  row.put_text(0, append_column(row, name, Kind::text, text.size()), text);
}

void append(hdf5::Table& row, const char* name, std::span<const std::int64_t> numbers) {
  row.put_list(0, append_column(row, name, Kind::list, numbers.size()), numbers);
}

void append(hdf5::Table& row, const char* name, std::int64_t number) {
  row.put(0, append_column(row, name, Kind::int64), number);
}

void append(hdf5::Table& row, const char* name, std::uint64_t number) {
  row.put(0, append_column(row, name, Kind::uint64), number);
}

// Of each region its offset, then its extent.
std::vector<std::int64_t> numbers_of(const std::vector<Region>& regions) {
  std::vector<std::int64_t> numbers;
  for (const Region& region : regions) {
    numbers.insert(numbers.end(), region.offset.begin(), region.offset.end());
    numbers.insert(numbers.end(), region.extent.begin(), region.extent.end());
  }
  return numbers;
}

// The inverse of numbers_of.
std::vector<Region> regions_from(const std::vector<std::int64_t>& numbers, std::size_t count,
                                 std::size_t dims) {
  std::vector<Region> regions(count);
  auto next = numbers.begin();
  for (Region& region : regions) {
    for (Shape* half : {&region.offset, &region.extent}) {
      half->assign(next, next + static_cast<std::ptrdiff_t>(dims));
      next += static_cast<std::ptrdiff_t>(dims);
    }
  }
  return regions;
}

std::vector<std::int64_t> get_list(const hdf5::Table& note, const char* name) {
  return note.get_list(0, note.column(name, Kind::list));
}

// Cuts a list to its `count` numbers: one without numbers is stored as one 0.
std::vector<std::int64_t> cut(std::vector<std::int64_t> numbers, std::int64_t count,
                              const std::string& path) {
  if (static_cast<std::int64_t>(numbers.size()) != std::max<std::int64_t>(count, 1)) {
    throw ScenarioError(path + ": altered: its attribute lists " + std::to_string(numbers.size()) +
                        " numbers instead of " + std::to_string(count));
  }
  numbers.resize(static_cast<std::size_t>(count));
  return numbers;
}

hdf5::Table to_table(const DatasetInfo& info, std::span<const std::int64_t> regions,
                     std::int64_t parts) {
  hdf5::Table note;
  append(note, "role", role_of(info.path));
  append(note, "dtype", std::string(name_of(info.dtype)));
  append(note, "dimensions", static_cast<std::int64_t>(info.full_shape.size()));
  append(note, "full_shape", info.full_shape);
  append(note, "region_count", static_cast<std::int64_t>(info.regions.size()));
  append(note, "parts", parts);
  append(note, "regions", regions);
  append(note, "placement", info.placement);
  append(note, "op", info.op);
  append(note, "version", info.version);
  append(note, "order", info.order);
  append(note, "hash", info.hash);
  append(note, "seal", seal_of(info));
  return note;
}

// `regions` are the numbers of all parts.
DatasetInfo info_from(const hdf5::Table& note, std::vector<std::int64_t> regions,
                      const std::string& path) {
  const auto text = [&note](const char* name) {
    return note.get_text(0, note.column(name, Kind::text));
  };
  const auto number = [&note](const char* name) {
    return note.get<std::int64_t>(0, note.column(name, Kind::int64));
  };
  const auto hash = [&note](const char* name) {
    return note.get<std::uint64_t>(0, note.column(name, Kind::uint64));
  };
  const auto dtype = dtype_from_name(text("dtype"));
  if (!dtype) throw ScenarioError(path + ": altered: unknown dtype " + text("dtype"));
  const std::int64_t dims = number("dimensions"), count = number("region_count");
  // Neither count can be larger than what is stored, so that no product of them overflows.
  const auto most = static_cast<std::int64_t>(note.bytes.size() + regions.size());
  if (dims < 0 || dims > most || count < 0 || count > most) {
    throw ScenarioError(path + ": altered: its attribute tells of " + std::to_string(count) +
                        " regions in " + std::to_string(dims) + " dimensions");
  }
  DatasetInfo info;
  info.path = path;
  info.dtype = *dtype;
  info.full_shape = cut(get_list(note, "full_shape"), dims, path);
  info.regions = regions_from(cut(std::move(regions), 2 * dims * count, path),
                              static_cast<std::size_t>(count), info.full_shape.size());
  info.placement = text("placement");
  info.op = text("op");
  info.version = number("version");
  info.order = number("order");
  info.hash = hash("hash");
  if (seal_of(info) != hash("seal")) {
    throw ScenarioError(path + ": altered: its attribute does not match its seal");
  }
  return info;
}

std::string attribute_of_part(std::int64_t part) {
  return part == 0 ? "shardproof" : "shardproof." + std::to_string(part);
}

void write_part(const hdf5::Handle& dataset, std::int64_t part, const hdf5::Table& row) {
  SHARDPROOF_EXPECTS(row.bytes.size() <= 60'000, row.bytes.size());
  hdf5::write_rows(dataset, attribute_of_part(part), row, {});
}

hdf5::Table read_part(const hdf5::Handle& dataset, const std::string& path, std::int64_t part) {
  hdf5::Table row = hdf5::read_rows(dataset, attribute_of_part(part));
  if (row.row_count != 1) throw ScenarioError(path + ": altered: its attribute is not one row");
  return row;
}

}  // namespace

void write_note(const hdf5::Handle& dataset, const DatasetInfo& info) {
  const std::vector<std::int64_t> numbers = numbers_of(info.regions);
  std::span<const std::int64_t> rest(numbers);
  const auto take = [&rest] {
    const auto taken = rest.first(std::min(rest.size(), numbers_per_part));
    rest = rest.subspan(taken.size());
    return taken;
  };
  const auto parts = static_cast<std::int64_t>(
      std::max<std::size_t>((numbers.size() + numbers_per_part - 1) / numbers_per_part, 1));
  write_part(dataset, 0, to_table(info, take(), parts));
  for (std::int64_t part = 1; part < parts; ++part) {
    hdf5::Table more;
    append(more, "regions", take());
    write_part(dataset, part, more);
  }
}

DatasetInfo read_note(const hdf5::Handle& dataset, const std::string& path) {
  const hdf5::Table note = read_part(dataset, path, 0);
  std::vector<std::int64_t> regions = get_list(note, "regions");
  const auto parts = note.get<std::int64_t>(0, note.column("parts", Kind::int64));
  for (std::int64_t part = 1; part < parts; ++part) {
    const auto more = get_list(read_part(dataset, path, part), "regions");
    regions.insert(regions.end(), more.begin(), more.end());
  }
  return info_from(note, std::move(regions), path);
}

}  // namespace shardproof::trace_schema
