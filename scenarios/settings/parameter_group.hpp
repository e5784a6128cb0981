#pragma once

#include <string>
#include <vector>

namespace shardproof {

/// Parameters that are updated alike, in a flat vector of their own: those that match one of the
/// patterns (Python's re.match on their Hugging Face names) and none of an earlier group. What
/// matches none is the last group, with the optimizer's own weight decay.
struct ParameterGroup {
  std::vector<std::string> patterns;
  double weight_decay = 0;
};

}  // namespace shardproof
