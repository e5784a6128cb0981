#include "scenarios/partition/module_cut.hpp"

#include <algorithm>
#include <functional>

#include "scenarios/model/families.hpp"
#include "scenarios/partition/fused_layout.hpp"
#include "scenarios/partition/own_cut.hpp"
#include "scenarios/partition/shard_widths.hpp"

namespace shardproof {

namespace {

constexpr const char* kUneven =
    "; \"uneven\": true in the scenario, or --override uneven=true, allows uneven cuts";

std::string listing(const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (std::size_t i = 0; i < sizes.size() && i < 8; ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(sizes[i]);
  return text + (sizes.size() > 8 ? ", ..." : "");
}

bool all_equal(const std::vector<std::int64_t>& sizes) {
  return std::adjacent_find(sizes.begin(), sizes.end(), std::not_equal_to<>()) == sizes.end();
}

bool is_of_attention(const ModuleCut& cut) {
  return cut.module.path.find("attn") != std::string::npos ||
         cut.module.path.find("attention") != std::string::npos;
}

}  // namespace

std::vector<std::int64_t> ModuleCut::block_features() const {
  std::vector<std::int64_t> sizes = blocks;
  for (std::int64_t& size : sizes) size *= unit;
  return sizes;
}

void ModuleCutter::check(const std::vector<ModuleCut>& cuts) const {
  for (const ModuleCut& cut : cuts) {
    if (!rules_.uneven && is_of_attention(cut)) check_heads(cut);
    if (cut.style == LayerPartition::Style::column && !cut.gather_output) check_fused(cut);
  }
}

void ModuleCutter::check_heads(const ModuleCut& cut) const {
  const std::pair<const char*, std::int64_t> heads[] = {
      {"num_attention_heads", model_.num_attention_heads},
      {"num_key_value_heads", model_.num_key_value_heads}};
  for (const auto& [key, count] : heads)
    if (count % tp_ != 0)
      throw ScenarioError(rules_.place, "tensor_parallel.autotp_size = " + std::to_string(tp_) +
                                            " does not divide " + key + " = " +
                                            std::to_string(count) + ": " + cut.module.path +
                                            " cannot be cut evenly" + kUneven);
}

// A roundtrip of split and gather would not see a fused weight that is cut across its parts.
void ModuleCutter::check_fused(const ModuleCut& cut) const {
  const std::vector<std::int64_t> parts = fused_blocks(model_, cut.module.path, cut.module.out);
  const std::vector<std::int64_t> given = cut.block_features();
  if (parts.empty() || given == parts) return;
  const std::string shape =
      parts.size() == 1 ? "no shape" : "\"shape\": [[" + listing(parts) + "], -1]";
  throw ScenarioError(cut.place, cut.rule + ": " + cut.module.path + " is cut in blocks of " +
                                     listing(given) + " features, but it consists of " +
                                     listing(parts) +
                                     ", so that ranks would hold parts of the wrong heads: "
                                     "give it a layer_spec with " +
                                     shape + own_cut_as_way_out(family_of(model_.family)));
}

std::vector<std::int64_t> ModuleCutter::widths_of(std::int64_t block, const ModuleCut& cut) const {
  const WidthRule rule{rules_.uneven ? std::optional(model_.num_key_value_heads) : std::nullopt,
                       rules_.grain};
  std::vector<std::int64_t> widths = shard_widths(block, tp_, cut.width_name, rule);
  for (std::int64_t& width : widths) width *= cut.unit;
  if (rules_.uneven || all_equal(widths)) return widths;
  const bool row = cut.style == LayerPartition::Style::row;
  const std::string part = cut.blocks.size() == 1 ? "" : "a sub-parameter of ";
  const std::string grain =
      rules_.grain == 1 ? "" : " in grains of tp_grain_size = " + std::to_string(rules_.grain);
  throw ScenarioError(rules_.place, "tensor_parallel.autotp_size = " + std::to_string(tp_) +
                                        " does not divide the " + std::to_string(block * cut.unit) +
                                        (row ? " input" : " output") + " features of " + part +
                                        cut.module.path + " evenly" + grain + " (" +
                                        listing(widths) + ")" + kUneven);
}

LayerPartition ModuleCutter::partition(const ModuleCut& cut) const {
  LayerPartition partition;
  partition.style = cut.style;
  partition.gather_output = cut.gather_output;
  partition.rule = cut.rule;
  for (const std::int64_t block : cut.blocks) partition.widths.push_back(widths_of(block, cut));
  // One spelling of an even cut, so that placements can be compared.
  if (partition.widths.size() == 1 && all_equal(partition.widths.front())) partition.widths.clear();
  return partition;
}

std::string ModuleCutter::empty_shares_warning(const std::vector<ModuleCut>& cuts) const {
  const std::int64_t heads = model_.num_key_value_heads;
  if (tp_ <= heads || std::none_of(cuts.begin(), cuts.end(), is_of_attention)) return "";
  return "tensor_parallel.autotp_size = " + std::to_string(tp_) +
         " is more than num_key_value_heads = " + std::to_string(heads) +
         ": surplus ranks hold no share of attention";
}

}  // namespace shardproof
