#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "scenarios/trace/trace.hpp"

namespace shardproof::tests {

inline std::vector<std::byte> bytes_of(Dtype dtype, const std::vector<double>& values) {
  std::vector<std::byte> bytes(values.size() * size_bytes(dtype));
  encode(dtype, values, bytes);
  return bytes;
}

inline std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void overwrite(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

inline TraceHeader small_header(int rank, int world) {
  TraceHeader header;
  header.execution = "sim";
  header.rank = rank;
  header.world = header.tp = world;
  header.scenario_hash = "aa";
  header.model_hash = "bb";
  header.program_hash = "cc";
  header.scenario_json = "{\"name\": \"small\"}";
  header.program_json = "{}";
  header.settings = {{"cpu", "a processor"}, {"seed", "7"}};
  return header;
}

/// A piece of a tensor at step 0.
inline DatasetInfo piece(const std::string& name, Dtype dtype, const Shape& full,
                         const std::vector<Region>& regions) {
  DatasetInfo info;
  info.path = folder_of({Moment::Stage::step, 0, -1}) + "/" + name;
  info.dtype = dtype;
  info.full_shape = full;
  info.regions = regions;
  info.placement = "tp=shard(0)";
  info.op = "model.norm/forward";
  return info;
}

}  // namespace shardproof::tests
