#include "real/machine/fingerprint.hpp"

#include <cmath>
#include <cstdio>
#include <vector>

#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::real {

namespace {

/// Calls kernels on tensors of fixed numbers, and hashes what they leave.
class Sampler {
 public:
  Sampler(Device& device, Dtype dtype) : device_(device), dtype_(dtype) {}
  ~Sampler() {
    for (const TensorView& tensor : tensors_) device_.release(tensor.data, tensor.bytes());
  }
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  /// Numbers in [-1, 1) with all bits in use: multiples of the golden ratio, modulo 2.
  TensorView sample(const Shape& shape, std::int64_t first) {
    std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double multiple =
          0.6180339887498949 * static_cast<double>(first + static_cast<std::int64_t>(i));
      values[i] = 2.0 * (multiple - std::floor(multiple)) - 1.0;
    }
    return tensor(dtype_, shape, values);
  }
  TensorView integers(const Shape& shape, std::int64_t below) {
    std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<double>((3 * static_cast<std::int64_t>(i) + 1) % below);
    return tensor(Dtype::int64, shape, values);
  }
  TensorView result(const Shape& shape) { return sample(shape, 0); }
  /// In the compute dtype.
  TensorView statistic(const Shape& shape) {
    const Dtype dtype = dtype_ == Dtype::fp64 ? Dtype::fp64 : Dtype::fp32;
    return tensor(dtype, shape,
                  std::vector<double>(static_cast<std::size_t>(element_count(shape))));
  }

  void call(OpKind kind, const KernelCall& call) {
    const Kernel kernel = device_.kernels().find(kind);
    if (kernel == nullptr) return;  // it is refused where a program needs it
    kernel(device_, call);
    for (const TensorView& output : call.outputs) add(output);
  }
  const std::vector<std::uint64_t>& hashes() const { return hashes_; }

 private:
  TensorView tensor(Dtype dtype, const Shape& shape, const std::vector<double>& values) {
    TensorView view{dtype, shape, nullptr};
    view.data = device_.allocate(view.bytes());
    tensors_.push_back(view);
    std::vector<std::byte> bytes(view.bytes());
    encode(dtype, values, bytes);
    device_.copy_from_host(bytes, view, Stream::compute);
    return view;
  }
  void add(const TensorView& output) {
    std::vector<std::byte> bytes(output.bytes());
    device_.copy_to_host(output, bytes, Stream::compute);
    device_.synchronize();
    hashes_.push_back(tensor_hash(bytes));
  }

  Device& device_;
  Dtype dtype_;
  std::vector<TensorView> tensors_;
  std::vector<std::uint64_t> hashes_;
};

void call_products(Sampler& on) {
  constexpr std::int64_t shapes[][3] = {{1, 16, 64}, {7, 5, 3}, {64, 96, 128}, {130, 33, 257}};
  for (const auto& [m, n, k] : shapes)
    on.call(OpKind::matmul, {.inputs = {on.sample({m, k}, 1), on.sample({n, k}, 7)},
                             .outputs = {on.result({m, n})}});
}

// exp, log, and sums of many terms.
void call_functions(Sampler& on) {
  on.call(OpKind::swiglu,
          {.inputs = {on.sample({1000}, 3), on.sample({1000}, 5)}, .outputs = {on.result({1000})}});
  on.call(OpKind::cross_entropy, {.inputs = {on.sample({2, 5, 301}, 9), on.integers({2, 5}, 301)},
                                  .outputs = {on.statistic({1})}});
  on.call(OpKind::attention, {.inputs = {on.sample({1, 9, 32}, 11), on.sample({1, 9, 16}, 13),
                                         on.sample({1, 9, 16}, 17)},
                              .outputs = {on.result({1, 9, 32}), on.statistic({1, 4, 9})},
                              .attributes = {.attention = {.head_dim = 8}}});
}

}  // namespace

std::string fingerprint_of(Device& device) {
  std::vector<std::uint64_t> hashes;
  for (const Dtype dtype : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16}) {
    Sampler on(device, dtype);
    call_products(on);
    call_functions(on);
    hashes.insert(hashes.end(), on.hashes().begin(), on.hashes().end());
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx",
                static_cast<unsigned long long>(xxh3(std::as_bytes(std::span(hashes)))));
  return text;
}

}  // namespace shardproof::real
