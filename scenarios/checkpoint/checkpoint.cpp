#include "scenarios/checkpoint/checkpoint.hpp"

#include <cstring>
#include <filesystem>

#include "scenarios/checkpoint/hash.hpp"
#include "scenarios/data/safetensors.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/folder_replacement.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& file, const std::string& message) {
  throw ScenarioError({file}, message);
}
[[noreturn]] void refuse(const std::string& file, const std::string& tensor,
                         const std::string& message) {
  refuse(file, "tensor \"" + tensor + "\": " + message);
}

Manifest read_manifest(const std::string& path) {
  const std::string file = path + "/" + kManifestFile;
  if (!fs::is_directory(path)) refuse(path, "is no checkpoint: there is no such folder");
  if (!fs::exists(file))
    refuse(file, "there is no such file: the folder is no checkpoint, or not a whole one");
  return manifest_from(read_text_file(file, "the checkpoint's manifest"), file);
}

std::uint64_t hash_of(std::span<const std::byte> bytes) {
  StreamingHash hash;
  hash.add(bytes);
  return hash.value();
}

// The header, which the manifest knows by its hash, says where each part lies.
std::vector<std::size_t> offsets_of(const RankFile& file, const std::string& path) {
  const Safetensors stored(path);
  std::vector<std::size_t> offsets;
  for (const SavedPart& part : file.parts) {
    const auto found = stored.tensors().find(part.name);
    if (found == stored.tensors().end()) refuse(path, part.name, "missing");
    if (found->second.dtype != part.dtype || found->second.shape != stored_shape(part.regions))
      refuse(path, part.name, "is not stored as the manifest says");
    offsets.push_back(static_cast<std::size_t>(found->second.offset));
  }
  if (stored.tensors().size() != file.parts.size())
    refuse(path, "holds other tensors than the manifest says");
  return offsets;
}

std::size_t header_size(std::span<const std::byte> file) {
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);  // there, or the reader would have refused it
  return sizeof length + static_cast<std::size_t>(length);
}

}  // namespace

Checkpoint::Checkpoint(const std::string& path)
    : path_(FolderReplacement::whole(path)), manifest_(read_manifest(path_)) {
  for (std::size_t rank = 0; rank < manifest_.files.size(); ++rank)
    files_.push_back(open_file(static_cast<int>(rank)));
  collect_tensors();
  expect_equal_repeats();
}

Checkpoint::OpenFile Checkpoint::open_file(int rank) const {
  const RankFile& file = manifest_.files[static_cast<std::size_t>(rank)];
  const std::string path = path_ + "/" + rank_file_name(rank);
  if (!fs::exists(path)) {
    const std::string message = "there is no such file, and so not all of this checkpoint";
    if (file.parts.empty()) refuse(path, message);
    refuse(path, file.parts.front().name, message);
  }
  std::vector<std::size_t> offsets = offsets_of(file, path);
  MappedFile mapped(path);
  if (hash_of(mapped.bytes().first(header_size(mapped.bytes()))) != file.header_hash)
    refuse(path, "damaged: its header is not the one that was written");
  return {path, std::move(mapped), std::move(offsets), std::vector<bool>(file.parts.size())};
}

void Checkpoint::collect_tensors() {
  for (std::size_t rank = 0; rank < manifest_.files.size(); ++rank) {
    const std::vector<SavedPart>& parts = manifest_.files[rank].parts;
    for (std::size_t number = 0; number < parts.size(); ++number) {
      const SavedPart& part = parts[number];
      const auto found =
          tensors_.try_emplace(part.name, Tensor{part.dtype, TensorSources(part.shape), {}}).first;
      Tensor& tensor = found->second;
      if (tensor.dtype != part.dtype || tensor.shape() != part.shape)
        refuse(files_[rank].path, part.name, "is of another dtype or shape than on a lower rank");
      tensor.sources.add(static_cast<int>(tensor.stored.size()), part.regions);
      tensor.stored.push_back({static_cast<int>(rank), number});
    }
  }
  for (const auto& [name, tensor] : tensors_)
    if (!tensor.sources.missing().empty())
      refuse(path_, name,
             "no rank's file holds " + to_string(tensor.sources.missing().front()) + " of " +
                 to_string(tensor.shape()));
}

