#include "scenarios/checkpoint/consolidate.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "scenarios/config/model/model_config.hpp"
#include "scenarios/counts.hpp"
#include "scenarios/data/safetensors.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/durable_file.hpp"

namespace shardproof {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolder = "parameter/";

void rename_into_place(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) throw EnvironmentError(from + ": cannot be renamed to " + to + ": " + error.message());
  const fs::path folder = fs::path(to).parent_path();
  sync_folder(folder.empty() ? "." : folder.string());
}

std::vector<TensorRow> parameters_of(const Checkpoint& checkpoint) {
  std::vector<TensorRow> rows;
  for (const auto& [name, tensor] : checkpoint.tensors())
    if (name.starts_with(kFolder))
      rows.push_back({name.substr(kFolder.size()), tensor.dtype, tensor.shape()});
  return rows;
}

std::int64_t bytes_of(const std::vector<TensorRow>& rows) {
  std::int64_t bytes = 0;
  for (const TensorRow& row : rows)
    bytes = sum(
        bytes, product(element_count(row.shape), static_cast<std::int64_t>(size_bytes(row.dtype))));
  return bytes;
}

void write_in_pieces(DurableFile& out, std::span<const std::byte> bytes, WrittenBytes& written) {
  constexpr std::size_t piece = std::size_t{1} << 20;
  while (!bytes.empty()) {
    const auto next = bytes.first(std::min(bytes.size(), piece));
    out.write(next);
    written.add(next.size());
    bytes = bytes.subspan(next.size());
  }
}

}  // namespace

void write_consolidated(const Checkpoint& checkpoint, const std::string& file,
                        const WriteProgress& progress, const CheckWritten& check) {
  const std::vector<TensorRow> rows = parameters_of(checkpoint);
  WrittenBytes written(progress, bytes_of(rows));
  const std::string part = file + ".part";
  try {
    DurableFile out(part);
    out.write(safetensors_header(rows, {{"format", "pt"}}));
    for (const TensorRow& row : rows)
      write_in_pieces(
          out, checkpoint.read(std::string(kFolder) + row.name, std::array{whole(row.shape)}),
          written);
    out.close();
    written.add(0);
    if (check) check(part);
    rename_into_place(part, file);
  } catch (...) {
    std::error_code gone;
    fs::remove(part, gone);
    throw;
  }
}

void write_consolidated_model(const Checkpoint& checkpoint, const ModelDescription& model,
                              const std::string& folder) {
  const std::string config = folder + "/config.json";
  DurableFile out(config + ".part");
  out.write(write_json(to_json(model), 2));
  out.close();
  rename_into_place(config + ".part", config);
  write_consolidated(checkpoint, folder + "/model.safetensors");
}

}  // namespace shardproof
