#pragma once

#include <string>

#include "scenarios/errors.hpp"

namespace shardproof {

/// What is said of a file that could not be written, by the `error` of the operating system (0: it
/// told none). Of a disk or a limit that is reached it says how large the file is:
///
///     out/a/sim/rank-00000.h5: cannot be written: No space left on device; the file has 6.5 MiB;
///     0 bytes are left there
///     out/a.json: cannot be written: File too large; the file has 1.0 MiB; ulimit -f allows
///     1.0 MiB
EnvironmentError write_failure(const std::string& path, const std::string& what, int error);

/// Whether it is the disk that is full, or a limit that is reached.
bool is_lack_of_space(int error);

}  // namespace shardproof
