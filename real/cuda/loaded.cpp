// The program's side of the library for GPUs: it lies beside the program, or in lib/ beside bin/.
#include <dlfcn.h>

#include <filesystem>

#include "real/cuda/module.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {

const CudaModule* load() {
  namespace fs = std::filesystem;
  constexpr const char* file = "libshardproof_cuda.so";
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path();
  fs::path path = folder / file;
  if (!fs::exists(path)) path = folder.parent_path() / "lib" / file;
  // It is never closed. What it does not bring, it finds in the program.
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* const module = library == nullptr ? nullptr : dlsym(library, "shardproof_cuda_module");
  if (module == nullptr)
    throw EnvironmentError(std::string("real = cuda: the engine for GPUs cannot be loaded: ") +
                           dlerror());
  return static_cast<const CudaModule*>(module);
}

}  // namespace

const CudaModule& cuda_module() {
  static const CudaModule* const module = load();
  return *module;
}

std::map<std::string, std::string> cuda_versions() {
  try {
    return cuda_module().versions();
  } catch (const EnvironmentError& error) {
    return {{"cuda", error.what()}};
  }
}

}  // namespace shardproof::real
