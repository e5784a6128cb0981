#pragma once

#include <string>

#include "scenarios/hdf5/handle.hpp"
#include "scenarios/hdf5/table.hpp"
#include "scenarios/shape.hpp"

namespace shardproof::hdf5 {

/// A table as a dataset.
Handle write_table(const Handle& parent, const std::string& name, const Table& table);
Table read_table(const Handle& dataset);
/// A table as an attribute. `shape` is that of its rows: {} of a single one.
void write_rows(const Handle& object, const std::string& name, const Table& table,
                const Shape& shape);
Table read_rows(const Handle& object, const std::string& name);

}  // namespace shardproof::hdf5
