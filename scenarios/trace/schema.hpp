#pragma once

#include <span>
#include <string>

#include "scenarios/shape.hpp"

/// The names and layouts that writer, reader and master agree on: docs/trace_format.md in code.
namespace shardproof::trace_schema {

inline constexpr const char* version = "shardproof-trace-3";
inline constexpr const char* master_file = "trace.h5";

/// "rank-00003.h5".
std::string rank_file(int rank);
/// "forward" of "/step/000000/micro/1/forward/model.norm/output": what the tensor is in the
/// training.
std::string role_of(const std::string& path);
/// The shape of the dataset that holds these regions: of one, its extent; of several (or none), a
/// list.
Shape stored_shape(std::span<const Region> regions);

}  // namespace shardproof::trace_schema
