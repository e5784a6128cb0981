#include "scenarios/partition/heuristics.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "scenarios/partition/autotp_raises.hpp"
#include "scenarios/partition/fused_layout.hpp"
#include "scenarios/partition/lower_case.hpp"

namespace shardproof {

namespace {

constexpr const char* kNorm = "ln";

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A module of a block: "self_attn.q_proj" of block "model.layers.0".
struct BlockModule {
  std::string path;
  std::string inner;
  ModuleClass module_class;
};

// "model.layers.0" of "model.layers.0.mlp.up_proj", if "model.layers" is a list of blocks.
std::optional<std::string> block_of(const std::string& path, const std::string& list) {
  if (!path.starts_with(list + ".")) return std::nullopt;
  return path.substr(0, path.find('.', list.size() + 1));
}

// The name by which AutoTP knows a layer: its own after that of the module around it, which is
// empty for a child of the block.
std::string known_name(const std::string& inner) {
  const std::size_t own = inner.rfind('.');
  if (own == std::string::npos) return "." + inner;
  const std::size_t around = inner.rfind('.', own - 1);
  return around == std::string::npos ? inner : inner.substr(around + 1);
}

bool is_norm_marker(const BlockModule& module) {
  const std::string own = own_name(module.inner);
  const bool child = !contains(module.inner, ".");
  return module.module_class == ModuleClass::layer_norm || own == "LayerNorm" ||
         own == "layer_norm" || (child && (own == "ln_1" || own == "ln_2"));
}

// Why a name stands for a row, or "".
std::string row_by_name(const std::string& name, const std::string& block, const Family& family) {
  std::vector<const char*> parts = {"out_proj", "o_proj", "down_proj"};
  if (contains(family.base_class, "ChatGLM")) {
    parts.push_back("self_attention.dense");
    parts.push_back("dense_4h_to_h");
  }
  if (contains(block, "Mixtral")) parts.push_back("w2");
  if (contains(block, "Phi")) parts.push_back("self_attn.dense");
  for (const char* part : parts)
    if (contains(name, part)) return std::string("its name contains ") + part;
  return "";
}

// The rows of one block, by the name they are known by, with the reason.
std::map<std::string, std::string> rows_of_block(const std::vector<BlockModule>& block,
                                                 const std::string& block_class,
                                                 const Family& family) {
  std::vector<std::string> entries;
  for (const BlockModule& module : block) {
    if (is_norm_marker(module)) entries.push_back(kNorm);
    if (module.module_class == ModuleClass::linear) entries.push_back(known_name(module.inner));
  }
  std::map<std::string, std::string> rows;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string& before = entries[(i + entries.size() - 1) % entries.size()];
    if (entries[i] == kNorm && before != kNorm) rows[before] = "a LayerNorm follows it";
    const std::string reason =
        entries[i] == kNorm ? "" : row_by_name(entries[i], block_class, family);
    if (!reason.empty()) rows[entries[i]] = reason;
  }
  return rows;
}

bool stays_replicated(const std::string& name) {
  return name == "mlp.gate" || name == "block_sparse_moe.gate" || contains(name, "q_a_proj") ||
         contains(name, "kv_a_proj_with_mqa");
}

void refuse_unsupported(const Family& family, const SourcePlace& place) {
  static constexpr std::array unsupported = {"deberta", "flaubert",   "fsmt", "gpt2",
                                             "led",     "longformer", "xlm",  "xlnet"};
  const std::string& full = family.base_class;
  const std::string name = lower_case(full.substr(0, full.find("Model")));
  if (std::find(unsupported.begin(), unsupported.end(), name) != unsupported.end())
    throw AutoTpRaises(place, "AutoTP's heuristics are not supported for model " + full,
                       ": give a partition_config");
}

std::vector<BlockModule> modules_in(const ModelDescription& model, const std::string& list) {
  std::vector<BlockModule> modules;
  for (const ParameterDescription& parameter : model.parameters) {
    const std::optional<std::string> block = block_of(parameter.name, list);
    if (!block || !parameter.name.ends_with(".weight")) continue;
    const std::string path = parameter.name.substr(0, parameter.name.rfind('.'));
    modules.push_back({path, path.substr(block->size() + 1), parameter.module_class});
  }
  return modules;
}

// The modules of the first block of a list.
std::vector<BlockModule> first_block(const std::vector<BlockModule>& modules) {
  std::vector<BlockModule> first;
  for (const BlockModule& module : modules) {
    const auto block_of_module = [](const BlockModule& m) {
      return m.path.substr(0, m.path.size() - m.inner.size());
    };
    if (block_of_module(module) == block_of_module(modules.front())) first.push_back(module);
  }
  return first;
}

}  // namespace

std::map<std::string, HeuristicChoice> heuristic_choices(const ModelDescription& model,
                                                         const Family& family,
                                                         const SourcePlace& place) {
  refuse_unsupported(family, place);
  std::map<std::string, HeuristicChoice> choices;
  bool any_row = false;
  for (const BlockClass& list : family.blocks) {
    if (contains(list.list, "*")) continue;  // lists inside a block are part of it
    const std::vector<BlockModule> modules = modules_in(model, list.list);
    const auto rows = rows_of_block(first_block(modules), list.block, family);
    any_row = any_row || !rows.empty();
    for (const BlockModule& module : modules) {
      const std::string name = known_name(module.inner);
      if (module.module_class != ModuleClass::linear || stays_replicated(name)) continue;
      const auto row = rows.find(name);
      const bool down = contains(name, "down_proj");
      const std::string reason = row != rows.end() ? row->second
                                 : down            ? "its name contains down_proj"
                                                   : "no rule makes it a row";
      choices[module.path] = {row != rows.end() || down, name, "heuristics: " + reason};
    }
  }
  if (!any_row)
    throw AutoTpRaises(place, "AutoTP's heuristics are not able to determine a policy for model " +
                                  family.base_class + ": no row layer found");
  return choices;
}

}  // namespace shardproof
