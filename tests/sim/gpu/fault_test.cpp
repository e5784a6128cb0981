#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "tests/sim/gpu/gpu.hpp"

namespace shardproof::sim::gpu {
namespace {

struct Ended {
  int signal;
  std::string said;
};

/// Runs `body` in a process of its own.
template <class Body>
Ended in_child(Body body) {
  int ends[2];
  BOOST_REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    body();
    _exit(0);
  }
  close(ends[1]);
  Ended ended{0, ""};
  char bytes[256];
  for (ssize_t n = 0; (n = read(ends[0], bytes, sizeof(bytes))) > 0;)
    ended.said.append(bytes, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  ended.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return ended;
}

void touch_by_pointer(volatile float* place) { *place = 1; }

__global__ void bare_pointer_kernel(float* x) { touch_by_pointer(x); }

__global__ void deep_kernel(int depth) {
  volatile char frame[1024];
  frame[0] = 1;
  if (depth > 0) deep_kernel(depth - 1);
  frame[1] = frame[0];
}

BOOST_AUTO_TEST_SUITE(fault)

BOOST_AUTO_TEST_CASE(the_host_that_touches_device_memory_ends_with_the_op_s_name) {
  const Ended ended = in_child([] {
    Gpu gpu;
    float* const x = gpu.filled<float>({1, 2});
    set_label("model/norm/forward");
    touch_by_pointer(x + 1);
  });

  BOOST_TEST(ended.signal == SIGSEGV);
  check_names(ended.said,
              {"simulated GPU: the host touched (while model/norm/forward was asked for)",
               "byte 4 of allocation ", "8 bytes"});
}

BOOST_AUTO_TEST_CASE(the_host_that_touches_freed_memory_is_told_that_too) {
  const Ended ended = in_child([] {
    Gpu gpu;
    float* const x = gpu.filled<float>({1, 2});
    succeed(cudaFree(x));
    touch_by_pointer(x);
  });

  BOOST_TEST(ended.signal == SIGSEGV);
  check_names(ended.said, {"the host touched device memory: byte 0 of", "which was freed"});
}

BOOST_AUTO_TEST_CASE(a_kernel_that_goes_around_its_views_is_named) {
  const Ended ended = in_child([] {
    Gpu gpu;
    float* const x = gpu.filled<float>({1, 2});
    set_label("model/add");
    gpu.run(1, 1, bare_pointer_kernel, x);
  });

  BOOST_TEST(ended.signal == SIGSEGV);
  check_names(ended.said, {"kernel bare_pointer_kernel", "model/add", "by a bare pointer",
                           "byte 0 of allocation"});
}

BOOST_AUTO_TEST_CASE(other_faults_end_the_process_as_ever) {
  const Ended ended = in_child([] {
    std::signal(SIGSEGV, SIG_DFL);
    Gpu gpu;
    gpu.fresh<float>(1);
    touch_by_pointer(nullptr);
  });

  BOOST_TEST(ended.signal == SIGSEGV);
  BOOST_TEST(ended.said == "");
}

BOOST_AUTO_TEST_CASE(a_thread_whose_stack_is_full_ends_the_process) {
  const Ended ended = in_child([] {
    std::signal(SIGSEGV, SIG_DFL);
    Gpu gpu;
    gpu.fresh<float>(1);
    gpu.run(1, 1, deep_kernel, 1000);
  });

  BOOST_TEST(ended.signal == SIGSEGV);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::sim::gpu
