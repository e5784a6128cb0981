#pragma once

// For the source files of this folder; nobody else includes this, so that no HDF5 type and no
// unchecked call leaves it.
#include <hdf5.h>

#include <cstdint>
#include <string>
#include <type_traits>

#include "scenarios/hdf5/handle.hpp"

namespace shardproof::hdf5 {

static_assert(std::is_same_v<hid_t, std::int64_t>);

/// HDF5 prints its error stack to stderr unless it is told not to, for each thread.
void keep_quiet();
/// The outermost and the innermost sentence of HDF5's error stack: what failed, and why. The next
/// call of HDF5 empties it.
std::string library_message();
/// The name of the file that an object is in.
std::string file_of(std::int64_t object);

/// Throws EnvironmentError "WHERE: CALL: HDF5: MESSAGE", or write_failure if it is the disk that is
/// full.
[[noreturn]] void fail(const std::string& where, const std::string& call,
                       const std::string& message);
/// The same of a call on `object`, which may be -1, with the library's message.
[[noreturn]] void fail_on(std::int64_t object, const char* call);

/// Checks a return code or an id; `context` is any object of the file the call is about.
template <class Result>
Result check(Result result, const char* call, std::int64_t context = -1) {
  if (result < 0) [[unlikely]]
    fail_on(context, call);
  return result;
}

/// The object that a call returned, checked.
inline Handle owned(hid_t id, const char* call, std::int64_t context = -1) {
  return Handle(check(id, call, context));
}

}  // namespace shardproof::hdf5
