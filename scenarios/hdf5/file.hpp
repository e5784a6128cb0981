#pragma once

#include <string>

#include "scenarios/hdf5/handle.hpp"

namespace shardproof::hdf5 {

/// Bounds are (V18, V110), so that a file flushed before a crash can be opened; times are not
/// recorded, so that equal content gives equal bytes; links keep their order of creation.
Handle create_file(const std::string& path);
/// To read.
Handle open_file(const std::string& path);
void flush(const Handle& file);
/// Flushes and closes; unlike the destructor, it reports what went wrong.
void close_file(Handle& file);

/// HDF5's version, "1.10.8".
std::string library_version();

}  // namespace shardproof::hdf5
