#include "scenarios/checkpoint/write_checkpoint.hpp"

#include <algorithm>
#include <filesystem>

#include "scenarios/checkpoint/hash.hpp"
#include "scenarios/data/safetensors.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/durable_file.hpp"
#include "scenarios/files/folder_replacement.hpp"
#include "scenarios/files/text_file.hpp"

namespace shardproof {

namespace {

namespace fs = std::filesystem;

FolderReplacement replacement(const std::string& path) {
  return {path, {.marker = kManifestFile, .what = "checkpoint"}};
}

std::string part_file(const std::string& path, const std::string& name) {
  return FolderReplacement::part_of(path) + "/" + name;
}

std::string row_file(const std::string& path, int rank) {
  return part_file(path, rank_file_name(rank) + ".json");
}

void expect_whole(const PartToSave& part) {
  std::size_t bytes = 0;
  for (const auto& stretch : part.stretches) bytes += stretch.size();
  SHARDPROOF_EXPECTS(
      bytes == static_cast<std::size_t>(element_count(part.regions)) * size_bytes(part.dtype),
      part.name, bytes);
}

// Writes a part's bytes, and hashes them while they are at hand.
std::uint64_t write_part(DurableFile& file, const PartToSave& part,
                         const std::function<void(std::size_t)>& written) {
  constexpr std::size_t chunk = std::size_t{1} << 20;
  StreamingHash hash;
  for (std::span<const std::byte> rest : part.stretches)
    while (!rest.empty()) {
      const auto next = rest.first(std::min(rest.size(), chunk));
      hash.add(next);
      file.write(next);
      if (written) written(next.size());
      rest = rest.subspan(next.size());
    }
  return hash.value();
}

}  // namespace

void begin_checkpoint(const std::string& path) { replacement(path).begin("unfinished\n"); }

void write_rank_file(const std::string& path, int rank, const std::vector<PartToSave>& parts,
                     const std::function<void(std::size_t)>& progress) {
  std::vector<TensorRow> rows;
  for (const PartToSave& part : parts) {
    expect_whole(part);
    rows.push_back({part.name, part.dtype, stored_shape(part.regions)});
  }
  RankFile written;
  DurableFile data(part_file(path, rank_file_name(rank)));
  const std::string header = safetensors_header(rows);
  written.header_hash = hash_of_text(header);
  data.write(header);
  for (const PartToSave& part : parts)
    written.parts.push_back(
        {part.name, part.dtype, part.shape, part.regions, write_part(data, part, progress)});
  data.close();
  write_text(row_file(path, rank), rank_file_text(written, rank));
}

void drop_checkpoint(const std::string& path) { replacement(path).drop(); }

void finish_checkpoint(const std::string& path, const CheckpointOrigin& origin,
                       const CheckWritten& check) {
  Manifest manifest{origin, {}};
  for (int rank = 0; rank < origin.tp * origin.dp; ++rank) {
    const std::string row = row_file(path, rank);
    manifest.files.push_back(rank_file_from(read_text_file(row, "a rank's file list"), row, rank));
  }
  for (int rank = 0; rank < origin.tp * origin.dp; ++rank) fs::remove(row_file(path, rank));
  DurableFile file(part_file(path, kManifestFile));
  file.write(manifest_text(manifest));
  file.close();
  sync_folder(FolderReplacement::part_of(path));
  if (check) check(FolderReplacement::part_of(path));
  replacement(path).put_in_place();
}

}  // namespace shardproof
