#pragma once

#include <string>

namespace shardproof::sim::gpu {

/// "add_kernel<float>": a function's name without namespaces and parameters, as the program's own
/// symbol table tells it; its address if that was stripped.
std::string kernel_name(const void* function);

}  // namespace shardproof::sim::gpu
