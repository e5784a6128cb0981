#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "scenarios/op_forms.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof {

// What an op's attributes say, where they may be absent.

/// "weight_layout" of a matrix product; out_in if there is none.
WeightLayout weight_layout(const Op& op);

/// "theta", and "scaling" with its numbers, which are called as the fields; "low_freq_factor" and
/// "high_freq_factor" are `low` and `high`.
RotaryFrequencies rotary_frequencies(const Op& op);
std::string divisor_attribute(std::size_t pair);  // "divisor_3"
/// "head_dim" and "pairing".
RotaryForm rotary_form(const Op& op);
/// "head_dim", "v_head_dim", "scale", "window", "cap".
AttentionForm attention_form(const Op& op);

/// "offset" of rms_norm, which is added to its weight, and of positions, the first of them; 0 if
/// there is none.
double offset_of(const Op& op);

/// "n_group" and "topk_group" of route; one group if there are none.
ExpertGroups expert_groups(const Op& op);

/// "order" of the rows of moe_dispatch and its relatives.
ExpertRows expert_rows(const Op& op);

/// "parts" of a split or a join: how wide each part is within every head. Empty: there are no
/// heads, and the parts are blocks one after another.
std::vector<std::int64_t> parts_of_a_head(const Op& op);

/// The same for the tensors that `rank` holds, where blocks are as wide as the parts themselves.
///   split of a fused (B, T, 16), cut 4 4 | 2 2 | 2 2, in blocks  ->  {4, 2, 2} on either rank
std::vector<std::int64_t> local_parts(const Program& program, const Op& op, Rank rank);

/// The token that shift_labels takes for no label; the row that embedding_backward leaves at zero.
std::optional<std::int64_t> padding(const Op& op);

}  // namespace shardproof
