#include "scenarios/data/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "scenarios/data/region_runs.hpp"
#include "scenarios/files/regular_file.hpp"
#include "scenarios/json/object_reader.hpp"

namespace shardproof {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kLongestHeader = 100'000'000;
constexpr std::int64_t kLengthBytes = 8;
static_assert(std::endian::native == std::endian::little, "safetensors files are read as they lie");

struct DtypeName {
  const char* name;
  Dtype dtype;
};
constexpr DtypeName kDtypes[] = {
    {"F64", Dtype::fp64}, {"F32", Dtype::fp32}, {"F16", Dtype::fp16}, {"BF16", Dtype::bf16}};

[[noreturn]] void refuse(const std::string& file, const std::string& message) {
  throw ScenarioError({file}, message);
}
[[noreturn]] void refuse(const std::string& file, const std::string& tensor,
                         const std::string& message) {
  refuse(file, "tensor \"" + tensor + "\": " + message);
}

// Bytes of a tensor, or nothing if that number does not fit.
std::optional<std::int64_t> checked_bytes(const Shape& shape, std::size_t element_bytes) {
  auto bytes = static_cast<std::int64_t>(element_bytes);
  for (const std::int64_t extent : shape)
    if (__builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
  return bytes;
}

// Reads the header of one file into tensors.
class HeaderReader {
 public:
  explicit HeaderReader(const std::string& file) : file_(file) {}

  std::map<std::string, StoredTensor> read() {
    const std::string header = read_header();
    JsonValue root = parse_json(header, file_ + " (header)");
    if (!root.is_object()) refuse(file_, "the header is no JSON object");
    for (const JsonMember& member : root.members) {
      if (member.key == "__metadata__")
        check_metadata(member.value);
      else
        add(member.key, member.value);
    }
    check_data_is_covered();
    return std::move(tensors_);
  }

 private:
  struct Extent {
    std::int64_t begin, end;
    std::string name;
  };

  std::string read_header() {
    expect_regular_file(file_);
    std::ifstream in(file_, std::ios::binary);
    if (!in.is_open()) refuse(file_, "the weights cannot be read");
    const auto file_bytes = static_cast<std::int64_t>(fs::file_size(file_));
    std::uint64_t length = 0;
    if (file_bytes < kLengthBytes)
      refuse(file_, "truncated: " + std::to_string(file_bytes) +
                        " bytes do not hold the length of the header");
    in.read(reinterpret_cast<char*>(&length), kLengthBytes);
    if (length > static_cast<std::uint64_t>(kLongestHeader))
      refuse(file_, "the header's length " + std::to_string(length) + " is more than 100 MB");
    data_begin_ = kLengthBytes + static_cast<std::int64_t>(length);
    if (data_begin_ > file_bytes)
      refuse(file_, "truncated: the header has " + std::to_string(length) +
                        " bytes, the file only " + std::to_string(file_bytes));
    data_bytes_ = file_bytes - data_begin_;
    std::string header(length, '\0');
    in.read(header.data(), static_cast<std::streamsize>(length));
    if (!in) refuse(file_, "the header cannot be read");
    return header;
  }

  void check_metadata(const JsonValue& metadata) {
    bool strings = metadata.is_object();
    for (const JsonMember& member : metadata.members) strings &= member.value.is_string();
    if (!strings) refuse(file_, "__metadata__ is no map from strings to strings");
  }

  void add(const std::string& name, const JsonValue& row) {
    ObjectReader reader(row, name);
    StoredTensor tensor;
    tensor.file = file_;
    tensor.dtype = read_dtype(name, reader.require("dtype", "expected F64, F32, F16 or BF16"));
    tensor.shape = read_shape(name, reader.require("shape", "expected a list of extents"));
    const auto [begin, end] =
        read_offsets(name, reader.require("data_offsets", "expected [begin, end]"));
    reader.finish();
    const auto bytes = checked_bytes(tensor.shape, size_bytes(tensor.dtype));
    if (!bytes) refuse(file_, name, "the shape " + to_string(tensor.shape) + " overflows");
    if (end - begin != *bytes)
      refuse(file_, name,
             "data_offsets hold " + std::to_string(end - begin) + " bytes, shape " +
                 to_string(tensor.shape) + " and dtype " + name_of(tensor.dtype) + " need " +
                 std::to_string(*bytes));
    if (end > data_bytes_)
      refuse(file_, name,
             "truncated: its data end at byte " + std::to_string(end) + ", the file holds " +
                 std::to_string(data_bytes_));
    tensor.offset = data_begin_ + begin;
    extents_.push_back({begin, end, name});
    tensors_.emplace(name, std::move(tensor));
  }

  Dtype read_dtype(const std::string& name, const JsonValue& value) {
    for (const DtypeName& row : kDtypes)
      if (value.is_string() && value.text == row.name) return row.dtype;
    refuse(file_, name, "dtype " + write_json(value) + ": expected F64, F32, F16 or BF16");
  }

  Shape read_shape(const std::string& name, const JsonValue& value) {
    if (!value.is_array()) refuse(file_, name, "its shape is no list");
    Shape shape;
    for (const JsonValue& extent : value.elements) {
      if (!extent.is_integer || extent.integer < 0)
        refuse(file_, name, "the extent " + write_json(extent) + " is no count");
      shape.push_back(extent.integer);
    }
    return shape;
  }

  std::pair<std::int64_t, std::int64_t> read_offsets(const std::string& name,
                                                     const JsonValue& value) {
    const bool pair = value.is_array() && value.elements.size() == 2 &&
                      value.elements[0].is_integer && value.elements[1].is_integer;
    if (!pair || value.elements[0].integer < 0 ||
        value.elements[1].integer < value.elements[0].integer)
      refuse(file_, name, "data_offsets = " + write_json(value) + ": expected [begin, end]");
    return {value.elements[0].integer, value.elements[1].integer};
  }

  // Every byte of the data belongs to exactly one tensor.
  void check_data_is_covered() {
    std::sort(extents_.begin(), extents_.end(), [](const Extent& a, const Extent& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::int64_t covered = 0;
    for (const Extent& extent : extents_) {
      if (extent.begin < covered) refuse(file_, extent.name, "overlaps another tensor's data");
      if (extent.begin > covered)
        refuse(file_, extent.name,
               "there is a gap of " + std::to_string(extent.begin - covered) +
                   " bytes before its data");
      covered = extent.end;
    }
    if (covered != data_bytes_)
      refuse(file_,
             std::to_string(data_bytes_ - covered) + " bytes at the end belong to no tensor");
  }

  std::string file_;
  std::int64_t data_begin_ = 0, data_bytes_ = 0;
  std::map<std::string, StoredTensor> tensors_;
  std::vector<Extent> extents_;
};

// "model.safetensors.index.json": {"metadata": {...}, "weight_map": {tensor: file}}.
std::map<std::string, StoredTensor> read_index(const std::string& path) {
  const JsonValue root = read_json(path);
  ObjectReader reader(root, "");
  reader.find("metadata");
  ObjectReader map(reader.require("weight_map", "expected { tensor: file, ... }"), "weight_map");
  reader.finish();
  std::map<std::string, std::map<std::string, StoredTensor>> files;
  std::map<std::string, StoredTensor> tensors;
  for (const JsonMember& member : map.object().members) {
    const std::string& name = as_string(member.value, "weight_map." + member.key);
    if (fs::path(name).filename() != name)
      refuse_value(member.value, "weight_map." + member.key, "expected a file beside the index");
    const std::string file = (fs::path(path).parent_path() / name).string();
    if (!fs::exists(file))
      refuse_value(member.value, "weight_map." + member.key, "there is no \"" + file + "\"");
    if (!files.contains(file)) files[file] = HeaderReader(file).read();
    const auto found = files[file].find(member.key);
    if (found == files[file].end()) refuse(file, member.key, "not here, though the index says so");
    tensors.insert(*found);
  }
  for (const auto& [file, held] : files)
    for (const auto& [name, tensor] : held)
      if (!tensors.contains(name) || tensors.at(name).file != file)
        refuse(file, name, "here, though the index does not say so");
  return tensors;
}

std::map<std::string, StoredTensor> read_headers(const std::string& path) {
  if (!fs::is_directory(path))
    return path.ends_with(".json") ? read_index(path) : HeaderReader(path).read();
  const std::string index = (fs::path(path) / "model.safetensors.index.json").string();
  if (fs::exists(index)) return read_index(index);
  const std::string single = (fs::path(path) / "model.safetensors").string();
  if (fs::exists(single)) return HeaderReader(single).read();
  refuse(path, "holds neither model.safetensors nor model.safetensors.index.json");
}

}  // namespace

Safetensors::Safetensors(const std::string& path) : tensors_(read_headers(path)) {}

std::vector<std::byte> Safetensors::read_bytes(const std::string& name,
                                               const Region& region) const {
  const auto found = tensors_.find(name);
  SHARDPROOF_EXPECTS(found != tensors_.end(), name);
  const StoredTensor& tensor = found->second;
  const std::size_t element = size_bytes(tensor.dtype);
  std::vector<std::byte> bytes(static_cast<std::size_t>(element_count(region)) * element);
  std::ifstream in(tensor.file, std::ios::binary);
  std::size_t at = 0;
  for (const Run& run : runs_of(region, tensor.shape)) {
    const std::size_t size = static_cast<std::size_t>(run.count) * element;
    in.seekg(tensor.offset + run.first * static_cast<std::int64_t>(element));
    in.read(reinterpret_cast<char*>(bytes.data() + at), static_cast<std::streamsize>(size));
    at += size;
  }
  if (!in) refuse(tensor.file, name, "cannot be read");
  return bytes;
}

std::vector<double> Safetensors::read(const std::string& name, const Region& region) const {
  const std::vector<std::byte> bytes = read_bytes(name, region);
  std::vector<double> values(static_cast<std::size_t>(element_count(region)));
  decode(tensors_.at(name).dtype, bytes, values);
  return values;
}

std::string safetensors_header(const std::vector<TensorRow>& tensors,
                               const std::map<std::string, std::string>& metadata) {
  JsonValue header = JsonValue::object();
  if (!metadata.empty()) {
    JsonValue object = JsonValue::object();
    for (const auto& [key, value] : metadata) object.set(key, value);
    header.set("__metadata__", std::move(object));
  }
  std::int64_t at = 0;
  for (const TensorRow& tensor : tensors) {
    const auto* row = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                   [&](const DtypeName& d) { return d.dtype == tensor.dtype; });
    SHARDPROOF_EXPECTS(row != std::end(kDtypes), name_of(tensor.dtype));
    const std::optional<std::int64_t> bytes = checked_bytes(tensor.shape, size_bytes(tensor.dtype));
    SHARDPROOF_EXPECTS(bytes, tensor.name, to_string(tensor.shape));
    JsonValue shape = JsonValue::array();
    for (const std::int64_t extent : tensor.shape) shape.append(extent);
    header.members.push_back(
        {tensor.name,
         {},
         JsonValue::object()
             .set("dtype", row->name)
             .set("shape", std::move(shape))
             .set("data_offsets", JsonValue::array().append(at).append(at + *bytes))});
    at += *bytes;
  }
  std::string text = write_json(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), kLengthBytes) + text;
}

void write_safetensors(const std::string& path, const std::vector<TensorToStore>& tensors) {
  std::vector<TensorRow> rows;
  for (const TensorToStore& tensor : tensors) {
    const auto bytes = static_cast<std::int64_t>(tensor.bytes.size());
    SHARDPROOF_EXPECTS(checked_bytes(tensor.shape, size_bytes(tensor.dtype)) == bytes, tensor.name,
                       to_string(tensor.shape), bytes);
    rows.push_back({tensor.name, tensor.dtype, tensor.shape});
  }
  std::ofstream out(path, std::ios::binary);
  out << safetensors_header(rows);
  for (const TensorToStore& tensor : tensors)
    out.write(reinterpret_cast<const char*>(tensor.bytes.data()),
              static_cast<std::streamsize>(tensor.bytes.size()));
  out.close();
  if (!out) throw EnvironmentError(path + ": cannot be written");
}

}  // namespace shardproof
