#include "scenarios/blas/kernel_choice.hpp"

namespace shardproof::blas {

CpuFeatures features_of_this_cpu() {
  CpuFeatures cpu;
#if defined(__x86_64__)
  // Each asks the system, too: one that does not save a register cannot be used with it.
  cpu.avx = __builtin_cpu_supports("avx");
  cpu.avx2_and_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  cpu.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
  cpu.amd = __builtin_cpu_is("amd");
#endif
  return cpu;
}

std::string_view kernel_for(const CpuFeatures& cpu) {
  if (cpu.avx512) return "SkylakeX";
  if (cpu.avx2_and_fma) return cpu.amd ? "Zen" : "Haswell";
  return cpu.avx ? "Sandybridge" : "";
}

}  // namespace shardproof::blas
