#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "scenarios/plan/program.hpp"

namespace shardproof {

/// Program::segment_index for whoever asks for every segment: a program has as many as layers. It
/// must not outlive the program.
class SegmentIndex {
 public:
  explicit SegmentIndex(const Program& program) : program_(program) {
    for (std::size_t i = 0; i < program.segments.size(); ++i)
      index_.try_emplace(program.segments[i].name, static_cast<int>(i));
  }
  int operator()(const std::string& name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? program_.segment_index(name) : found->second;
  }

 private:
  const Program& program_;
  std::unordered_map<std::string_view, int> index_;
};

}  // namespace shardproof
