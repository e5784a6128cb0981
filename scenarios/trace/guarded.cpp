#include "scenarios/trace/guarded.hpp"

#include <span>

#include "scenarios/errors.hpp"
#include "scenarios/hdf5/attribute.hpp"
#include "scenarios/hdf5/dataset.hpp"
#include "scenarios/hdf5/stored_table.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::trace_schema {

namespace {

std::uint64_t guard_of(const std::string& text) { return xxh3(std::as_bytes(std::span(text))); }

std::uint64_t guard_of(const hdf5::Table& table) { return xxh3(table.bytes); }

template <class Content>
Content checked(const hdf5::Handle& dataset, const std::string& path, const std::string& name,
                Content content) {
  if (guard_of(content) != hdf5::read_number(dataset, "xxh3"))
    throw ScenarioError(path + ": /" + name + ": altered: its bytes do not match their hash");
  return content;
}

}  // namespace

void write_guarded(const hdf5::Handle& file, const std::string& name, const std::string& text) {
  hdf5::write_number(hdf5::write_long_text(file, name, text), "xxh3", guard_of(text));
}

void write_guarded(const hdf5::Handle& file, const std::string& name, const hdf5::Table& table) {
  hdf5::write_number(hdf5::write_table(file, name, table), "xxh3", guard_of(table));
}

std::string read_guarded_text(const hdf5::Handle& file, const std::string& path,
                              const std::string& name) {
  const hdf5::Handle dataset = hdf5::open_dataset(file, name);
  return checked(dataset, path, name, hdf5::read_long_text(dataset));
}

hdf5::Table read_guarded_table(const hdf5::Handle& file, const std::string& path,
                               const std::string& name) {
  const hdf5::Handle dataset = hdf5::open_dataset(file, name);
  return checked(dataset, path, name, hdf5::read_table(dataset));
}

}  // namespace shardproof::trace_schema
