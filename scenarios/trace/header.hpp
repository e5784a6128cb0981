#pragma once

#include <map>
#include <string>

#include "scenarios/hdf5/handle.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::trace_schema {

/// What a rank file and the master both say of their run, as attributes of the root: the schema,
/// and the fields of the header but for its rank, its texts and its settings.
void write_run(const hdf5::Handle& file, const TraceHeader& header);
/// The whole header of a rank file, and `complete`, which is 0.
void write_header(const hdf5::Handle& file, const TraceHeader& header);
/// One attribute each, in the group of that name. A name is written once.
void write_settings(const hdf5::Handle& group, const std::map<std::string, std::string>& settings);
void mark_complete(const hdf5::Handle& file);

/// Throws ScenarioError, with `path`, if the file is not a complete trace of this version.
TraceHeader read_header(const hdf5::Handle& file, const std::string& path);

}  // namespace shardproof::trace_schema
