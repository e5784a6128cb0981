#include "scenarios/memory_peak.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace shardproof {

namespace fs = std::filesystem;

MemoryPeak& MemoryPeak::of_this_process() {
  static MemoryPeak peak;
  return peak;
}

// Lines "RssAnon:     1234 kB".
void MemoryPeak::look() {
  const std::lock_guard lock(mutex_);
  std::ifstream status(proc_ + "/status");
  std::int64_t own = 0, of_files = 0;
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string name;
    std::int64_t kib = 0;
    if (!(words >> name >> kib)) continue;
    if (name == "VmHWM:") mark_ = std::max(mark_, kib * 1024);
    if (name == "RssAnon:" || name == "RssShmem:") own += kib * 1024;
    if (name == "RssFile:") of_files = kib * 1024;
  }
  own_ = std::max(own_, own);
  of_files_ = std::max(of_files_, of_files);
}

std::int64_t MemoryPeak::bytes() const {
  const std::lock_guard lock(mutex_);
  return std::max(own_, mark_ - of_files_);
}

void leave_peak(const std::string& folder, const std::string& process, const MemoryPeak& peak) {
  std::error_code none;
  fs::create_directories(folder + "/peak", none);
  std::ofstream(folder + "/peak/" + process) << peak.bytes() << '\n';
}

std::vector<std::int64_t> read_peaks(const std::string& folder) {
  std::vector<std::int64_t> peaks;
  std::error_code none;
  for (fs::directory_iterator entry(folder + "/peak", none), end; entry != end && !none;
       entry.increment(none)) {
    std::ifstream file(entry->path());
    if (std::int64_t bytes = 0; file >> bytes) peaks.push_back(bytes);
  }
  return peaks;
}

}  // namespace shardproof
