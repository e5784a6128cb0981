#include "scenarios/trace/provenance.hpp"

#include <fmt/core.h>
#include <gnu/libc-version.h>
#include <unistd.h>
#include <xxhash.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <array>
#include <cfenv>
#include <fstream>
#include <sstream>
#include <thread>

#include "scenarios/hdf5/file.hpp"
#include "shardproof_commit.hpp"

namespace shardproof {

namespace {

std::string dotted(unsigned number, unsigned base) {
  return std::to_string(number / base / base) + "." + std::to_string(number / base % base) + "." +
         std::to_string(number % base);
}

std::string compiler() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#else
  return std::string("gcc ") + __VERSION__;
#endif
}

// The first value of a key of /proc/cpuinfo.
std::string cpu_info(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with(key) && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

// BLAS and the C library choose their kernels, and so their roundings, by these.
std::string cpu_features() {
  std::istringstream flags(cpu_info("flags"));
  std::string features;
  for (std::string flag; flags >> flag;) {
    if (flag == "fma" || flag.starts_with("avx") || flag.starts_with("amx")) {
      features += (features.empty() ? "" : " ") + flag;
    }
  }
  return features.empty() ? "unknown" : features;
}

// The commit does not tell builds of edited sources apart, nor the compiler its options.
std::string hash_of_this_program() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  std::ostringstream bytes;
  if (!(bytes << file.rdbuf())) return "unknown";
  const std::string program = std::move(bytes).str();
  return fmt::format("xxh3 {:016x}", XXH3_64bits(program.data(), program.size()));
}

// Each rank of a simulated cluster asks for it.
const std::string& binary() {
  static const std::string hash = hash_of_this_program();
  return hash;
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::string rounding_mode() {
  switch (std::fegetround()) {
    case FE_TONEAREST: return "nearest";
    case FE_DOWNWARD: return "downward";
    case FE_UPWARD: return "upward";
    case FE_TOWARDZERO: return "toward zero";
    default: return "unknown";
  }
}

// Bit 15 of MXCSR flushes subnormal results to zero, bit 6 reads subnormal operands as zero.
std::string mxcsr_bit([[maybe_unused]] unsigned bit) {
#if defined(__x86_64__)
  return (_mm_getcsr() >> bit & 1) != 0 ? "on" : "off";
#else
  return "unknown";
#endif
}

}  // namespace

std::map<std::string, std::string> collect_provenance() {
  return {{"version", SHARDPROOF_VERSION},
          {"commit", SHARDPROOF_COMMIT},
          {"binary", binary()},
          {"compiler", compiler()},
          {"libc", std::string("glibc ") + gnu_get_libc_version()},
          {"hdf5", hdf5::library_version()},
          {"fmt", dotted(FMT_VERSION, 100)},
          {"xxhash", dotted(XXH_versionNumber(), 100)},
          {"host", host_name()},
          {"cpu", cpu_info("model name")},
          {"cpu_features", cpu_features()},
          {"cores", std::to_string(std::thread::hardware_concurrency())},
          {"rounding", rounding_mode()},
          {"flush_to_zero", mxcsr_bit(15)},
          {"denormals_are_zero", mxcsr_bit(6)}};
}

}  // namespace shardproof
