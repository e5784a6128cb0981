#include "sim/gpu/kernel_name.hpp"

#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <vector>

namespace shardproof::sim::gpu {
namespace {

/// Where the program's own file was loaded: what its addresses are counted from.
std::uintptr_t load_address() {
  std::uintptr_t base = 0;
  const auto take_first = [](dl_phdr_info* info, std::size_t, void* result) {
    *static_cast<std::uintptr_t*>(result) = info->dlpi_addr;
    return 1;  // the program comes first
  };
  dl_iterate_phdr(take_first, &base);
  return base;
}

std::vector<char> program_file() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The table that the linker leaves, .symtab, has names of functions that no other file sees, too.
std::optional<std::string> mangled_name(std::uintptr_t address) {
  const std::vector<char> file = program_file();
  if (file.size() < sizeof(Elf64_Ehdr)) return std::nullopt;
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(file.data());
  if (header->e_shoff + header->e_shnum * sizeof(Elf64_Shdr) > file.size()) return std::nullopt;
  const std::span sections(reinterpret_cast<const Elf64_Shdr*>(file.data() + header->e_shoff),
                           header->e_shnum);
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_SYMTAB) continue;
    const char* names = file.data() + sections[section.sh_link].sh_offset;
    const std::span symbols(reinterpret_cast<const Elf64_Sym*>(file.data() + section.sh_offset),
                            section.sh_size / sizeof(Elf64_Sym));
    for (const Elf64_Sym& symbol : symbols)
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_value == address)
        return names + symbol.st_name;
  }
  return std::nullopt;
}

std::string demangled(const std::string& name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? text.get() : name;
}

/// Walks back from `end` to where the bracket that closes there was opened.
std::size_t opening(const std::string& text, std::size_t end) {
  int depth = 0;
  for (std::size_t i = end; i-- > 0;) {
    if (text[i] == ')' || text[i] == '>') ++depth;
    if ((text[i] == '(' || text[i] == '<') && --depth == 0) return i;
  }
  return 0;
}

/// "void a::(anonymous namespace)::add_kernel<float>(long)" -> "add_kernel<float>".
std::string short_name(std::string name) {
  if (name.ends_with(')')) name.erase(opening(name, name.size()));
  const std::size_t end = name.ends_with('>') ? opening(name, name.size()) : name.size();
  const std::size_t before = name.find_last_of(": ", end == 0 ? 0 : end - 1);
  return before == std::string::npos ? name : name.substr(before + 1);
}

}  // namespace

std::string kernel_name(const void* function) {
  const auto address = reinterpret_cast<std::uintptr_t>(function);
  if (const auto name = mangled_name(address - load_address())) return short_name(demangled(*name));
  std::ostringstream text;
  text << "at " << function;
  return text.str();
}

}  // namespace shardproof::sim::gpu
