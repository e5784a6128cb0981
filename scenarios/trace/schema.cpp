#include "scenarios/trace/schema.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>

#include "scenarios/errors.hpp"

namespace shardproof::trace_schema {

using hdf5::Kind;

std::string rank_file(int rank) {
  char name[32];
  std::snprintf(name, sizeof name, "rank-%05d.h5", rank);
  return name;
}

std::string role_of(const std::string& path) {
  const std::string name = name_in_folder(path);
  return name.substr(0, name.find('/'));
}

Shape stored_shape(std::span<const Region> regions) {
  if (regions.size() == 1) return regions.front().extent;
  return {element_count(regions)};
}

hdf5::Handle note_type() {
  const std::vector<hdf5::Member> members{
      {"role", Kind::text, offsetof(Note, role), 0},
      {"dtype", Kind::text, offsetof(Note, dtype), 0},
      {"full_shape", Kind::list, offsetof(Note, full_shape), 0},
      {"regions", Kind::list, offsetof(Note, regions), 0},
      {"region_count", Kind::int64, offsetof(Note, region_count), 0},
      {"placement", Kind::text, offsetof(Note, placement), 0},
      {"op", Kind::text, offsetof(Note, op), 0},
      {"version", Kind::int64, offsetof(Note, version), 0},
      {"order", Kind::int64, offsetof(Note, order), 0},
      {"xxh3", Kind::uint64, offsetof(Note, xxh3), 0},
      {"seal", Kind::uint64, offsetof(Note, seal), 0}};
  return hdf5::compound_type(sizeof(Note), members);
}

Note make_note(const DatasetInfo& info, NoteText& text) {
  text.role = role_of(info.path);
  text.regions.clear();
  for (const Region& region : info.regions) {
    text.regions.insert(text.regions.end(), region.offset.begin(), region.offset.end());
    text.regions.insert(text.regions.end(), region.extent.begin(), region.extent.end());
  }
  return {text.role.c_str(),
          name_of(info.dtype),
          {info.full_shape.size(), info.full_shape.data()},
          {text.regions.size(), text.regions.data()},
          static_cast<std::int64_t>(info.regions.size()),
          info.placement.c_str(),
          info.op.c_str(),
          info.version,
          info.order,
          info.hash,
          note_seal(info)};
}

// One line of text: "path|dtype|full shape|region|...|placement|op|version|order|hash", shapes and
// regions as numbers with a comma after each.
std::uint64_t note_seal(const DatasetInfo& info) {
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
  return hash_bytes(std::as_bytes(std::span(line)));
}

namespace {

std::string text_of(const char* text) { return text == nullptr ? "" : text; }

std::vector<Region> regions_from(const Note& note, std::size_t dims, const std::string& path) {
  const auto count = static_cast<std::size_t>(note.region_count);
  if (note.region_count < 0 || note.regions.length != count * 2 * dims) {
    throw ScenarioError(path + ": altered: its attribute lists " +
                        std::to_string(note.regions.length) + " numbers for " +
                        std::to_string(note.region_count) + " regions");
  }
  std::vector<Region> regions(count);
  const std::int64_t* next = note.regions.data;
  for (Region& region : regions) {
    region.offset.assign(next, next + dims);
    region.extent.assign(next + dims, next + 2 * dims);
    next += 2 * dims;
  }
  return regions;
}

}  // namespace

DatasetInfo info_from(const Note& note, const std::string& path) {
  const auto dtype = dtype_from_name(text_of(note.dtype));
  if (!dtype) throw ScenarioError(path + ": altered: unknown dtype " + text_of(note.dtype));
  DatasetInfo info;
  info.path = path;
  info.dtype = *dtype;
  const std::int64_t* shape = note.full_shape.data;
  info.full_shape.assign(shape, shape + note.full_shape.length);
  info.regions = regions_from(note, info.full_shape.size(), path);
  info.placement = text_of(note.placement);
  info.op = text_of(note.op);
  info.version = note.version;
  info.order = note.order;
  info.hash = note.xxh3;
  if (note_seal(info) != note.seal) {
    throw ScenarioError(path + ": altered: its attribute does not match its seal");
  }
  return info;
}

namespace {

void add_moment_columns(hdf5::Table& table) {
  table.add_column("stage", Kind::stage);
  table.add_column("step", Kind::int32);
  table.add_column("micro", Kind::int32);
}

void put_moment(hdf5::Table& table, std::size_t row, const Moment& moment) {
  table.put(row, 0, static_cast<std::int32_t>(moment.stage));
  table.put(row, 1, static_cast<std::int32_t>(moment.step));
  table.put(row, 2, static_cast<std::int32_t>(moment.micro));
}

struct MomentColumns {
  explicit MomentColumns(const hdf5::Table& table)
      : stage(table.column("stage")), step(table.column("step")), micro(table.column("micro")) {}
  Moment get(const hdf5::Table& table, std::size_t row) const {
    const auto value = table.get<std::int32_t>(row, stage);
    if (value < 0 || value > 2) throw ScenarioError("a table names an unknown stage");
    return {static_cast<Moment::Stage>(value), table.get<std::int32_t>(row, step),
            table.get<std::int32_t>(row, micro)};
  }
  std::size_t stage, step, micro;
};

template <class Record>
std::size_t longest(const std::vector<Record>& records, std::string Record::*field) {
  std::size_t length = 0;
  for (const Record& record : records) length = std::max(length, (record.*field).size());
  return length;
}

}  // namespace

hdf5::Table to_table(const std::vector<CollectiveRecord>& records) {
  using Record = CollectiveRecord;
  hdf5::Table table;
  add_moment_columns(table);
  table.add_column("sequence", Kind::int64);
  table.add_column("kind", Kind::fixed_text, longest(records, &Record::kind));
  table.add_column("group", Kind::fixed_text, longest(records, &Record::group));
  table.add_column("dtype", Kind::fixed_text, longest(records, &Record::dtype));
  table.add_column("elements", Kind::int64);
  table.add_column("bytes", Kind::int64);
  table.add_column("stream", Kind::int64);
  table.add_column("origin", Kind::fixed_text, longest(records, &Record::origin));
  table.resize(records.size());
  for (std::size_t row = 0; row < records.size(); ++row) {
    const Record& record = records[row];
    put_moment(table, row, record.moment);
    table.put(row, 3, record.sequence);
    table.put_text(row, 4, record.kind);
    table.put_text(row, 5, record.group);
    table.put_text(row, 6, record.dtype);
    table.put(row, 7, record.elements);
    table.put(row, 8, record.bytes);
    table.put(row, 9, record.stream);
    table.put_text(row, 10, record.origin);
  }
  return table;
}

std::vector<CollectiveRecord> collectives_from(const hdf5::Table& table) {
  const MomentColumns moment(table);
  const auto sequence = table.column("sequence"), kind = table.column("kind"),
             group = table.column("group"), dtype = table.column("dtype"),
             elements = table.column("elements"), bytes = table.column("bytes"),
             stream = table.column("stream"), origin = table.column("origin");
  std::vector<CollectiveRecord> records(table.row_count);
  for (std::size_t row = 0; row < records.size(); ++row) {
    records[row] = {.moment = moment.get(table, row),
                    .sequence = table.get<std::int64_t>(row, sequence),
                    .kind = table.get_text(row, kind),
                    .group = table.get_text(row, group),
                    .dtype = table.get_text(row, dtype),
                    .elements = table.get<std::int64_t>(row, elements),
                    .bytes = table.get<std::int64_t>(row, bytes),
                    .stream = table.get<std::int64_t>(row, stream),
                    .origin = table.get_text(row, origin)};
  }
  return records;
}

hdf5::Table to_table(const std::vector<AccessRecord>& records) {
  hdf5::Table table;
  add_moment_columns(table);
  table.add_column("sequence", Kind::int64);
  table.add_column("segment", Kind::int32);
  table.add_column("op", Kind::int32);
  table.add_column("value", Kind::int32);
  table.add_column("write", Kind::int32);
  table.add_column("version", Kind::int64);
  table.add_column("xxh3", Kind::uint64);
  table.resize(records.size());
  for (std::size_t row = 0; row < records.size(); ++row) {
    const AccessRecord& record = records[row];
    put_moment(table, row, record.moment);
    table.put(row, 3, record.sequence);
    table.put(row, 4, record.segment);
    table.put(row, 5, record.op);
    table.put(row, 6, record.value);
    table.put(row, 7, record.write);
    table.put(row, 8, record.version);
    table.put(row, 9, record.hash);
  }
  return table;
}

std::vector<AccessRecord> accesses_from(const hdf5::Table& table) {
  const MomentColumns moment(table);
  const auto sequence = table.column("sequence"), segment = table.column("segment"),
             op = table.column("op"), value = table.column("value"), write = table.column("write"),
             version = table.column("version"), hash = table.column("xxh3");
  std::vector<AccessRecord> records(table.row_count);
  for (std::size_t row = 0; row < records.size(); ++row) {
    records[row] = {.moment = moment.get(table, row),
                    .sequence = table.get<std::int64_t>(row, sequence),
                    .segment = table.get<std::int32_t>(row, segment),
                    .op = table.get<std::int32_t>(row, op),
                    .value = table.get<std::int32_t>(row, value),
                    .write = table.get<std::int32_t>(row, write),
                    .version = table.get<std::int64_t>(row, version),
                    .hash = table.get<std::uint64_t>(row, hash)};
  }
  return records;
}

}  // namespace shardproof::trace_schema
