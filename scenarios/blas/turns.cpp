#include "scenarios/blas/turns.hpp"

namespace shardproof::blas {

namespace {
class Counted {
 public:
  explicit Counted(std::atomic<int>& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::atomic<int>& count_;
};
}  // namespace

// Who waits has said so before he looks for a place, and who leaves has left before he looks for
// those who wait: all threads see these in one order, so nobody waits beside a free place.
void Turns::enter() {
  if (found_a_place()) return;
  std::unique_lock lock(mutex_);
  const Counted waits(waiting_);
  while (!found_a_place())
    if (!made_a_place()) left_.wait(lock);
}

void Turns::leave() {
  --inside_;
  if (waiting_ == 0) return;
  const std::lock_guard lock(mutex_);
  left_.notify_one();
}

bool Turns::found_a_place() {
  int inside = inside_;
  while (inside < places_)
    if (inside_.compare_exchange_weak(inside, inside + 1)) return true;
  return false;
}

bool Turns::made_a_place() {
  may_grow_ = may_grow_ && make_place_(places_);
  if (may_grow_) ++places_;
  return may_grow_;
}

}  // namespace shardproof::blas
