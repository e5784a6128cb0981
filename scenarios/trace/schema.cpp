#include "scenarios/trace/schema.hpp"

#include <cstdio>

#include "scenarios/trace/trace.hpp"

namespace shardproof::trace_schema {

std::string rank_file(int rank) {
  char name[32];
  std::snprintf(name, sizeof name, "rank-%05d.h5", rank);
  return name;
}

std::string role_of(const std::string& path) {
  const std::string name = name_in_folder(path);
  return name.substr(0, name.find('/'));
}

Shape stored_shape(std::span<const Region> regions) {
  if (regions.size() == 1) return regions.front().extent;
  return {element_count(regions)};
}

}  // namespace shardproof::trace_schema
