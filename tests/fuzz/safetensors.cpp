// Any bytes as a safetensors file; what is accepted is read whole.
#include "scenarios/data/safetensors.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/fuzz/fuzz.hpp"

using namespace shardproof;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = (std::filesystem::temp_directory_path() /
                                   ("fuzz-" + std::to_string(getpid()) + ".safetensors"))
                                      .string();
  std::ofstream(path, std::ios::binary) << fuzz::text_of(data, size);
  fuzz::refused_or([&] {
    const Safetensors stored(path);
    std::size_t elements = 0;
    for (const auto& [name, tensor] : stored.tensors())
      elements += size_bytes(tensor.dtype) * stored.read(name, whole(tensor.shape)).size();
    SHARDPROOF_EXPECTS(elements <= size, elements, size);  // no byte belongs to two tensors
  });
  std::filesystem::remove(path);
  return 0;
}
