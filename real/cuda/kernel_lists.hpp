#pragma once

#include <span>

#include "real/kernels.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

// One list of kernels for each file of that name: rows of a table, in which a missing one shows.
std::span<const KernelRow> attention_kernels();
std::span<const KernelRow> expert_kernels();
std::span<const KernelRow> gelu_kernels();
std::span<const KernelRow> gradient_norm_kernels();
std::span<const KernelRow> head_kernels();
std::span<const KernelRow> loss_kernels();
std::span<const KernelRow> matmul_kernels();
std::span<const KernelRow> move_kernels();
std::span<const KernelRow> norm_kernels();
std::span<const KernelRow> pointwise_kernels();
std::span<const KernelRow> rotary_kernels();
std::span<const KernelRow> token_kernels();
std::span<const KernelRow> update_kernels();

}  // namespace shardproof::real::SHARDPROOF_GPU
