#pragma once

#include <string>

#include "scenarios/hdf5/handle.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::trace_schema {

/// Writes a dataset's attribute "shardproof". Regions that are too many for one object header
/// message go on in "shardproof.1", "shardproof.2", ...: larger attributes have no checksum.
void write_note(const hdf5::Handle& dataset, const DatasetInfo& info);
/// Reads that of the dataset which is `path` in the file. Throws ScenarioError if the note
/// contradicts itself or its seal.
DatasetInfo read_note(const hdf5::Handle& dataset, const std::string& path);

}  // namespace shardproof::trace_schema
