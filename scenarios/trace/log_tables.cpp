// Each kind of record lists its columns once, in each_column: name and member. What a column holds
// follows from the member's type; laying a table out, filling it and reading it are three ways of
// walking that list.

#include "scenarios/trace/log_tables.hpp"

#include <algorithm>
#include <concepts>
#include <type_traits>

#include "scenarios/errors.hpp"

namespace shardproof::trace_schema {

using hdf5::Kind;

namespace {

// A record of this kind, to be written or to be read.
template <class T, class Record>
concept Is = std::same_as<std::remove_const_t<T>, Record>;

void each_column(Is<Moment> auto& moment, auto&& column) {
  column("stage", moment.stage);
  column("step", moment.step);
  column("micro", moment.micro);
}

void each_column(Is<CollectiveRecord> auto& record, auto&& column) {
  each_column(record.moment, column);
  column("sequence", record.sequence);
  column("kind", record.kind);
  column("group", record.group);
  column("dtype", record.dtype);
  column("elements", record.elements);
  column("bytes", record.bytes);
  column("stream", record.stream);
  column("origin", record.origin);
}

void each_column(Is<AccessRecord> auto& record, auto&& column) {
  each_column(record.moment, column);
  column("sequence", record.sequence);
  column("segment", record.segment);
  column("op", record.op);
  column("value", record.value);
  column("write", record.write);
  column("version", record.version);
  column("hash", record.hash);
}

void each_column(Is<BlockRecord> auto& record, auto&& column) {
  column("access", record.access);
  column("hash", record.hash);
}

constexpr Kind kind_of(Moment::Stage) { return Kind::stage; }
constexpr Kind kind_of(std::int32_t) { return Kind::int32; }
constexpr Kind kind_of(std::int64_t) { return Kind::int64; }
constexpr Kind kind_of(std::uint64_t) { return Kind::uint64; }
Kind kind_of(const std::string&) { return Kind::text; }

std::size_t length_of(const std::string& text) { return text.size(); }
std::size_t length_of(const auto&) { return 1; }

void put(hdf5::Table& table, std::size_t row, std::size_t column, const std::string& text) {
  table.put_text(row, column, text);
}
void put(hdf5::Table& table, std::size_t row, std::size_t column, const auto& number) {
  table.put(row, column, number);
}

void get(const hdf5::Table& table, std::size_t row, std::size_t column, std::string& text) {
  text = table.get_text(row, column);
}
void get(const hdf5::Table& table, std::size_t row, std::size_t column, Moment::Stage& stage) {
  const auto value = table.get<std::int32_t>(row, column);
  if (value < 0 || value > 2) throw ScenarioError("a table names an unknown stage");
  stage = static_cast<Moment::Stage>(value);
}
template <std::integral Number>
void get(const hdf5::Table& table, std::size_t row, std::size_t column, Number& number) {
  number = table.get<Number>(row, column);
}

// How wide each column must be.
template <class Record>
std::vector<std::size_t> lengths_of(const std::vector<Record>& records) {
  std::vector<std::size_t> lengths;
  const Record any;
  each_column(any, [&](const char*, const auto&) { lengths.push_back(1); });
  for (const Record& record : records) {
    auto length = lengths.begin();
    each_column(record, [&](const char*, const auto& field) {
      *length = std::max(*length, length_of(field));
      ++length;
    });
  }
  return lengths;
}

// A table without rows.
template <class Record>
hdf5::Table laid_out_for(const std::vector<Record>& records) {
  hdf5::Table table;
  const Record any;
  each_column(any, [&, length = lengths_of(records)](const char* name, const auto& field) {
    table.add_column(name, kind_of(field), length[table.columns.size()]);
  });
  return table;
}

template <class Record>
hdf5::Table table_of(const std::vector<Record>& records) {
  hdf5::Table table = laid_out_for(records);
  table.resize(records.size());
  for (std::size_t row = 0; row < records.size(); ++row) {
    std::size_t i = 0;
    each_column(records[row], [&](const char*, const auto& field) { put(table, row, i++, field); });
  }
  return table;
}

template <class Record>
std::vector<Record> records_from(const hdf5::Table& table) {
  std::vector<std::size_t> columns;
  Record any;
  each_column(any, [&](const char* name, const auto& field) {
    columns.push_back(table.column(name, kind_of(field)));
  });
  std::vector<Record> records(table.row_count);
  for (std::size_t row = 0; row < records.size(); ++row) {
    std::size_t i = 0;
    each_column(records[row],
                [&](const char*, auto& field) { get(table, row, columns[i++], field); });
  }
  return records;
}

}  // namespace

hdf5::Table to_table(const std::vector<CollectiveRecord>& records) { return table_of(records); }

hdf5::Table to_table(const std::vector<AccessRecord>& records) { return table_of(records); }

hdf5::Table to_table(const std::vector<BlockRecord>& records) { return table_of(records); }

std::vector<CollectiveRecord> collectives_from(const hdf5::Table& table) {
  return records_from<CollectiveRecord>(table);
}

std::vector<AccessRecord> accesses_from(const hdf5::Table& table) {
  return records_from<AccessRecord>(table);
}

std::vector<BlockRecord> blocks_from(const hdf5::Table& table) {
  return records_from<BlockRecord>(table);
}

}  // namespace shardproof::trace_schema
