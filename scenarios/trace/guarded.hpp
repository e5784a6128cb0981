#pragma once

#include <string>

#include "scenarios/hdf5/handle.hpp"
#include "scenarios/hdf5/table.hpp"

/// Texts and tables as datasets, each with the XXH3-64 of its bytes beside it: HDF5 guards neither.
namespace shardproof::trace_schema {

void write_guarded(const hdf5::Handle& file, const std::string& name, const std::string& text);
void write_guarded(const hdf5::Handle& file, const std::string& name, const hdf5::Table& table);
/// These throw ScenarioError "FILE: /NAME: altered: ..." if the hash is another.
std::string read_guarded_text(const hdf5::Handle& file, const std::string& path,
                              const std::string& name);
hdf5::Table read_guarded_table(const hdf5::Handle& file, const std::string& path,
                               const std::string& name);

}  // namespace shardproof::trace_schema
