#include "scenarios/blas/work_space.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "scenarios/errors.hpp"
#include "scenarios/readable_bytes.hpp"

namespace shardproof::blas {

namespace {

// Of this thread's processor time, of which a small product takes a thousandth: neither the load of
// the machine nor other threads count.
constexpr time_t longest_seconds = 2;

constexpr std::string_view last_words =
    "shardproof: OpenBLAS cannot allocate its work space, and tries for ever: raise ulimit -v\n";

// It may interrupt anything: only calls that are safe there.
void end_process(int) {
  if (::write(STDERR_FILENO, last_words.data(), last_words.size()) < 0) ::_exit(3);
  ::_exit(3);
}

// Ends the process if it computes for long while this exists.
class Watch {
 public:
  Watch() {
    struct sigaction end {};
    end.sa_handler = end_process;
    ::sigaction(SIGPROF, &end, &before_);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGPROF;
    if (::timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer_) != 0)
      throw EnvironmentError(std::string("timer_create: ") + std::strerror(errno));
    const itimerspec time{{}, {longest_seconds, 0}};
    ::timer_settime(timer_, 0, &time, nullptr);
  }
  ~Watch() {
    ::timer_delete(timer_);
    ::sigaction(SIGPROF, &before_, nullptr);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  struct sigaction before_ {};
  timer_t timer_{};
};

bool is_to_be_had(std::size_t bytes) {
  if (bytes == 0) return true;
  void* space = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return space != MAP_FAILED && ::munmap(space, bytes) == 0;
}

void expect_to_be_had(std::size_t bytes) {
  if (!is_to_be_had(bytes))
    throw EnvironmentError("OpenBLAS needs " + readable_bytes(bytes) +
                           " of memory for its work space, and this process cannot have them: " +
                           std::strerror(errno) + "; is it limited by ulimit -v, or ulimit -d?");
}

}  // namespace

void take_work_space(const std::function<void()>& product, std::size_t bytes) {
  expect_to_be_had(bytes);
  const Watch watch;
  product();
}

bool has_room_for_work_space() { return is_to_be_had(2 * kWorkSpace); }

}  // namespace shardproof::blas
