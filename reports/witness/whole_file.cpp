#include "reports/witness/whole_file.hpp"

#include <array>
#include <cstdio>
#include <memory>

#include "scenarios/errors.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reports {

namespace {

using Stream = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

Stream open(const std::string& path) {
  Stream file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) throw ScenarioError({path}, "cannot be read");
  return file;
}

void read_exactly(const Stream& file, const std::string& path, void* to, std::size_t bytes) {
  if (std::fread(to, 1, bytes, file.get()) != bytes)
    throw ScenarioError({path}, "ends before its header says");
}

Dtype dtype_of(const JsonValue& row, const std::string& path) {
  static const std::map<std::string, Dtype> names{
      {"F64", Dtype::fp64}, {"F32", Dtype::fp32}, {"BF16", Dtype::bf16}, {"F16", Dtype::fp16}};
  const JsonValue* dtype = row.find("dtype");
  const auto found = names.find(dtype == nullptr ? "" : dtype->text);
  if (found == names.end()) throw ScenarioError({path}, "holds a tensor of no known dtype");
  return found->second;
}

std::vector<std::int64_t> integers(const JsonValue& row, const char* key) {
  std::vector<std::int64_t> numbers;
  if (const JsonValue* list = row.find(key))
    for (const JsonValue& number : list->elements) numbers.push_back(number.integer);
  return numbers;
}

}  // namespace

WholeFile::WholeFile(const std::string& path) : path_(path) {
  const Stream file = open(path);
  std::array<unsigned char, 8> length_bytes{};
  read_exactly(file, path, length_bytes.data(), length_bytes.size());
  std::uint64_t length = 0;
  for (std::size_t i = length_bytes.size(); i-- > 0;) length = length << 8 | length_bytes[i];
  if (length > 100'000'000) throw ScenarioError({path}, "has no header");
  std::string header(length, '\0');
  read_exactly(file, path, header.data(), header.size());
  const auto data = static_cast<std::int64_t>(length) + 8;
  for (const JsonMember& member : parse_json(header, path + " (header)").members) {
    if (member.key == "__metadata__") {
      for (const JsonMember& said : member.value.members) metadata_[said.key] = said.value.text;
      continue;
    }
    const std::vector<std::int64_t> ends = integers(member.value, "data_offsets");
    Row row{dtype_of(member.value, path), integers(member.value, "shape"), 0, 0};
    std::int64_t bytes = static_cast<std::int64_t>(size_bytes(row.dtype));
    for (const std::int64_t extent : row.shape) bytes *= extent;
    if (ends.size() != 2 || ends[0] < 0 || ends[1] - ends[0] != bytes)
      throw ScenarioError({path}, member.key + " has not the bytes of its shape");
    row.begin = data + ends[0];
    row.end = data + ends[1];
    rows_.emplace(member.key, std::move(row));
  }
}

std::string WholeFile::metadata(const std::string& key) const {
  const auto found = metadata_.find(key);
  return found == metadata_.end() ? "" : found->second;
}

WholeTensor WholeFile::tensor(const std::string& name) const {
  Pulse::of_this_process().beat();
  const auto found = rows_.find(name);
  if (found == rows_.end()) throw ScenarioError({path_}, "does not hold " + name);
  const Row& row = found->second;
  WholeTensor whole{row.dtype, row.shape, {}};
  whole.bytes.resize(static_cast<std::size_t>(row.end - row.begin));
  const Stream file = open(path_);
  if (::fseeko(file.get(), row.begin, SEEK_SET) != 0) throw ScenarioError({path_}, "is cut short");
  read_exactly(file, path_, whole.bytes.data(), whole.bytes.size());
  return whole;
}

}  // namespace shardproof::reports
