#include "scenarios/plan/op_attributes.hpp"

namespace shardproof {

WeightLayout weight_layout(const Op& op) {
  return op.attributes.contains("weight_layout") ? weight_layout_from(text(op, "weight_layout"))
                                                 : WeightLayout::out_in;
}

ExpertRows expert_rows(const Op& op) { return expert_rows_from(text(op, "order")); }

std::vector<std::int64_t> parts_of_a_head(const Op& op) {
  const auto found = op.attributes.find("parts");
  if (found == op.attributes.end()) return {};
  return std::get<std::vector<std::int64_t>>(found->second);
}

std::vector<std::int64_t> local_parts(const Program& program, const Op& op, Rank rank) {
  std::vector<std::int64_t> parts = parts_of_a_head(op);
  if (!parts.empty()) return parts;
  for (const ValueId part : op.kind == OpKind::join ? op.inputs : op.outputs)
    parts.push_back(local_shape(program, program.value(part), rank).back());
  return parts;
}

namespace {
double number_or(const Op& op, const char* key, double otherwise) {
  return op.attributes.contains(key) ? real_number(op, key) : otherwise;
}
std::int64_t integer_or(const Op& op, const char* key, std::int64_t otherwise) {
  return op.attributes.contains(key) ? integer(op, key) : otherwise;
}
}  // namespace

namespace {
std::vector<double> divisors(const Op& op) {
  std::vector<double> all;
  while (op.attributes.contains(divisor_attribute(all.size())))
    all.push_back(real_number(op, divisor_attribute(all.size())));
  return all;
}
}  // namespace

std::string divisor_attribute(std::size_t pair) { return "divisor_" + std::to_string(pair); }

RotaryFrequencies rotary_frequencies(const Op& op) {
  const RotaryFrequencies plain;
  return {.theta = real_number(op, "theta"),
          .scaling = op.attributes.contains("scaling") ? rotary_scaling_from(text(op, "scaling"))
                                                       : plain.scaling,
          .factor = number_or(op, "factor", plain.factor),
          .low = number_or(op, "low_freq_factor", plain.low),
          .high = number_or(op, "high_freq_factor", plain.high),
          .original_positions = number_or(op, "original_positions", plain.original_positions),
          .attention_factor = number_or(op, "attention_factor", plain.attention_factor),
          .mscale = number_or(op, "mscale", plain.mscale),
          .mscale_all_dim = number_or(op, "mscale_all_dim", plain.mscale_all_dim),
          .truncate = integer_or(op, "truncate", plain.truncate) != 0,
          .divisors = divisors(op)};
}

RotaryForm rotary_form(const Op& op) {
  const RotaryForm plain;
  return {.head_dim = integer_or(op, "head_dim", plain.head_dim),
          .pairing = op.attributes.contains("pairing") ? rotary_pairing_from(text(op, "pairing"))
                                                       : plain.pairing};
}

AttentionForm attention_form(const Op& op) {
  return {.head_dim = integer(op, "head_dim"),
          .v_head_dim = integer_or(op, "v_head_dim", 0),
          .scale = number_or(op, "scale", 0),
          .window = integer_or(op, "window", 0),
          .cap = number_or(op, "cap", 0)};
}

ExpertGroups expert_groups(const Op& op) {
  return {.count = integer_or(op, "n_group", 1), .kept = integer_or(op, "topk_group", 1)};
}

double offset_of(const Op& op) { return number_or(op, "offset", 0); }

std::optional<std::int64_t> padding(const Op& op) {
  if (!op.attributes.contains("padding")) return std::nullopt;
  return integer(op, "padding");
}

}  // namespace shardproof
