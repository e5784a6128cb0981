#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

namespace shardproof::reports {

/// Something that falls into parts, any of which may be done before any other, on any thread. What
/// they leave behind does not depend on that.
class Work {
 public:
  virtual ~Work() = default;
  virtual std::size_t parts() const = 0;
  virtual void run(std::size_t part) = 0;
};

/// Threads that do works while their owner goes on: it hands them over as it finds them, and waits
/// when it needs what they leave behind. With its owner, which helps as it waits, it has as many
/// threads as the judge may use, and no more than there are parts for.
class Crew {
 public:
  Crew();
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void add(std::shared_ptr<Work> work);
  /// Until all parts of all works that were added are done. Where parts fail, the exception of the
  /// first of them is thrown, in the order in which they were added, and those behind it may be
  /// left out.
  void wait();

 private:
  class Lot;
  class Desk;
  void hand_over();

  std::unique_ptr<Desk> desk_;
  std::size_t most_threads_;
  std::vector<std::shared_ptr<Work>> kept_;  // until there is enough of it to wake somebody
  std::size_t parts_kept_ = 0;
  std::vector<std::shared_ptr<Lot>> given_;  // since the last wait
  std::vector<std::jthread> threads_;
};

/// Does all parts of all works, as a crew does.
void run_all(std::span<const std::shared_ptr<Work>> works);

/// The same of one.
void run_parts(const std::shared_ptr<Work>& work);
/// The same of do_part(0) to do_part(parts - 1).
void run_parts(std::size_t parts, std::function<void(std::size_t)> do_part);

/// How many threads a crew may have that is made from now on; at first as many as there are
/// processors for this process.
void use_threads(int count);
int threads_in_use();

}  // namespace shardproof::reports
