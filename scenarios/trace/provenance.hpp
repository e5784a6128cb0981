#pragma once

#include <map>
#include <string>

namespace shardproof {

/// What this process is made of and runs on, for a trace's settings and for run.json: "version",
/// "commit", "binary" (a hash of the program's file), "compiler", "libc", "hdf5", "fmt", "xxhash",
/// "host", "cpu", "cpu_features" (those that choose kernels), "cores", "rounding" ("nearest"),
/// "flush_to_zero", "denormals_are_zero" ("off", or "unknown"). The same on each call in an
/// unchanged environment: no clock, no process id. What cannot be found out is "unknown".
std::map<std::string, std::string> collect_provenance();

}  // namespace shardproof
