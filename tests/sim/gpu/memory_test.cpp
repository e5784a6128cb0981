#include <numeric>

#include "tests/sim/gpu/gpu.hpp"

namespace shardproof::sim::gpu {
namespace {

template <class T>
__global__ void add_one_kernel(std::int64_t count, Global<const T> x, Global<T> y) {
  const std::int64_t grid = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += grid)
    y[i] = x[i] + T{1};
}

__global__ void shift_kernel(Global<const float> x, Global<float> y, std::int64_t by) {
  y[threadIdx.x] = x[threadIdx.x + by];
}

__global__ void sum_bytes_kernel(Global<const std::byte> x, Global<double> y) {
  y[0] = x.as<const float>()[1];
  y[0] += x.as<const std::uint16_t>()[1];
}

__global__ void count_kernel(Global<int> counts) { atomicAdd(&counts[threadIdx.x % 2], 3); }

__global__ void misaligned_kernel(Global<const std::byte> x, Global<double> y) {
  y[0] = x.as<const double>()[0];
}

struct Part {
  std::int64_t begin, end;
};
__global__ void parts_kernel(Global<const Part> parts, Global<Part> moved) {
  moved[0] = Part{parts[1].begin, parts[0].end};
}

constexpr std::int64_t kCount = 5;

/// Adds one to `count` of kCount elements.
std::string adding(Gpu& gpu, std::int64_t count) {
  const float* x = gpu.filled<float>({1, 2, 3, 4, 5});
  float* const y = gpu.fresh<float>(kCount);
  const auto launch = [&] {
    gpu.run(2, 2, add_one_kernel<float>, count, Global<const float>(x, kCount),
            Global<float>(y, kCount));
  };
  const std::string found = finding(launch);
  if (found.empty())
    BOOST_TEST(gpu.read(y, kCount) == (std::vector<float>{2, 3, 4, 5, 6}),
               boost::test_tools::per_element());
  return found;
}

BOOST_AUTO_TEST_SUITE(memory)

BOOST_AUTO_TEST_CASE(a_grid_goes_over_more_elements_than_it_has_threads) {
  for (const Schedule& schedule : schedules()) {
    Gpu gpu(schedule);
    BOOST_TEST(adding(gpu, kCount) == "");
  }
}

BOOST_AUTO_TEST_CASE(an_element_too_many_is_named) {
  Gpu gpu;
  set_label("model/add");

  const std::string found = adding(gpu, kCount + 1);

  check_names(found, {"kernel add_one_kernel<float>", "block 0, thread 1", "of model/add",
                      "reads element 5 of 5", "allocation 1 (20 bytes at 0x", "outside"});
}

BOOST_AUTO_TEST_CASE(a_view_ends_before_its_allocation_does) {
  Gpu gpu;
  const float* x = gpu.filled<float>({1, 2, 3, 4});
  float* const y = gpu.fresh<float>(4);

  check_names(finding([&] {
                gpu.run(1, 3, shift_kernel, Global<const float>(x, 4), Global<float>(y + 1, 2), 0);
              }),
              {"shift_kernel", "thread 2", "writes element 2 of 2", "from byte 4 of"});
}

BOOST_AUTO_TEST_CASE(elements_before_a_view_are_outside) {
  Gpu gpu;
  const float* x = gpu.filled<float>({1, 2, 3, 4});
  float* const y = gpu.fresh<float>(4);

  check_names(finding([&] {
                gpu.run(1, 1, shift_kernel, Global<const float>(x + 1, 3), Global<float>(y, 4), -1);
              }),
              {"reads element -1 of 3", "outside"});
}

BOOST_AUTO_TEST_CASE(a_view_that_is_longer_than_its_allocation_is_refused_when_it_is_made) {
  Gpu gpu;
  float* const x = gpu.fresh<float>(4);
  set_label("model/norm");

  check_names(finding([&] { Global<float>(x + 2, 3); }),
              {"while model/norm is asked for", "12 bytes from byte 8 of allocation 1", "outside"});
}

BOOST_AUTO_TEST_CASE(views_of_host_memory_and_of_nothing_are_told) {
  Gpu gpu;
  float here = 0;
  check_names(finding([&] { Global<float>(&here, 1); }), {"4 bytes at 0x", "no device memory"});
  reset();

  BOOST_TEST(Global<float>().is_null());
  BOOST_TEST(Global<float>(nullptr, 4).is_null());
  Gpu other;
  float* const y = other.fresh<float>(1);
  check_names(finding([&] {
                other.run(1, 1, shift_kernel, Global<const float>(), Global<float>(y, 1), 0);
              }),
              {"reads a view of nothing"});
}

BOOST_AUTO_TEST_CASE(memory_that_was_freed_is_not_touched) {
  Gpu gpu;
  set_label("model/embedding");
  float* const x = gpu.filled<float>({1});
  set_label("model/norm");
  float* const y = gpu.fresh<float>(1);
  const Global<const float> kept(x, 1);
  succeed(cudaFree(x));

  check_names(finding([&] { gpu.run(1, 1, shift_kernel, kept, Global<float>(y, 1), 0); }),
              {"kernel shift_kernel, block 0, thread 0, of model/norm", "reads element 0 of 1",
               "allocation 1", "of model/embedding", "which was freed"});
}

BOOST_AUTO_TEST_CASE(what_was_freed_is_named_by_every_call) {
  Gpu gpu;
  float* const x = gpu.filled<float>({1});
  float* const y = gpu.filled<float>({1});
  succeed(cudaFree(x));
  float here = 0;

  check_names(finding([&] { Global<float>(x, 1); }), {"allocation 1", "which was freed"});
  reset();
  Gpu other;
  check_names(finding([&] { cudaFree(y); }), {"cudaFree again of", "allocation 2"});
  reset();
  check_names(finding([&] { cudaMemcpy(&here, x, 4, cudaMemcpyDeviceToHost); }),
              {"cudaMemcpy: ", "which was freed"});
}

BOOST_AUTO_TEST_CASE(memory_that_was_never_written_is_not_read) {
  Gpu gpu;
  const float* x = gpu.fresh<float>(1);
  float* const y = gpu.fresh<float>(1);

  check_names(finding([&] {
                gpu.run(1, 1, shift_kernel, Global<const float>(x, 1), Global<float>(y, 1), 0);
              }),
              {"shift_kernel", "thread 0", "reads element 0 of 1", "never written"});
}

BOOST_AUTO_TEST_CASE(half_an_element_that_was_written_is_not_read) {
  Gpu gpu;
  float* const x = gpu.fresh<float>(1);
  float* const y = gpu.fresh<float>(1);
  succeed(cudaMemsetAsync(x, 0, 3, gpu.compute));

  check_names(finding([&] {
                gpu.run(1, 1, shift_kernel, Global<const float>(x, 1), Global<float>(y, 1), 0);
              }),
              {"never written"});
}

BOOST_AUTO_TEST_CASE(the_host_gets_nothing_that_was_never_written) {
  Gpu gpu;
  float* const x = gpu.fresh<float>(4);
  succeed(cudaMemsetAsync(x, 0, 9, gpu.compute));
  set_label("record/x");

  check_names(finding([&] { gpu.read(x, 4); }),
              {"cudaMemcpy, of record/x: ", "reads byte 9 of allocation 1", "never written"});
}

BOOST_AUTO_TEST_CASE(a_copy_within_the_device_takes_along_what_was_never_written) {
  Gpu gpu;
  float* const x = gpu.fresh<float>(4);
  float* const y = gpu.filled<float>({1, 2, 3, 4});
  succeed(cudaMemsetAsync(x, 0, 8, gpu.compute));
  succeed(cudaMemcpyAsync(y, x, 16, cudaMemcpyDeviceToDevice, gpu.compute));

  BOOST_TEST(gpu.read(y, 2) == (std::vector<float>{0, 0}), boost::test_tools::per_element());
  check_names(finding([&] { gpu.read(y, 3); }), {"byte 8 of allocation 2", "never written"});
}

BOOST_AUTO_TEST_CASE(a_copy_onto_itself_some_bytes_further_is_told) {
  Gpu gpu;
  float* const x = gpu.filled<float>({1, 2, 3, 4});

  check_names(finding([&] {
                cudaMemcpyAsync(x + 1, x, 8, cudaMemcpyDeviceToDevice, gpu.compute);
                cudaStreamSynchronize(gpu.compute);
              }),
              {"cudaMemcpyAsync", "8 bytes onto themselves, 4 bytes further"});
}

BOOST_AUTO_TEST_CASE(a_copy_says_what_memory_it_is_of) {
  Gpu gpu;
  float* const x = gpu.filled<float>({1});
  float here = 0;

  check_names(finding([&] { cudaMemcpyAsync(x, x, 4, cudaMemcpyHostToDevice, gpu.compute); }),
              {"4 bytes that are said to be the host's are the device's"});
  Gpu other;
  check_names(finding([&] {
                cudaMemcpyAsync(&here, &here, 4, cudaMemcpyDeviceToDevice, other.compute);
                cudaStreamSynchronize(other.compute);
              }),
              {});
}

BOOST_AUTO_TEST_CASE(bytes_are_seen_as_any_type_that_fits) {
  Gpu gpu;
  const float* x = gpu.filled<float>({0, 2.5F});
  double* const y = gpu.fresh<double>(1);

  gpu.run(1, 1, sum_bytes_kernel, Global<const std::byte>(reinterpret_cast<const std::byte*>(x), 8),
          Global<double>(y, 1));

  BOOST_TEST(gpu.read(y, 1) == std::vector<double>{2.5}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_element_that_is_not_aligned_is_told) {
  Gpu gpu;
  const float* x = gpu.filled<float>({0, 1, 2});
  double* const y = gpu.fresh<double>(1);
  const Global<const std::byte> bytes(reinterpret_cast<const std::byte*>(x + 1), 8);

  check_names(finding([&] { gpu.run(1, 1, misaligned_kernel, bytes, Global<double>(y, 1)); }),
              {"reads element 0 of 1, each of 8 bytes, from byte 4", "misaligned"});
}

BOOST_AUTO_TEST_CASE(integers_are_counted_atomically) {
  Gpu gpu;
  int* const counts = gpu.filled<int>({0, 100});

  gpu.run(3, 5, count_kernel, Global<int>(counts, 2));

  BOOST_TEST(gpu.read(counts, 2) == (std::vector<int>{27, 118}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(elements_may_have_members) {
  Gpu gpu;
  const Part* parts = gpu.filled<Part>({{1, 2}, {3, 4}});
  Part* const moved = gpu.fresh<Part>(1);

  gpu.run(1, 1, parts_kernel, Global<const Part>(parts, 2), Global<Part>(moved, 1));

  const Part got = gpu.read(moved, 1)[0];
  BOOST_TEST(got.begin == 3);
  BOOST_TEST(got.end == 2);
}

BOOST_AUTO_TEST_CASE(host_code_does_not_see_through_a_view) {
  Gpu gpu;
  const float* x = gpu.filled<float>({1});
  const Global<const float> view(x, 1);

  check_names(finding([&] { static_cast<void>(static_cast<float>(view[0])); }),
              {"host code reads device memory"});
}

BOOST_AUTO_TEST_CASE(memory_has_an_end) {
  Gpu gpu;
  set_memory_bytes(1000);
  void* first = gpu.fresh<std::byte>(600);
  void* second = nullptr;

  BOOST_TEST(cudaMalloc(&second, 401) == cudaErrorMemoryAllocation);
  BOOST_TEST(second == nullptr);
  BOOST_TEST(cudaGetLastError() == cudaErrorMemoryAllocation);
  BOOST_TEST(cudaGetLastError() == cudaSuccess);
  std::size_t free = 0, total = 0;
  succeed(cudaMemGetInfo(&free, &total));
  BOOST_TEST(free == 400U);
  BOOST_TEST(total == 1000U);
  succeed(cudaFree(first));
  succeed(cudaMalloc(&second, 1000));
}

BOOST_AUTO_TEST_CASE(an_address_is_aligned_as_promised_and_never_given_again) {
  Gpu gpu;
  void* first = gpu.fresh<std::byte>(1);
  succeed(cudaFree(first));
  void* second = gpu.fresh<std::byte>(1);

  BOOST_TEST(reinterpret_cast<std::uintptr_t>(second) % 512 == 256U);
  BOOST_TEST(first != second);
}

BOOST_AUTO_TEST_CASE(rows_are_copied_at_their_pitches_from_and_to_the_host) {
  Gpu gpu;
  const std::vector<float> host{1, 2, 3, 4, 5, 6, 7, 8};
  float* const x = gpu.filled<float>(std::vector<float>(6, -7));
  succeed(cudaMemcpy2DAsync(x, 12, host.data(), 16, 8, 2, cudaMemcpyHostToDevice, gpu.compute));
  succeed(cudaStreamSynchronize(gpu.compute));
  BOOST_TEST(gpu.read(x, 6) == (std::vector<float>{1, 2, -7, 5, 6, -7}),
             boost::test_tools::per_element());

  std::vector<float> back(4);
  succeed(cudaMemcpy2DAsync(back.data(), 8, x, 12, 8, 2, cudaMemcpyDefault, gpu.compute));
  BOOST_TEST(back == (std::vector<float>{1, 2, 5, 6}), boost::test_tools::per_element());
  BOOST_TEST(cudaMemcpy2DAsync(x, 4, x + 4, 8, 8, 1, cudaMemcpyDeviceToDevice, gpu.compute) ==
             cudaErrorInvalidValue);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::sim::gpu
