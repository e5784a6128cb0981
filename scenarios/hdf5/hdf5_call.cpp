#include "scenarios/hdf5/hdf5_call.hpp"

#include <array>
#include <charconv>
#include <vector>

#include "scenarios/errors.hpp"
#include "scenarios/files/write_failure.hpp"

namespace shardproof::hdf5 {

namespace {

herr_t append_description(unsigned, const H5E_error2_t* error, void* lines) {
  if (error->desc != nullptr) {
    static_cast<std::vector<std::string>*>(lines)->emplace_back(error->desc);
  }
  return 0;
}

// What is closed at the end of the program is closed by its handle. HDF5 itself would try to close
// there what it could not write, and what it could not allocate, and dies of that. To be said
// before any other call.
[[maybe_unused]] const bool at_exit_nothing_happens = H5dont_atexit() >= 0;

// The text between two others, "" if it is not there.
std::string between(const std::string& text, const std::string& before, char after) {
  const auto at = text.find(before);
  if (at == std::string::npos) return "";
  const auto begin = at + before.size();
  return text.substr(begin, text.find(after, begin) - begin);
}

// HDF5 says it as "filename = 'a.h5', file descriptor = 3, errno = 28, error message = ...".
int system_error_in(const std::string& message) {
  const std::string number = between(message, "errno = ", ',');
  int error = 0;
  std::from_chars(number.data(), number.data() + number.size(), error);
  return error;
}

}  // namespace

void keep_quiet() {
  thread_local const bool quiet = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  static_cast<void>(quiet);
}

std::string library_message() {
  std::vector<std::string> lines;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, append_description, &lines);
  if (lines.empty()) return "no message";
  return lines.size() == 1 ? lines.front() : lines.front() + ": " + lines.back();
}

std::string file_of(std::int64_t object) {
  std::array<char, 4096> name{};
  return H5Fget_name(object, name.data(), name.size()) > 0 ? name.data() : "";
}

void fail(const std::string& where, const std::string& call, const std::string& message) {
  if (const int error = system_error_in(message); is_lack_of_space(error))
    throw write_failure(where.empty() ? between(message, "filename = '", '\'') : where,
                        "cannot be written", error);
  throw EnvironmentError((where.empty() ? "" : where + ": ") + call + ": HDF5: " + message);
}

void fail_on(std::int64_t object, const char* call) {
  const std::string message = library_message();  // before HDF5 is asked for a name
  fail(object >= 0 ? file_of(object) : "", call, message);
}

}  // namespace shardproof::hdf5
