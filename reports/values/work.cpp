#include "reports/values/work.hpp"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <limits>
#include <mutex>
#include <utility>

#include "scenarios/errors.hpp"
#include "scenarios/processors.hpp"

namespace shardproof::reports {

namespace {

std::atomic<int>& thread_count() {
  static std::atomic<int> count = usable_processors();
  return count;
}

// The first part that failed, by its number among all that were handed over.
class Failed {
 public:
  bool is_before(std::size_t part) const { return part_ < part; }

  void keep(std::size_t part, std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (is_before(part)) return;
    part_ = part;
    error_ = std::move(error);
  }

  // And forgets it.
  void rethrow() {
    part_ = none;
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  std::atomic<std::size_t> part_ = none;
  std::mutex mutex_;
  std::exception_ptr error_;
};

class Called : public Work {
 public:
  Called(std::size_t parts, std::function<void(std::size_t)> do_part)
      : parts_(parts), do_part_(std::move(do_part)) {}
  std::size_t parts() const override { return parts_; }
  void run(std::size_t part) override { do_part_(part); }

 private:
  std::size_t parts_;
  std::function<void(std::size_t)> do_part_;
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

// Some works, all their parts one behind the other. Who takes one waits for nobody.
class Crew::Lot {
 public:
  Lot(std::vector<std::shared_ptr<Work>> works, std::size_t number)
      : works_(std::move(works)), number_(number) {
    for (const auto& work : works_) {
      first_.push_back(count_);
      count_ += work->parts();
    }
  }

  std::size_t number_of_next() const { return number_ + count_; }

  // Until every part is taken.
  void work(Failed& failed) {
    for (std::size_t at = next_++; at < count_; at = next_++) {
      if (!failed.is_before(number_ + at)) run(at, failed);
      if (++done_ == count_) done_.notify_all();
    }
  }

  // Until those that others took are done, too.
  void wait() const {
    for (std::size_t done = done_; done != count_; done = done_) done_.wait(done);
  }

 private:
  void run(std::size_t at, Failed& failed) {
    const auto found = std::ranges::upper_bound(first_, at) - first_.begin() - 1;
    const auto work = static_cast<std::size_t>(found);
    try {
      works_[work]->run(at - first_[work]);
    } catch (...) {
      failed.keep(number_ + at, std::current_exception());
    }
  }

  std::vector<std::shared_ptr<Work>> works_;
  std::size_t number_;              // of the first part, among all that were handed over
  std::vector<std::size_t> first_;  // of each work, in this lot
  std::size_t count_ = 0;
  std::atomic<std::size_t> next_ = 0, done_ = 0;
};

// Where lots are handed over. Its lock is taken once a lot, not once a part.
class Crew::Desk {
 public:
  Failed failed;

  void add(std::shared_ptr<Lot> lot) {
    const std::lock_guard lock(mutex_);
    lots_.push_back(std::move(lot));
    changed_.notify_all();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    changed_.notify_all();
  }

  // Lot by lot, until it is closed.
  void work() {
    while (const std::shared_ptr<Lot> lot = first_lot()) {
      lot->work(failed);
      forget(lot);
    }
  }

  // Of a lot every part is taken.
  void forget(const std::shared_ptr<Lot>& lot) {
    const std::lock_guard lock(mutex_);
    if (!lots_.empty() && lots_.front() == lot) lots_.pop_front();
  }

 private:
  std::shared_ptr<Lot> first_lot() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_closed_ || !lots_.empty(); });
    return is_closed_ ? nullptr : lots_.front();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Lot>> lots_;
  bool is_closed_ = false;
};

Crew::Crew()
    : desk_(std::make_unique<Desk>()), most_threads_(static_cast<std::size_t>(threads_in_use())) {
  keep_freed_memory();
}

Crew::~Crew() { desk_->close(); }

void Crew::add(std::shared_ptr<Work> work) {
  const std::size_t enough = 16 * most_threads_;
  parts_kept_ += work->parts();
  kept_.push_back(std::move(work));
  if (parts_kept_ >= enough) hand_over();
}

void Crew::hand_over() {
  const std::size_t number = given_.empty() ? 0 : given_.back()->number_of_next();
  const std::size_t useful = std::min(most_threads_, parts_kept_);
  while (threads_.size() + 1 < useful) threads_.emplace_back([this] { desk_->work(); });
  desk_->add(given_.emplace_back(std::make_shared<Lot>(std::move(kept_), number)));
  kept_.clear();
  parts_kept_ = 0;
}

void Crew::wait() {
  if (!kept_.empty()) hand_over();
  for (const auto& lot : given_) {
    lot->work(desk_->failed);
    desk_->forget(lot);
  }
  for (const auto& lot : given_) lot->wait();
  given_.clear();
  desk_->failed.rethrow();
}

void run_all(std::span<const std::shared_ptr<Work>> works) {
  Crew crew;
  for (const auto& work : works) crew.add(work);
  crew.wait();
}

void run_parts(const std::shared_ptr<Work>& work) { run_all({&work, 1}); }

void run_parts(std::size_t parts, std::function<void(std::size_t)> do_part) {
  run_parts(std::make_shared<Called>(parts, std::move(do_part)));
}

void use_threads(int count) {
  SHARDPROOF_EXPECTS(count >= 1, count);
  thread_count() = count;
}

int threads_in_use() { return thread_count(); }

}  // namespace shardproof::reports
