#include "scenarios/trace/schema.hpp"

#include <algorithm>
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
      : stage(table.column("stage", Kind::stage)),
        step(table.column("step", Kind::int32)),
        micro(table.column("micro", Kind::int32)) {}
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
  table.add_column("kind", Kind::text, longest(records, &Record::kind));
  table.add_column("group", Kind::text, longest(records, &Record::group));
  table.add_column("dtype", Kind::text, longest(records, &Record::dtype));
  table.add_column("elements", Kind::int64);
  table.add_column("bytes", Kind::int64);
  table.add_column("stream", Kind::int64);
  table.add_column("origin", Kind::text, longest(records, &Record::origin));
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
  const auto sequence = table.column("sequence", Kind::int64),
             kind = table.column("kind", Kind::text), group = table.column("group", Kind::text),
             dtype = table.column("dtype", Kind::text),
             elements = table.column("elements", Kind::int64),
             bytes = table.column("bytes", Kind::int64),
             stream = table.column("stream", Kind::int64),
             origin = table.column("origin", Kind::text);
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
  const auto sequence = table.column("sequence", Kind::int64),
             segment = table.column("segment", Kind::int32), op = table.column("op", Kind::int32),
             value = table.column("value", Kind::int32), write = table.column("write", Kind::int32),
             version = table.column("version", Kind::int64),
             hash = table.column("xxh3", Kind::uint64);
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
