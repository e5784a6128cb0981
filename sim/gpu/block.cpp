#include "sim/gpu/block.hpp"

// The threads of a block are fibers of one thread of the host. A fiber does one thread after
// another for as long as none meets a barrier: then nothing is switched. At a barrier it is put
// aside, with the stack of its thread, and another fiber goes on with the threads that have not
// begun. When none is left, all must have come to that barrier; they go on one by one.

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/pulse.hpp"
#include "sim/gpu/running.hpp"
#include "sim/gpu/runtime.hpp"
#include "sim/gpu/schedule.hpp"

namespace shardproof::sim::gpu {

uint3 threadIdx{};
uint3 blockIdx{};
dim3 blockDim;
dim3 gridDim;

namespace {

namespace context = boost::context;

constexpr std::size_t kStackBytes = std::size_t{128} << 10;  // with a guard page

uint3 position(std::uint32_t number, const dim3& extents) {
  return {number % extents.x, number / extents.x % extents.y, number / extents.x / extents.y};
}

std::string text_of(const std::source_location& place) {
  const std::string file = place.file_name();
  return file.substr(file.rfind('/') + 1) + ":" + std::to_string(place.line());
}

/// One fiber; where its thread waits, if it does.
struct Fiber {
  context::fiber itself;
  std::uint16_t thread = 0;
  std::source_location place;
};
using FiberPointer = std::unique_ptr<Fiber>;

class Block {
 public:
  /// Runs the block `number` of the launch.
  void run(const Launch& launch, std::uint32_t number);
  /// Of the thread that runs: puts its fiber aside until all have come.
  void wait(const std::source_location& place);

 private:
  void begin(const Launch& launch, std::uint32_t number);
  void run_threads();
  void pass_barrier();
  void expect_all_wait() const;
  FiberPointer idle_fiber();
  void resume(FiberPointer fiber);
  context::fiber work(context::fiber&& scheduler);
  void enter(std::uint16_t thread);
  void abandon();

  const Launch* launch_ = nullptr;
  std::vector<std::uint32_t> order_;  // in which threads begin, or go on
  std::size_t begun_ = 0;
  std::optional<std::uint16_t> returned_;  // a thread that has, since the block began
  std::vector<FiberPointer> waiting_;
  std::vector<FiberPointer> going_on_;  // after a barrier: those that have not yet are here
  std::vector<FiberPointer> idle_;
  FiberPointer current_;
  bool current_waits_ = false;
  context::fiber scheduler_;
  std::exception_ptr thrown_;
};

void Block::run(const Launch& launch, std::uint32_t number) {
  begin(launch, number);
  try {
    run_threads();
    while (!waiting_.empty()) pass_barrier();
  } catch (...) {
    abandon();
    throw;
  }
  running.thread = 0;
}

void Block::begin(const Launch& launch, std::uint32_t number) {
  launch_ = &launch;
  blockIdx = position(number, gridDim);
  running.block = number;
  ++running.block_run;
  running.barriers = 0;
  begun_ = 0;
  returned_.reset();
  fill_with_order(order_, blockDim.x * blockDim.y * blockDim.z);
}

void Block::run_threads() {
  while (begun_ < order_.size()) resume(idle_fiber());
}

void Block::pass_barrier() {
  expect_all_wait();
  ++running.barriers;
  going_on_ = std::exchange(waiting_, {});
  fill_with_order(order_, static_cast<std::uint32_t>(going_on_.size()));
  for (const std::uint32_t i : order_) {
    enter(going_on_[i]->thread);
    resume(std::move(going_on_[i]));
  }
}

void Block::expect_all_wait() const {
  const Fiber& first = *waiting_.front();
  running.thread = 0;  // the finding is the block's
  for (const FiberPointer& fiber : waiting_) {
    const bool here = fiber->place.line() == first.place.line() &&
                      fiber->place.column() == first.place.column() &&
                      std::string_view(fiber->place.file_name()) == first.place.file_name();
    if (!here)
      fail("divergent barrier: " + thread_text(first.thread) + " waits at " + text_of(first.place) +
           " and " + thread_text(fiber->thread) + " at " + text_of(fiber->place));
  }
  if (returned_)
    fail("divergent barrier: " + thread_text(first.thread) + " waits at " + text_of(first.place) +
         " and " + thread_text(*returned_) + " has returned (" + std::to_string(waiting_.size()) +
         " of " + std::to_string(order_.size()) + " threads wait)");
}

FiberPointer Block::idle_fiber() {
  if (!idle_.empty()) {
    FiberPointer fiber = std::move(idle_.back());
    idle_.pop_back();
    return fiber;
  }
  auto fiber = std::make_unique<Fiber>();
  fiber->itself =
      context::fiber(std::allocator_arg, context::protected_fixedsize_stack(kStackBytes),
                     [this](context::fiber&& scheduler) { return work(std::move(scheduler)); });
  return fiber;
}

/// Until the fiber's thread waits, or no thread is left that could begin.
void Block::resume(FiberPointer fiber) {
  current_ = std::move(fiber);
  current_waits_ = false;
  context::fiber back = std::move(current_->itself).resume();
  current_->itself = std::move(back);
  (current_waits_ ? waiting_ : idle_).push_back(std::move(current_));
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

/// What a fiber does, for ever: threads that have not begun.
context::fiber Block::work(context::fiber&& scheduler) {
  scheduler_ = std::move(scheduler);
  for (;;) {
    try {
      while (begun_ < order_.size()) {
        current_->thread = static_cast<std::uint16_t>(order_[begun_++] + 1);
        enter(current_->thread);
        launch_->thread();
        returned_ = current_->thread;
      }
    } catch (const context::detail::forced_unwind&) {
      throw;
    } catch (...) {
      thrown_ = std::current_exception();
    }
    scheduler_ = std::move(scheduler_).resume();
  }
}

void Block::wait(const std::source_location& place) {
  current_->place = place;
  current_waits_ = true;
  scheduler_ = std::move(scheduler_).resume();
}

void Block::enter(std::uint16_t thread) {
  running.thread = thread;
  running.last = nullptr;
  threadIdx = position(thread - 1U, blockDim);
}

/// Stacks of threads that do not go on are unwound.
void Block::abandon() {
  running.thread = 0;
  waiting_.clear();
  going_on_.clear();
  begun_ = order_.size();
}

Block& block() {
  static Block now;
  return now;
}

}  // namespace

void run_kernel(const Launch& launch) {
  running.kernel = launch.kernel;
  ++running.launch;
  gridDim = launch.grid;
  blockDim = launch.block;
  std::vector<std::uint32_t> order;
  fill_with_order(order, gridDim.x * gridDim.y * gridDim.z);
  try {
    for (const std::uint32_t number : order) {
      Pulse::of_this_process().beat();
      block().run(launch, number);
    }
  } catch (...) {
    running.kernel = nullptr;
    throw;
  }
  running.kernel = nullptr;
}

void __syncthreads(std::source_location place) {
  if (running.thread == 0) fail("__syncthreads outside a kernel");
  block().wait(place);
}

}  // namespace shardproof::sim::gpu