void Checkpoint::expect_equal_repeats() const {
  for (const auto& [name, tensor] : tensors_)
    for (const TensorSources::Repeat& repeat : tensor.sources.repeats()) {
      const Tensor::Stored& earlier = tensor.stored[static_cast<std::size_t>(repeat.copy.holder)];
      const Tensor::Stored& later = tensor.stored[static_cast<std::size_t>(repeat.later)];
      const std::size_t size = size_bytes(tensor.dtype);
      const std::size_t count = static_cast<std::size_t>(repeat.copy.count) * size;
      const std::byte* one =
          bytes_of(earlier).data() + static_cast<std::size_t>(repeat.copy.from) * size;
      const std::byte* other =
          bytes_of(later).data() + static_cast<std::size_t>(repeat.copy.to) * size;
      if (std::memcmp(one, other, count) != 0)
        refuse(files_[static_cast<std::size_t>(later.rank)].path, name,
               "differs from what " + rank_file_name(earlier.rank) + " holds of the same elements");
    }
}

void Checkpoint::expect(const std::string& name, Dtype dtype, const Shape& shape) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) refuse(path_, name, "is not in this checkpoint");
  const Tensor& tensor = found->second;
  if (tensor.dtype != dtype || tensor.shape() != shape)
    refuse(path_, name,
           std::string("is ") + name_of(tensor.dtype) + " " + to_string(tensor.shape()) +
               ", expected " + name_of(dtype) + " " + to_string(shape));
}

const Checkpoint::Tensor& Checkpoint::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  SHARDPROOF_EXPECTS(found != tensors_.end(), name);
  return found->second;
}

const SavedPart& Checkpoint::row(const Tensor::Stored& part) const {
  return manifest_.files[static_cast<std::size_t>(part.rank)].parts[part.number];
}

std::span<const std::byte> Checkpoint::bytes_of(const Tensor::Stored& part) const {
  const OpenFile& file = files_[static_cast<std::size_t>(part.rank)];
  const SavedPart& saved = row(part);
  const std::size_t size =
      static_cast<std::size_t>(element_count(saved.regions)) * size_bytes(saved.dtype);
  const auto bytes = file.mapped.bytes().subspan(file.offsets[part.number], size);
  if (!file.unchanged[part.number]) {
    if (hash_of(bytes) != saved.hash)
      refuse(file.path, saved.name, "damaged: its bytes are not those that were written");
    file.unchanged[part.number] = true;
  }
  return bytes;
}

std::vector<std::byte> Checkpoint::read(const std::string& name,
                                        std::span<const Region> regions) const {
  Pulse::of_this_process().beat();
  const Tensor& tensor = this->tensor(name);
  const std::size_t size = size_bytes(tensor.dtype);
  std::vector<std::byte> bytes(static_cast<std::size_t>(element_count(regions)) * size);
  copy_regions(
      tensor.sources,
      [&](int holder) { return bytes_of(tensor.stored[static_cast<std::size_t>(holder)]); },
      regions, size, bytes);
  return bytes;
}

std::vector<Checkpoint::Part> Checkpoint::parts(const std::string& name) const {
  std::vector<Part> parts;
  for (const Tensor::Stored& stored : tensor(name).stored)
    parts.push_back({stored.rank, row(stored).regions, bytes_of(stored)});
  return parts;
}

void Checkpoint::check_all() const {
  for (const auto& [name, tensor] : tensors_)
    for (const Tensor::Stored& part : tensor.stored) bytes_of(part);
}

}  // namespace shardproof
