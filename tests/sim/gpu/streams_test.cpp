#include "tests/sim/gpu/gpu.hpp"

namespace shardproof::sim::gpu {
namespace {

using Kind = Schedule::Kind;
using Floats = std::vector<float>;

__global__ void double_kernel(Global<float> x) { x[threadIdx.x] *= 2; }

void double_on(Gpu& gpu, cudaStream_t stream, float* x) {
  gpu.launch_on(stream, 1, 2, double_kernel, Global<float>(x, 2));
}

void copy_on(cudaStream_t stream, float* to, const float* from) {
  succeed(cudaMemcpyAsync(to, from, 8, cudaMemcpyDeviceToDevice, stream));
}

/// x is doubled on one stream, copied to y on the other, and doubled again on the first.
Floats copied(const Schedule& schedule, bool wait_before, bool wait_after) {
  Gpu gpu(schedule);
  float* const x = gpu.filled<float>({1, 2});
  float* const y = gpu.filled<float>({0, 0});
  double_on(gpu, gpu.compute, x);
  const cudaEvent_t doubled = gpu.recorded(gpu.compute);
  if (wait_before) succeed(cudaStreamWaitEvent(gpu.communication, doubled));
  copy_on(gpu.communication, y, x);
  const cudaEvent_t copied = gpu.recorded(gpu.communication);
  if (wait_after) succeed(cudaStreamWaitEvent(gpu.compute, copied));
  double_on(gpu, gpu.compute, x);
  succeed(cudaStreamSynchronize(gpu.compute));
  succeed(cudaStreamSynchronize(gpu.communication));
  return gpu.read(y, 2);
}

/// The same when the stream of the copy is waited for first.
Floats copied_first(const Schedule& schedule, bool wait) {
  Gpu gpu(schedule);
  float* const x = gpu.filled<float>({1, 2});
  float* const y = gpu.filled<float>({0, 0});
  double_on(gpu, gpu.compute, x);
  if (wait) succeed(cudaStreamWaitEvent(gpu.communication, gpu.recorded(gpu.compute)));
  copy_on(gpu.communication, y, x);
  succeed(cudaStreamSynchronize(gpu.communication));
  return gpu.read(y, 2);
}

BOOST_AUTO_TEST_SUITE(streams)

BOOST_AUTO_TEST_CASE(what_waits_is_right_under_every_schedule) {
  for (const Schedule& schedule : schedules(32)) {
    BOOST_TEST_CONTEXT(to_string(schedule)) {
      BOOST_TEST(copied(schedule, true, true) == (Floats{2, 4}), boost::test_tools::per_element());
      BOOST_TEST(copied_first(schedule, true) == (Floats{2, 4}), boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_missing_wait_before_a_copy_gives_other_bits_under_latest) {
  BOOST_TEST(copied({Kind::latest}, false, true) == (Floats{1, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(copied_first({Kind::latest}, false) == (Floats{1, 2}),
             boost::test_tools::per_element());
  BOOST_TEST(copied_first({Kind::earliest}, false) == (Floats{2, 4}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_buffer_that_is_written_too_early_gives_other_bits_under_latest) {
  BOOST_TEST(copied({Kind::latest}, true, false) == (Floats{4, 8}),
             boost::test_tools::per_element());
  BOOST_TEST(copied({Kind::earliest}, true, false) == (Floats{2, 4}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(some_seed_gives_other_bits_where_a_wait_is_missing) {
  int wrong_before = 0, wrong_after = 0;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    wrong_before += copied_first({Kind::random, seed}, false) != Floats{2, 4};
    wrong_after += copied({Kind::random, seed}, true, false) != Floats{2, 4};
  }
  BOOST_TEST(wrong_before > 0);
  BOOST_TEST(wrong_after > 0);
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_bits) {
  for (std::uint64_t seed = 0; seed < 16; ++seed)
    BOOST_TEST(
        copied({Kind::random, seed}, false, false) == copied({Kind::random, seed}, false, false),
        boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(latest_runs_only_what_is_needed) {
  Gpu gpu;
  std::vector<int> ran;
  const auto work = [&](cudaStream_t stream, int number) {
    enqueue(stream, "work", [&ran, number] { ran.push_back(number); });
  };
  work(gpu.compute, 1);
  const cudaEvent_t event = gpu.recorded(gpu.compute);
  work(gpu.compute, 2);
  work(gpu.communication, 3);
  succeed(cudaStreamWaitEvent(gpu.communication, event));
  work(gpu.communication, 4);
  BOOST_TEST(ran.empty());

  succeed(cudaEventSynchronize(event));
  BOOST_TEST(ran == (std::vector<int>{1}), boost::test_tools::per_element());
  succeed(cudaStreamSynchronize(gpu.communication));
  BOOST_TEST(ran == (std::vector<int>{1, 3, 4}), boost::test_tools::per_element());
  succeed(cudaDeviceSynchronize());
  BOOST_TEST(ran == (std::vector<int>{1, 3, 4, 2}), boost::test_tools::per_element());
}

// The first stream's own work need not be done for what it waits for: if that should have waited
// for it, and does not, it comes too early.
BOOST_AUTO_TEST_CASE(latest_runs_what_a_stream_waits_for_before_its_own_work) {
  Gpu gpu;
  std::vector<int> ran;
  const auto work = [&](cudaStream_t stream, int number) {
    enqueue(stream, "work", [&ran, number] { ran.push_back(number); });
  };
  work(gpu.compute, 1);
  work(gpu.communication, 2);
  succeed(cudaStreamWaitEvent(gpu.compute, gpu.recorded(gpu.communication)));
  work(gpu.communication, 3);
  const cudaEvent_t event = gpu.recorded(gpu.compute);
  work(gpu.compute, 4);
  succeed(cudaStreamWaitEvent(gpu.compute, gpu.recorded(gpu.communication)));
  work(gpu.compute, 5);

  succeed(cudaEventSynchronize(event));
  BOOST_TEST(ran == (std::vector<int>{2, 1}), boost::test_tools::per_element());
  succeed(cudaStreamSynchronize(gpu.compute));
  BOOST_TEST(ran == (std::vector<int>{2, 1, 3, 4, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_event_is_where_it_was_recorded_when_the_wait_was_asked_for) {
  Gpu gpu;
  std::vector<int> ran;
  const auto work = [&](cudaStream_t stream, int number) {
    enqueue(stream, "work", [&ran, number] { ran.push_back(number); });
  };
  cudaEvent_t event = nullptr;
  succeed(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  succeed(cudaStreamWaitEvent(gpu.communication, event));  // never recorded: nothing to wait for
  work(gpu.compute, 1);
  succeed(cudaEventRecord(event, gpu.compute));
  succeed(cudaStreamWaitEvent(gpu.communication, event));
  work(gpu.compute, 2);
  succeed(cudaEventRecord(event, gpu.compute));
  succeed(cudaEventDestroy(event));
  work(gpu.communication, 3);

  succeed(cudaStreamSynchronize(gpu.communication));

  BOOST_TEST(ran == (std::vector<int>{1, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_event_can_be_asked_for_without_end) {
  for (const Schedule& schedule : schedules()) {
    Gpu gpu(schedule);
    bool done = false;
    enqueue(gpu.compute, "work", [&] { done = true; });
    const cudaEvent_t event = gpu.recorded(gpu.compute);
    while (cudaEventQuery(event) == cudaErrorNotReady) {
    }
    BOOST_TEST(done);
    BOOST_TEST(cudaEventQuery(event) == cudaSuccess);
  }
}

BOOST_AUTO_TEST_CASE(pageable_memory_is_taken_at_the_call_and_pinned_memory_when_the_copy_runs) {
  Gpu gpu;
  std::vector<float> pageable{1, 2};
  float* const pinned = gpu.pinned<float>({1, 2});
  float* const x = gpu.fresh<float>(2);
  float* const y = gpu.fresh<float>(2);
  succeed(cudaMemcpyAsync(x, pageable.data(), 8, cudaMemcpyHostToDevice, gpu.compute));
  succeed(cudaMemcpyAsync(y, pinned, 8, cudaMemcpyHostToDevice, gpu.compute));

  pageable[0] = pinned[0] = 7;  // too early for the pinned one

  BOOST_TEST(gpu.read(x, 2) == (Floats{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(gpu.read(y, 2) == (Floats{7, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(pageable_memory_is_there_at_once_and_pinned_memory_after_a_wait) {
  Gpu gpu;
  const float* x = gpu.filled<float>({1, 2});
  float* const pinned = gpu.pinned<float>({8, 9});
  Floats pageable(2);
  succeed(cudaMemcpyAsync(pinned, x, 8, cudaMemcpyDeviceToHost, gpu.compute));
  BOOST_TEST(pinned[0] == 8);
  succeed(cudaMemcpyAsync(pageable.data(), x, 8, cudaMemcpyDeviceToHost, gpu.communication));
  BOOST_TEST(pageable == (Floats{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(pinned[0] == 8);
  succeed(cudaStreamSynchronize(gpu.compute));
  BOOST_TEST(pinned[0] == 1);
  succeed(cudaFreeHost(pinned));
}

BOOST_AUTO_TEST_CASE(memory_is_freed_after_what_was_asked_of_it) {
  Gpu gpu;
  float* const x = gpu.filled<float>({1, 2});
  float* const y = gpu.fresh<float>(2);
  copy_on(gpu.communication, y, x);
  succeed(cudaFree(x));
  BOOST_TEST(gpu.read(y, 2) == (Floats{1, 2}), boost::test_tools::per_element());
}

// Its first and second half wait for each other's process, here: for each other.
BOOST_AUTO_TEST_CASE(work_that_waits_for_another_process_lets_other_streams_go_on) {
  for (const Schedule& schedule : schedules()) {
    Gpu gpu(schedule);
    bool arrived = false;
    int asked = 0;
    enqueue_polled(gpu.compute, "collective", [&] {
      ++asked;
      return arrived;
    });
    enqueue(gpu.communication, "the other side", [&] { arrived = true; });
    succeed(cudaStreamSynchronize(gpu.compute));
    BOOST_TEST(arrived);
    BOOST_TEST(asked >= 1);
  }
}

BOOST_AUTO_TEST_CASE(enqueued_work_has_memory_and_asks_for_no_other_work) {
  Gpu gpu;
  float* const x = gpu.filled<float>({1, 2});
  float* const y = gpu.fresh<float>(2);
  set_label("tp/all_reduce");
  enqueue(gpu.compute, "sum", [=] {
    const auto* from = reinterpret_cast<const float*>(checked_read(x, 8));
    auto* to = reinterpret_cast<float*>(checked_write(y, 8));
    to[0] = from[1];
    to[1] = from[0];
  });
  BOOST_TEST(gpu.read(y, 2) == (Floats{2, 1}), boost::test_tools::per_element());

  enqueue(gpu.compute, "sum", [=] { checked_read(y, 12); });
  set_label("later");
  check_names(finding([&] { cudaStreamSynchronize(gpu.compute); }),
              {"sum, of tp/all_reduce: 12 bytes from byte 0 of allocation 2", "outside"});
  Gpu other;
  check_names(finding([&] { checked_read(x, 4); }), {"the host reads device memory"});
  reset();
  Gpu third;
  enqueue(third.compute, "sum", [&] { cudaMemsetAsync(x, 0, 4, third.compute); });
  check_names(finding([&] { cudaStreamSynchronize(third.compute); }), {"asks for other work"});
}

BOOST_AUTO_TEST_CASE(after_a_finding_the_device_is_lost_until_all_is_given_back) {
  Gpu gpu;
  float* const x = gpu.fresh<float>(2);
  double_on(gpu, gpu.compute, x);
  BOOST_CHECK_THROW(cudaStreamSynchronize(gpu.compute), InvariantError);

  BOOST_TEST(cudaStreamSynchronize(gpu.compute) == cudaErrorLaunchFailure);
  BOOST_TEST(cudaMemsetAsync(x, 0, 8, gpu.compute) == cudaErrorLaunchFailure);
  BOOST_TEST(cudaFree(x) == cudaErrorLaunchFailure);
  cudaStreamDestroy(gpu.compute);
  cudaStreamDestroy(gpu.communication);
  BOOST_TEST(cudaDeviceSynchronize() == cudaSuccess);
}

BOOST_AUTO_TEST_CASE(while_an_error_is_under_way_nothing_more_is_done) {
  Gpu gpu;
  bool ran = false;
  struct Waiting {
    cudaStream_t stream;
    ~Waiting() { cudaStreamSynchronize(stream); }
  };
  const auto throwing = [&] {
    const Waiting waiting{gpu.compute};
    enqueue(gpu.compute, "work", [&] { ran = true; });
    throw EnvironmentError("a rank is gone");
  };

  BOOST_CHECK_THROW(throwing(), EnvironmentError);

  BOOST_TEST(!ran);
  BOOST_TEST(cudaDeviceSynchronize() == cudaErrorLaunchFailure);
}

BOOST_AUTO_TEST_CASE(handles_of_what_was_destroyed_are_refused) {
  Gpu gpu;
  float* const x = gpu.fresh<float>(2);
  const cudaEvent_t event = gpu.recorded(gpu.compute);
  succeed(cudaStreamDestroy(gpu.communication));
  succeed(cudaEventDestroy(event));

  BOOST_TEST(cudaMemsetAsync(x, 0, 8, gpu.communication) == cudaErrorInvalidResourceHandle);
  BOOST_TEST(cudaStreamSynchronize(gpu.communication) == cudaErrorInvalidResourceHandle);
  BOOST_TEST(cudaEventRecord(event, gpu.compute) == cudaErrorInvalidResourceHandle);
  BOOST_TEST(cudaEventDestroy(event) == cudaErrorInvalidResourceHandle);
  BOOST_TEST(cudaGetErrorString(cudaErrorInvalidResourceHandle) == "invalid resource handle");
}

BOOST_AUTO_TEST_CASE(settings_that_the_simulator_does_not_know_are_told) {
  Gpu gpu;
  cudaStream_t stream = nullptr;
  check_names(finding([&] { cudaStreamCreateWithFlags(&stream, 0); }), {"non-blocking"});
  reset();
  cudaEvent_t event = nullptr;
  check_names(finding([&] { cudaEventCreateWithFlags(&event, 0); }), {"without timing"});
  reset();
  cudaLaunchConfig_t config{};
  config.dynamicSmemBytes = 4;
  check_names(finding([&] { cudaLaunchKernelEx(&config, double_kernel, Global<float>()); }),
              {"dynamic shared memory"});
}

BOOST_AUTO_TEST_CASE(schedules_have_names) {
  for (const char* name : {"latest", "earliest", "random:7"})
    BOOST_TEST(to_string(schedule_from(name)) == name);
  for (const char* name : {"", "random", "random:", "random:x", "random:7x", "Latest"})
    BOOST_CHECK_THROW(schedule_from(name), ScenarioError);
}

BOOST_AUTO_TEST_CASE(the_device_says_that_it_is_simulated) {
  cudaDeviceProp properties;
  succeed(cudaGetDeviceProperties(&properties, 0));
  BOOST_TEST(std::string(properties.name) == "simulated GPU");
  BOOST_TEST(cudaSetDevice(1) == cudaErrorInvalidDevice);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::sim::gpu
