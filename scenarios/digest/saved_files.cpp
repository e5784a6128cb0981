#include "scenarios/digest/saved_files.hpp"

#include <filesystem>

#include "scenarios/checkpoint/hash.hpp"
#include "scenarios/checkpoint/mapped_file.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

std::uint64_t hash_of_manifest(const std::string& path) {
  JsonValue manifest = read_json(path);
  std::erase_if(manifest.members, [](const JsonMember& member) {
    return member.key == "scenario" || member.key == "scenario_hash" || member.key == "checksum";
  });
  return hash_of_text(write_json(manifest));
}

std::uint64_t hash_of_file(const fs::path& path) {
  return path.filename() == "manifest.json" ? hash_of_manifest(path.string())
                                            : tensor_hash(MappedFile(path.string()).bytes());
}

}  // namespace

std::map<std::string, std::string> saved_files(const std::string& folder) {
  std::map<std::string, std::string> files;
  const fs::path saved = fs::path(folder) / "checkpoints";
  if (!fs::is_directory(saved)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(saved))
    if (entry.is_regular_file())
      files[entry.path().lexically_relative(folder).string()] = to_hex(hash_of_file(entry.path()));
  return files;
}

}  // namespace shardproof
