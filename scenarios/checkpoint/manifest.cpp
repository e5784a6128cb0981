#include "scenarios/checkpoint/manifest.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

#include "scenarios/checkpoint/hash.hpp"
#include "scenarios/json/object_reader.hpp"

namespace shardproof {

namespace {

constexpr const char* kFormat = "shardproof-checkpoint-1";
constexpr IntegerRange kDegree{1, 1'000'000};

JsonValue to_json(const Shape& numbers) {
  JsonValue list = JsonValue::array();
  for (const std::int64_t number : numbers) list.append(number);
  return list;
}

JsonValue to_json(const SavedPart& part) {
  JsonValue regions = JsonValue::array();
  for (const Region& region : part.regions)
    regions.append(
        JsonValue::array().append(to_json(region.offset)).append(to_json(region.extent)));
  return JsonValue::object()
      .set("name", part.name)
      .set("dtype", name_of(part.dtype))
      .set("shape", to_json(part.shape))
      .set("regions", std::move(regions))
      .set("xxh3", to_hex(part.hash));
}

JsonValue to_json(const RankFile& file, int rank) {
  JsonValue tensors = JsonValue::array();
  for (const SavedPart& part : file.parts) tensors.append(to_json(part));
  return JsonValue::object()
      .set("file", rank_file_name(rank))
      .set("header_xxh3", to_hex(file.header_hash))
      .set("tensors", std::move(tensors));
}

JsonValue to_json(const std::map<std::string, double>& counters) {
  JsonValue json = JsonValue::object();
  for (const auto& [name, value] : counters) {
    SHARDPROOF_EXPECTS(std::isfinite(value), name, value);
    json.set(name, value);
  }
  return json;
}

// All but the checksum.
JsonValue to_json(const Manifest& manifest) {
  const CheckpointOrigin& origin = manifest.origin;
  JsonValue files = JsonValue::array();
  for (std::size_t rank = 0; rank < manifest.files.size(); ++rank)
    files.append(to_json(manifest.files[rank], static_cast<int>(rank)));
  return JsonValue::object()
      .set("format", kFormat)
      .set("model_hash", origin.model_hash)
      .set("scenario_hash", origin.scenario_hash)
      .set("tp", origin.tp)
      .set("dp", origin.dp)
      .set("zero_stage", origin.zero_stage)
      .set("steps_done", origin.steps_done)
      .set("counters", to_json(origin.counters))
      .set("files", std::move(files))
      .set("scenario", origin.scenario);
}

std::string with_checksum(JsonValue json) {
  const std::string checksum = to_hex(hash_of_text(write_json(json)));
  return write_json(json.set("checksum", checksum));
}

const std::string& required_text(ObjectReader& reader, const std::string& key) {
  return as_string(reader.require(key, "expected a text"), reader.name(key));
}

std::uint64_t required_hash(ObjectReader& reader, const std::string& key) {
  const std::optional<std::uint64_t> hash = hash_from_hex(required_text(reader, key));
  if (!hash) refuse_value(reader.require(key, ""), reader.name(key), "expected 16 hex digits");
  return *hash;
}

int required_integer(ObjectReader& reader, const std::string& key, IntegerRange range) {
  return static_cast<int>(
      as_integer(reader.require(key, "expected a whole number"), reader.name(key), range));
}

Shape shape_from(const JsonValue& list, const std::string& name) {
  if (!list.is_array()) refuse_value(list, name, "expected a list of counts");
  Shape shape;
  for (const JsonValue& extent : list.elements)
    shape.push_back(as_integer(extent, name, {.lowest = 0}));
  return shape;
}

Region region_from(const JsonValue& pair, const std::string& name, const Shape& shape) {
  if (!pair.is_array() || pair.elements.size() != 2)
    refuse_value(pair, name, "expected [offset, extent]");
  Region region{shape_from(pair.elements[0], name), shape_from(pair.elements[1], name)};
  if (region.offset.size() != shape.size() || region.extent.size() != shape.size())
    refuse_value(pair, name, "expected as many numbers as " + to_string(shape) + " has");
  if (std::ranges::count(region.extent, 0) > 0 || !lies_in(region, shape))
    refuse_value(pair, name, "does not lie in " + to_string(shape));
  return region;
}

SavedPart part_from(const JsonValue& json) {
  ObjectReader reader(json, "tensors");
  SavedPart part;
  part.name = required_text(reader, "name");
  const std::string& dtype = required_text(reader, "dtype");
  if (const auto known = dtype_from_name(dtype))
    part.dtype = *known;
  else
    refuse_value(reader.require("dtype", ""), part.name, "expected a dtype");
  part.shape = shape_from(reader.require("shape", "expected a list of extents"), part.name);
  const JsonValue& regions = reader.require("regions", "expected a list of regions");
  if (!regions.is_array()) refuse_value(regions, part.name, "expected a list of regions");
  for (const JsonValue& region : regions.elements)
    part.regions.push_back(region_from(region, part.name, part.shape));
  part.hash = required_hash(reader, "xxh3");
  reader.finish();
  return part;
}

RankFile file_from(const JsonValue& json, int rank) {
  ObjectReader reader(json, "files");
  RankFile file;
  if (required_text(reader, "file") != rank_file_name(rank))
    refuse_value(reader.require("file", ""), "file", "expected " + rank_file_name(rank));
  file.header_hash = required_hash(reader, "header_xxh3");
  const JsonValue& tensors = reader.require("tensors", "expected a list");
  if (!tensors.is_array()) refuse_value(tensors, "tensors", "expected a list");
  for (const JsonValue& part : tensors.elements) file.parts.push_back(part_from(part));
  reader.finish();
  return file;
}

void expect_untouched(const JsonValue& root, const std::string& text, const std::string& file) {
  JsonValue body = root;
  if (!body.members.empty() && body.members.back().key == "checksum") body.members.pop_back();
  if (with_checksum(body) != text)
    throw ScenarioError({file}, "damaged: the text is not the one its checksum is of");
}

}  // namespace

std::string rank_file_name(int rank) {
  char name[40];
  std::snprintf(name, sizeof name, "rank-%05d.safetensors", rank);
  return name;
}

Shape stored_shape(const std::vector<Region>& regions) {
  return regions.size() == 1 ? regions[0].extent : Shape{element_count(regions)};
}

std::string manifest_text(const Manifest& manifest) { return with_checksum(to_json(manifest)); }

Manifest manifest_from(const std::string& text, const std::string& file) {
  const JsonValue root = parse_json(text, file);
  ObjectReader reader(root, "");
  as_one_of(reader.require("format", "expected a checkpoint's manifest"), "format", {kFormat});
  expect_untouched(root, text, file);
  reader.require("checksum", "expected 16 hex digits");
  Manifest manifest;
  CheckpointOrigin& origin = manifest.origin;
  origin.model_hash = required_text(reader, "model_hash");
  origin.scenario_hash = required_text(reader, "scenario_hash");
  origin.tp = required_integer(reader, "tp", kDegree);
  origin.dp = required_integer(reader, "dp", kDegree);
  origin.zero_stage = required_integer(reader, "zero_stage", {0, 3});
  origin.steps_done = required_integer(reader, "steps_done", {0, 1'000'000'000});
  ObjectReader counters(reader.require("counters", "expected { name: number }"), "counters");
  for (const JsonMember& member : counters.object().members)
    origin.counters[member.key] = as_number(member.value, member.key);
  origin.scenario = reader.require("scenario", "expected the effective scenario");
  const JsonValue& files = reader.require("files", "expected a list");
  if (!files.is_array() || files.elements.size() != static_cast<std::size_t>(origin.tp) *
                                                        static_cast<std::size_t>(origin.dp))
    refuse_value(files, "files", "expected one for each of tp * dp ranks");
  for (const JsonValue& row : files.elements)
    manifest.files.push_back(file_from(row, static_cast<int>(manifest.files.size())));
  reader.finish();
  return manifest;
}

std::string rank_file_text(const RankFile& file, int rank) {
  return write_json(to_json(file, rank));
}

RankFile rank_file_from(const std::string& text, const std::string& file, int rank) {
  return file_from(parse_json(text, file), rank);
}

}  // namespace shardproof
