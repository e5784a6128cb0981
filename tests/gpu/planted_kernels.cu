#include <cmath>

#include "real/cuda/launch.hpp"
#include "real/cuda/nccl_communicator.hpp"
#include "tests/gpu/planted_kernels.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

template <class C>
__global__ void add_without_its_last_element_kernel(std::int64_t count, Input<C> a, Input<C> b,
                                                    Output<C> y) {
  const std::int64_t i = first_element();
  const bool last_block = blockIdx.x + 1 == gridDim.x;
  if (i < (last_block ? count - 1 : count)) y.set(i, a[i] + b[i]);
}

void add_without_its_last_element(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) {
    const std::int64_t count = call.out().elements();
    launch_elements(device, call, count, add_without_its_last_element_kernel<C>, count,
                    Input<C>(call.in(0)), Input<C>(call.in(1)), Output<C>(call.out()));
  });
}

/// As block_sum, but that only those who have added wait for each other.
template <class C>
__device__ C divergent_block_sum(C value) {
  __shared__ Shared<C, kThreads> sums;
  const int thread = static_cast<int>(threadIdx.x);
  sums[thread] = value;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2)
    if (thread < half) {
      sums[thread] = sums[thread] + sums[thread + half];
      __syncthreads();
    }
  __syncthreads();
  return sums[0];
}

template <class C>
__global__ void rms_norm_with_a_divergent_barrier_kernel(RowExtents e, Input<C> x, Input<C> weight,
                                                         Output<C> y, C eps) {
  for (std::int64_t row = blockIdx.x; row < e.rows; row += gridDim.x) {
    C squares{0};
    for (std::int64_t i = threadIdx.x; i < e.H; i += blockDim.x)
      squares += x[row * e.H + i] * x[row * e.H + i];
    const C mean = divergent_block_sum(squares) / static_cast<C>(e.H);
    for (std::int64_t i = threadIdx.x; i < e.H; i += blockDim.x)
      y.set(row * e.H + i, x[row * e.H + i] / std::sqrt(mean + eps) * weight[i]);
  }
}

void rms_norm_with_a_divergent_barrier(Device& device, const KernelCall& call) {
  const RowExtents e = norm_extents(call.in(0), call.in(1));
  in_compute_type_of(call.out(), [&]<class C>(C) {
    launch_rows(device, call, e.rows, rms_norm_with_a_divergent_barrier_kernel<C>, e,
                Input<C>(call.in(0)), Input<C>(call.in(1)), Output<C>(call.out()),
                static_cast<C>(call.attributes.eps));
  });
}

template <class C>
__global__ void swiglu_with_a_full_last_vector_kernel(std::int64_t vectors, Input<C> gate,
                                                      Input<C> up, Output<C> y) {
  constexpr std::int64_t width = 4;
  for (std::int64_t v = first_element(); v < vectors; v += grid_threads())
    for (std::int64_t i = v * width; i < (v + 1) * width; ++i) {
      const C g = gate[i];
      y.set(i, g / (C{1} + std::exp(-g)) * up[i]);
    }
}

void swiglu_with_a_full_last_vector(Device& device, const KernelCall& call) {
  const std::int64_t vectors = (call.out().elements() + 3) / 4;
  in_compute_type_of(call.out(), [&]<class C>(C) {
    launch_elements(device, call, vectors, swiglu_with_a_full_last_vector_kernel<C>, vectors,
                    Input<C>(call.in(0)), Input<C>(call.in(1)), Output<C>(call.out()));
  });
}

void right(Device& device, OpKind kind, const KernelCall& call) {
  on_gpu(device).CudaDevice::kernels().find(kind)(device, call);
}

void accumulate_into_the_first_bucket(Device& device, const KernelCall& call) {
  static std::byte* const first = call.out().data;
  KernelCall stale = call;
  stale.inputs.at(0).data = stale.outputs.at(0).data = first;
  right(device, OpKind::accumulate, stale);
}

void swiglu_on_the_wrong_stream(Device& device, const KernelCall& call) {
  KernelCall elsewhere = call;
  elsewhere.stream = Stream::communication;
  right(device, OpKind::swiglu, elsewhere);
}

constexpr KernelRow broken_rows[] = {
    {OpKind::add, add_without_its_last_element},
    {OpKind::rms_norm, rms_norm_with_a_divergent_barrier},
    {OpKind::swiglu, swiglu_with_a_full_last_vector},
    {OpKind::accumulate, accumulate_into_the_first_bucket},
    {OpKind::swiglu, swiglu_on_the_wrong_stream},
};

class PlantedDevice : public CudaDevice {
 public:
  explicit PlantedDevice(const KernelRow& broken) : CudaDevice(0), table_({with(broken)}) {}
  const KernelTable& kernels() const override { return table_; }

 private:
  std::span<const KernelRow> with(const KernelRow& broken) {
    for (const OpRow& row : op_table())
      if (const Kernel kernel = CudaDevice::kernels().find(row.kind))
        rows_.push_back(row.kind == broken.kind ? broken : KernelRow{row.kind, kernel});
    return rows_;
  }
  std::vector<KernelRow> rows_;
  KernelTable table_;
};

}  // namespace

Machine planted_machine(const MpiProcess& process, const ProcessGrid& grid,
                        std::optional<tests::PlantedKernel> planted) {
  std::unique_ptr<CudaDevice> device =
      planted ? std::make_unique<PlantedDevice>(broken_rows[static_cast<std::size_t>(*planted)])
              : std::make_unique<CudaDevice>(0);
  auto communicator = std::make_unique<NcclCommunicator>(grid, process, *device);
  return {std::move(device), std::move(communicator)};
}

}  // namespace shardproof::real::SHARDPROOF_GPU
