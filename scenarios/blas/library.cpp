#include "scenarios/blas/library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <optional>

#include "scenarios/blas/kernel_choice.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::blas {

namespace {

// Found as what a program is linked with: LD_LIBRARY_PATH, the program's own path, the system's.
constexpr const char* file_name = "libopenblas.so.0";

std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// A variable of the environment, for as long as this exists.
class Setting {
 public:
  Setting(const std::string& name, const std::string& value)
      : name_(name), before_(variable(name)) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Setting() { before_ ? ::setenv(name_.c_str(), before_->c_str(), 1) : ::unsetenv(name_.c_str()); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  std::string name_;
  std::optional<std::string> before_;
};

struct KernelChoice {
  std::string kernel;  // "": the library's
  std::string by;
};

KernelChoice choose_kernel() {
  if (const auto asked = variable("OPENBLAS_CORETYPE")) return {*asked, "OPENBLAS_CORETYPE"};
  const std::string fitting(kernel_for(features_of_this_cpu()));
  return {fitting, fitting.empty() ? "its own choice" : "the processor's features"};
}

// The library reads all of them as it is loaded. One with threads would start as many as there are
// cores, with a work space for each; one of OpenMP goes by OpenMP's number.
void* load(const KernelChoice& choice) {
  const Setting threads("OPENBLAS_NUM_THREADS", "1"), openmp_threads("OMP_NUM_THREADS", "1");
  std::optional<Setting> kernel;
  if (!choice.kernel.empty()) kernel.emplace("OPENBLAS_CORETYPE", choice.kernel);
  void* loaded = ::dlopen(file_name, RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr)
    throw EnvironmentError(std::string("OpenBLAS cannot be loaded: ") + ::dlerror());
  return loaded;
}

template <class Function>
Function find(void* loaded, const char* name) {
  void* found = ::dlsym(loaded, name);
  if (found == nullptr)
    throw EnvironmentError(std::string(file_name) + " has no " + name + ": is it OpenBLAS?");
  return reinterpret_cast<Function>(found);
}

Library loaded_library() {
  constexpr int by_threads_of_its_own = 1;  // 0 is serial, 2 by OpenMP
  const KernelChoice choice = choose_kernel();
  void* loaded = load(choice);
  const auto text = [loaded](const char* name) {
    return std::string(find<const char* (*)()>(loaded, name)());
  };
  find<void (*)(int)>(loaded, "openblas_set_num_threads")(1);
  return {
      .sgemm = find<Gemm<float>>(loaded, "cblas_sgemm"),
      .dgemm = find<Gemm<double>>(loaded, "cblas_dgemm"),
      .is_concurrent = find<int (*)()>(loaded, "openblas_get_parallel")() == by_threads_of_its_own,
      .kernel = text("openblas_get_corename"),
      .chosen_by = choice.by,
      .version = text("openblas_get_config")};
}

}  // namespace

std::string Library::description() const {
  return version + " kernels for " + kernel + ", by " + chosen_by;
}

const Library& library() {
  static const Library loaded = loaded_library();
  return loaded;
}

}  // namespace shardproof::blas
