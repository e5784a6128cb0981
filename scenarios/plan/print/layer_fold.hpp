#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shardproof {

/// Lists lines that differ in a layer's number only as one:
///
///   add("model.layers.0.mlp.up_proj.weight", "(96, 64)")
///   add("model.layers.1.mlp.up_proj.weight", "(96, 64)")   ->
///   model.layers.{0..1}.mlp.up_proj.weight, 2
///
/// `key` holds everything else that must be equal for two lines to be one. The number is the first
/// part between dots that consists of digits.
class LayerFold {
 public:
  struct Line {
    std::string name;       // with its numbers folded
    std::size_t first = 0;  // index of the first of the lines, in the order they were added
    std::size_t count = 0;
  };

  void add(const std::string& name, const std::string& key);
  /// In the order of each one's first line.
  std::vector<Line> lines() const;

 private:
  struct Group {
    std::string before, after, key;
    std::vector<std::string> numbers;
    std::size_t first = 0;
  };
  std::vector<Group> groups_;
  std::size_t added_ = 0;
};

}  // namespace shardproof
