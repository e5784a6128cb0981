#include "scenarios/partition/fused_layout.hpp"

#include <algorithm>
#include <array>

#include "scenarios/errors.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

bool is_fused_attention(const std::string& own) {
  static constexpr std::array names = {"qkv_proj", "query_key_value", "Wqkv", "W_pack", "c_attn"};
  return std::find(names.begin(), names.end(), own) != names.end();
}

// Query, key and value side by side within each head: a cut between heads cuts all three.
bool is_interleaved(const Family& family) {
  return std::any_of(family.blocks.begin(), family.blocks.end(), [](const BlockClass& block) {
    const std::string name = block.block;
    return name == "BloomBlock" || name == "GPTNeoXLayer";
  });
}

}  // namespace

std::string own_name(const std::string& module) { return module.substr(module.rfind('.') + 1); }

std::vector<std::int64_t> fused_blocks(const ModelDescription& model, const std::string& module,
                                       std::int64_t output_features) {
  const Family& family = family_of(model.family);
  const std::string own = own_name(module);
  const bool glm = family.base_class.find("GLM") != std::string::npos;
  if (own == "gate_up_proj" || (own == "dense_h_to_4h" && glm))
    return {output_features / 2, output_features / 2};
  if (!is_fused_attention(own)) return {};
  if (is_interleaved(family)) return {output_features};
  const std::int64_t queries = model.num_attention_heads * model.head_dim;
  const std::int64_t keys = model.num_key_value_heads * model.head_dim;
  SHARDPROOF_EXPECTS(queries + 2 * keys == output_features, module, output_features);
  return {queries, keys, keys};
}

}  // namespace shardproof
