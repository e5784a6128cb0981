// Source: DeepSpeed, module_inject/autotp_config.py. None of them touches embeddings, norms or the
// output layer. (The first dense layers of DeepSeek-V2 match nothing and stay replicated.)
#include "scenarios/partition/presets.hpp"

#include <map>

namespace shardproof {

namespace {

struct Row {
  LayerSpec::Type type;
  const char* pattern;
  std::int64_t sub_parameters = 0;  // as many equal ones along the output; 0: no shape
};

constexpr auto column = LayerSpec::Type::column;
constexpr auto row = LayerSpec::Type::row;
constexpr auto skip = LayerSpec::Type::skip;

const std::map<std::string, std::vector<Row>>& tables() {
  static const std::vector<Row> llama = {
      {row, R"(.*\.self_attn\.o_proj\.weight$)"},
      {column, R"(.*\.self_attn\.[qkv]_proj\.weight$)"},
      {row, R"(.*\.mlp\.down_proj\.weight$)"},
      {column, R"(.*\.mlp\.(up|gate)_proj\.weight$)"},
  };
  static const std::vector<Row> bloom = {
      {row, R"(.*\.self_attention\.dense\.weight$)"},
      {column, R"(.*\.self_attention\.query_key_value\.weight$)"},
      {row, R"(.*\.mlp\.dense_4h_to_h\.weight$)"},
      {column, R"(.*\.mlp\.dense_h_to_4h\.weight$)"},
  };
  static const std::vector<Row> chatglm = {
      {row, R"(.*\.self_attention\.dense\.weight$)"},
      {column, R"(.*\.self_attention\.query_key_value\.weight$)", 3},
      {row, R"(.*\.mlp\.dense_4h_to_h\.weight$)"},
      {column, R"(.*\.mlp\.dense_h_to_4h\.weight$)", 2},
  };
  static const std::vector<Row> mixtral = {
      {row, R"(.*\.self_attn\.o_proj\.weight$)"},
      {column, R"(.*\.self_attn\.[qkv]_proj\.weight$)"},
      {row, R"(.*\.block_sparse_moe\.experts\.\d+\.w2\.weight$)"},
      {column, R"(.*\.block_sparse_moe\.experts\.\d+\.w[13]\.weight$)"},
      {skip, R"(.*\.block_sparse_moe\.gate\.weight$)"},
  };
  static const std::vector<Row> deepseek_v2 = {
      {row, R"(.*\.self_attn\.o_proj\.weight$)"},
      {skip, R"(.*\.self_attn\.(q_a_proj|kv_a_proj_with_mqa)\.weight$)"},
      {column, R"(.*\.self_attn\.(q_b_proj|kv_b_proj)\.weight$)"},
      {row, R"(.*\.mlp\.experts\.\d+\.down_proj\.weight$)"},
      {column, R"(.*\.mlp\.experts\.\d+\.(up|gate)_proj\.weight$)"},
      {skip, R"(.*\.mlp\.gate\.weight$)"},
      {row, R"(.*\.mlp\.shared_experts\.down_proj\.weight$)"},
      {column, R"(.*\.mlp\.shared_experts\.(up|gate)_proj\.weight$)"},
  };
  static const std::vector<Row> phi3 = {
      {row, R"(.*\.self_attn\.o_proj\.weight$)"},
      {column, R"(.*\.self_attn\.qkv_proj\.weight$)", 3},
      {row, R"(.*\.mlp\.down_proj\.weight$)"},
      {column, R"(.*\.mlp\.gate_up_proj\.weight$)", 2},
  };
  static const std::map<std::string, std::vector<Row>> all = {
      {"bloom", bloom}, {"chatglm", chatglm}, {"deepseek_v2", deepseek_v2},
      {"llama", llama}, {"mixtral", mixtral}, {"phi3", phi3},
      {"qwen2", llama}};
  return all;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& [name, rows] : tables()) names.push_back(name);
  return names;
}

std::vector<LayerSpec> preset_specs(const std::string& name, const SourcePlace& place) {
  const auto table = tables().find(name);
  SHARDPROOF_EXPECTS(table != tables().end(), "there is no preset", name);
  std::vector<LayerSpec> specs;
  for (const Row& given : table->second) {
    LayerSpec spec;
    spec.name = "preset " + name;
    spec.place = place;
    spec.patterns.emplace_back(given.pattern, spec.name, place);
    spec.type = given.type;
    if (given.sub_parameters != 0)
      spec.shape = SubParameterShape{{{given.sub_parameters, {}, false}, {-1, {}, false}}, 0};
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace shardproof
