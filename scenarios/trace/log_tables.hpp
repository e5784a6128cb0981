#pragma once

#include <vector>

#include "scenarios/hdf5/table.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::trace_schema {

hdf5::Table to_table(const std::vector<CollectiveRecord>& records);
hdf5::Table to_table(const std::vector<AccessRecord>& records);
hdf5::Table to_table(const std::vector<BlockRecord>& records);
/// These find the columns by name; a table may have more.
std::vector<CollectiveRecord> collectives_from(const hdf5::Table& table);
std::vector<AccessRecord> accesses_from(const hdf5::Table& table);
std::vector<BlockRecord> blocks_from(const hdf5::Table& table);

}  // namespace shardproof::trace_schema
