#pragma once

#include <chrono>
#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

namespace shardproof::sim::gpu {

/// Something to wait for in a Polled: whether it is there, how long to wait, and what to do (throw)
/// when it is late.
struct Until {
  std::function<bool()> ready;
  std::chrono::steady_clock::duration patience;
  std::function<void()> late;
};

/// Work that waits for others without holding its thread: a function that says `co_await
/// Until{...}` in the middle, and whose caller asks again and again whether it is done. It begins
/// when it is asked for the first time.
///
///   Polled greet(Post& post) {
///     post.receive(...);
///     co_await Until{[&] { return post.done(); }, 5s, [] { throw ...; }};
///     ...
///   }
class Polled {
 public:
  struct promise_type {
    std::optional<Until> waits_for;
    std::chrono::steady_clock::time_point since;
    std::exception_ptr error;

    Polled get_return_object() {
      return Polled(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { error = std::current_exception(); }
    std::suspend_always await_transform(Until until) {
      waits_for = std::move(until);
      since = std::chrono::steady_clock::now();
      return {};
    }
  };

  Polled(Polled&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Polled& operator=(Polled&&) = delete;
  ~Polled() {
    if (frame_) frame_.destroy();
  }

  /// Goes on as far as it can. Whether it is done; throws what the function throws.
  bool poll() {
    promise_type& promise = frame_.promise();
    while (!frame_.done()) {
      if (promise.waits_for && !promise.waits_for->ready()) {
        if (std::chrono::steady_clock::now() - promise.since > promise.waits_for->patience)
          promise.waits_for->late();
        return false;
      }
      promise.waits_for.reset();
      frame_.resume();
    }
    if (promise.error) std::rethrow_exception(promise.error);
    return true;
  }

 private:
  explicit Polled(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

}  // namespace shardproof::sim::gpu
