#pragma once

#include <cstddef>
#include <utility>

#include "real/cuda/launch.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

/// y[i] = f(x[i]...). y may be one of the x.
template <class C, class F, class... Inputs>
__global__ void elementwise_kernel(std::int64_t count, F f, Output<C> y, Inputs... x) {
  for (std::int64_t i = first_element(); i < count; i += grid_threads()) y.set(i, f(x[i]...));
}

/// y[i] = f(a[i], b[i], ...) over the first N inputs, in the compute type C of an F<C>:
///
///   elementwise<2>(device, call, Sum<C>{});
template <std::size_t N, template <class> class F, class C>
void elementwise(Device& device, const KernelCall& call, const F<C>& f) {
  const auto ask = [&]<std::size_t... k>(std::index_sequence<k...>) {
    (expect_same_count(call.in(k), call.out()), ...);
    const std::int64_t count = call.out().elements();
    launch_elements(device, call, count,
                    elementwise_kernel<C, F<C>, decltype(Input<C>(call.in(k)))...>, count, f,
                    Output<C>(call.out()), Input<C>(call.in(k))...);
  };
  ask(std::make_index_sequence<N>());
}

}  // namespace shardproof::real::SHARDPROOF_GPU
