#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace shardproof {

/// The most memory that a process has had to itself at any time: files that it maps or runs are not
/// counted, for they give way.
///
/// The system keeps the highest mark of memory and mapped files together (VmHWM). So a process
/// looks at itself some times a second, and the mark less the most that files have had is a second
/// answer, from below as well: what a short-lived peak may be missed by the one, the other has,
/// where few files are mapped. Any thread may look.
class MemoryPeak {
 public:
  static MemoryPeak& of_this_process();
  /// `proc`: of this process; for tests another.
  explicit MemoryPeak(std::string proc = "/proc/self") : proc_(std::move(proc)) {}
  void look();
  std::int64_t bytes() const;

 private:
  std::string proc_;
  mutable std::mutex mutex_;  // of those that follow
  std::int64_t own_ = 0, of_files_ = 0, mark_ = 0;
};

/// Leaves the peak of a process that ends in FOLDER/peak, for whoever has started it.
void leave_peak(const std::string& folder, const std::string& process, const MemoryPeak& peak);
/// What the processes have left there, in no order.
std::vector<std::int64_t> read_peaks(const std::string& folder);

}  // namespace shardproof
