#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

namespace shardproof::blas {

/// Lets as many threads into something as there are places, and the others wait. Places are made
/// when they are first needed, and stay; where one more cannot be made, those that there are are
/// shared. Who finds a place takes no lock.
class Turns {
 public:
  /// make_place(n), called by one thread at a time, makes place number n: 0, 1, ... It says whether
  /// it could; the first must be made, or it throws.
  explicit Turns(std::function<bool(int)> make_place) : make_place_(std::move(make_place)) {}

  void enter();
  void leave();

 private:
  bool found_a_place();
  bool made_a_place();

  std::function<bool(int)> make_place_;
  std::atomic<int> places_{0}, inside_{0}, waiting_{0};
  bool may_grow_ = true;
  std::mutex mutex_;
  std::condition_variable left_;
};

/// While one is alive, its thread is in.
class Turn {
 public:
  explicit Turn(Turns& turns) : turns_(turns) { turns_.enter(); }
  ~Turn() { turns_.leave(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Turns& turns_;
};

}  // namespace shardproof::blas
