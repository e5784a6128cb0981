#include "reports/values/work.hpp"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "scenarios/errors.hpp"
#include "scenarios/processors.hpp"

namespace shardproof::reports {

namespace {

std::atomic<int>& thread_count() {
  static std::atomic<int> count = usable_processors();
  return count;
}

// All parts of all works, one behind the other. Who takes one waits for nobody.
class Queue {
 public:
  explicit Queue(std::span<const std::shared_ptr<Work>> works) : works_(works) {
    for (const auto& work : works) {
      first_.push_back(count_);
      count_ += work->parts();
    }
  }

  std::size_t count() const { return count_; }

  void work() {
    for (std::size_t at = next_++; at < count_ && !stopped_; at = next_++) {
      const auto found = std::ranges::upper_bound(first_, at) - first_.begin() - 1;
      const auto work = static_cast<std::size_t>(found);
      try {
        works_[work]->run(at - first_[work]);
      } catch (...) {
        keep(at, std::current_exception());
      }
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void keep(std::size_t at, std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    if (error_ && failed_at_ < at) return;
    failed_at_ = at;
    error_ = std::move(error);
  }

  std::span<const std::shared_ptr<Work>> works_;
  std::vector<std::size_t> first_;  // the number of each work's first part
  std::size_t count_ = 0;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::size_t failed_at_ = 0;
  std::exception_ptr error_;
};

// What one tile has freed the next takes, instead of giving it back to the system and asking for it
// again: each time it would be cleared.
void keep_freed_memory() {
  static const bool once = [] {
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace

void run_all(std::span<const std::shared_ptr<Work>> works) {
  keep_freed_memory();
  Queue queue(works);
  const auto others = std::min<std::size_t>(static_cast<std::size_t>(threads_in_use()),
                                            std::max<std::size_t>(queue.count(), 1)) -
                      1;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < others; ++i) threads.emplace_back([&queue] { queue.work(); });
    queue.work();
  }
  queue.rethrow();
}

void run_parts(const std::shared_ptr<Work>& work) { run_all({&work, 1}); }

void use_threads(int count) {
  SHARDPROOF_EXPECTS(count >= 1, count);
  thread_count() = count;
}

int threads_in_use() { return thread_count(); }

}  // namespace shardproof::reports
