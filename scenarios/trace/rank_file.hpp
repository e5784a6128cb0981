#pragma once

#include <string>

#include "scenarios/errors.hpp"
#include "scenarios/hdf5/handle.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::trace_schema {

/// A rank's file, open to be read.
struct RankFile {
  std::string path;
  hdf5::Handle file;
  TraceHeader header;
};

/// What HDF5 refuses in a file that a user names is bad input: "FILE: not a readable trace: ...".
template <class Body>
auto reading(const std::string& path, Body body) {
  try {
    return body();
  } catch (const EnvironmentError& error) {
    const std::string message = error.what();
    const std::string prefix = path + ": ";
    throw ScenarioError(prefix + "not a readable trace: " +
                        (message.starts_with(prefix) ? message.substr(prefix.size()) : message));
  }
}

/// Opens the file of `rank` in a folder. Throws ScenarioError if it is missing, unfinished, of
/// another version or another rank; or of another run than `first`, the file of rank 0, unless that
/// is null.
RankFile open_rank_file(const std::string& folder, int rank, const RankFile* first);
/// Refuses a folder with a file of rank `world`: it has one rank too many.
void expect_no_more_than(const std::string& folder, int world);

}  // namespace shardproof::trace_schema
