#include "scenarios/hdf5/hdf5_call.hpp"

#include <array>
#include <vector>

#include "scenarios/errors.hpp"

namespace shardproof::hdf5 {

namespace {

herr_t append_description(unsigned, const H5E_error2_t* error, void* lines) {
  if (error->desc != nullptr) {
    static_cast<std::vector<std::string>*>(lines)->emplace_back(error->desc);
  }
  return 0;
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
  throw EnvironmentError((where.empty() ? "" : where + ": ") + call + ": HDF5: " + message);
}

void fail_on(std::int64_t object, const char* call) {
  const std::string message = library_message();  // before HDF5 is asked for a name
  fail(object >= 0 ? file_of(object) : "", call, message);
}

}  // namespace shardproof::hdf5
