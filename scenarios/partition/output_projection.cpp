#include "scenarios/partition/output_projection.hpp"

namespace shardproof {

bool is_output_projection(const std::string& module) {
  return module == "lm_head" || module == "embed_out";
}

}  // namespace shardproof
