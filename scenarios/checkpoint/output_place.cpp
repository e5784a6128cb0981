#include "scenarios/checkpoint/output_place.hpp"

#include <filesystem>

#include "scenarios/counts.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/regular_file.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

// With all links followed, as far as the path exists.
fs::path real_path(const std::string& path) {
  return fs::weakly_canonical(fs::absolute(path)).lexically_normal();
}

bool lies_in(const fs::path& path, const fs::path& folder) {
  const fs::path below = path.lexically_relative(folder);
  return !below.empty() && *below.begin() != "..";
}

std::int64_t bytes_of(const Checkpoint& checkpoint, bool whole_state) {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : checkpoint.tensors())
    if (whole_state || name.starts_with("parameter/"))
      bytes = sum(bytes, product(element_count(tensor.shape()),
                                 static_cast<std::int64_t>(size_bytes(tensor.dtype))));
  return bytes;
}

// Of a folder that is not there yet: the disk that it will be on.
fs::path existing_ancestor(fs::path path) {
  while (!fs::exists(path) && path.has_parent_path() && path != path.root_path())
    path = path.parent_path();
  return path;
}

}  // namespace

void expect_output_place(const Checkpoint& checkpoint, const std::string& out, bool force,
                         bool whole_state) {
  const fs::path target = real_path(out), source = real_path(checkpoint.path());
  if (lies_in(target, source) || lies_in(source, target))
    throw ScenarioError("--out: " + out + ": the checkpoint that is read, " + checkpoint.path() +
                        ", lies there; choose another place");
  expect_regular_file(out);
  if (fs::exists(target) && !force)
    throw ScenarioError("--out: " + out + ": is there already; --force replaces it");
  if (!whole_state && fs::is_directory(target))
    throw ScenarioError("--out: " + out + ": is a folder; give the name of a file");
  const std::int64_t needed = bytes_of(checkpoint, whole_state);
  const auto free = static_cast<std::int64_t>(fs::space(existing_ancestor(target)).available);
  if (needed > free)
    throw ScenarioError("--out: " + out + ": takes " + std::to_string(needed) + " bytes, and " +
                        std::to_string(free) + " are free there");
}

}  // namespace shardproof
