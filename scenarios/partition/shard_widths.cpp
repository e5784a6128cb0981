#include "scenarios/partition/shard_widths.hpp"

#include <algorithm>
#include <numeric>

#include "scenarios/errors.hpp"
#include "scenarios/partition/output_projection.hpp"

namespace shardproof {

namespace {

// 10 items among 4 ranks: 3 3 2 2.
std::int64_t near_even(std::int64_t items, int tp, int rank) {
  return items / tp + (rank < items % tp ? 1 : 0);
}

bool is_cut_by_heads(const std::string& name) {
  if (is_output_projection(name)) return false;
  const auto contained = [&](const char* part) { return name.find(part) != std::string::npos; };
  static constexpr const char* mlp[] = {"mlp", "gate_proj", "up_proj", "down_proj",
                                        "w1",  "w2",        "w3"};
  return std::none_of(std::begin(mlp), std::end(mlp), contained);
}

}  // namespace

std::vector<std::int64_t> shard_widths(std::int64_t total, int tp, const std::string& name,
                                       const WidthRule& rule) {
  SHARDPROOF_EXPECTS(total >= 0 && tp >= 1 && rule.grain >= 1, total, tp, rule.grain);
  if (rule.kv_heads && *rule.kv_heads < 1)
    throw ScenarioError("the number of KV heads is " + std::to_string(*rule.kv_heads) +
                        ": expected 1 or more");
  const bool by_heads = rule.kv_heads && total % *rule.kv_heads == 0 && is_cut_by_heads(name);
  const std::int64_t grain = total >= rule.grain ? rule.grain : 1;
  std::vector<std::int64_t> widths;
  for (int rank = 0; rank < tp; ++rank)
    widths.push_back(by_heads ? total / *rule.kv_heads * near_even(*rule.kv_heads, tp, rank)
                              : grain * near_even(total / grain, tp, rank));
  if (!by_heads) widths.back() += total % grain;
  SHARDPROOF_EXPECTS(std::accumulate(widths.begin(), widths.end(), std::int64_t{0}) == total, total,
                     tp, rule.grain, name);
  return widths;
}

}  // namespace shardproof
