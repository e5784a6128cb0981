#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "scenarios/dtype.hpp"
#include "scenarios/op_forms.hpp"
#include "scenarios/settings/mean_over_replicas.hpp"

namespace shardproof::reference {

/// Which rows a part of a unit makes: those from `first` on, of so many in the whole unit; of none:
/// it is the whole.
struct RowWindow {
  std::int64_t first = 0;
  std::int64_t of = 0;
};

/// What tells units of one kind apart: all that the function depends on beside its arguments.
/// A field that is added here is added to for_each_field below, or nothing compiles.
struct UnitAttributes {
  std::int64_t head_dim = 0;  // of rotary, its tables and sum_heads
  std::int64_t groups = 0;    // 0: no leading axis of groups in the output
  std::int64_t extent = 0;
  double eps = 0;
  double offset = 0;  // of rms_norm's weight, of positions
  double cap = 0;     // of soft_cap
  double factor = 0;
  double weight_decay = 0;
  MeanForm mean_form = MeanForm::multiply_after;
  GeluForm gelu = GeluForm::erf;
  RotaryPairing pairing = RotaryPairing::half;
  RotaryFrequencies frequencies = {};  // of a rotary table
  std::int64_t heads = 0;              // of ALiBi
  AttentionForm attention = {};
  WeightLayout weight_layout = WeightLayout::out_in;
  std::vector<std::int64_t> parts = {};  // widths side by side, of each head if there are several
  std::int64_t part = 0;                 // of several outputs
  std::int64_t experts = 0;
  std::int64_t experts_per_token = 0;
  RouteForm route = RouteForm::renormalized;
  ExpertGroups expert_groups = {};
  ExpertRows expert_rows = ExpertRows::by_choice;
  std::optional<std::int64_t> padding = std::nullopt;  // no label; a row without a gradient
  RowWindow row_window = {};  // of embedding_backward's result, of cross_entropy_backward's logits
};

/// The rounding that the precision policy allows. Never filled from a plan or a trace.
struct UnitPrecision {
  Dtype output = Dtype::fp64;  // storage of the result: the last rounding, which `bound` leaves out
  Dtype compute = Dtype::fp64;  // accumulators and intermediates inside the kernel
  /// `sum` and `mean` add in `hop`. Otherwise:
  /// the result is a sum of this many separately rounded partial products (1: none), each stored in
  /// `output`, added in `hop`, the last addition's rounding being the last rounding.
  std::int64_t partials = 1;
  std::int64_t partial_terms = 0;  // of the longest partial product; 0: all have an equal share
  Dtype hop = Dtype::fp64;
};

/// What a field is to who reads an op's attributes: a number that the scenario gives, the same on
/// every rank, or a size, which follows from the part that a rank holds.
struct Number {
  const char* name;
};
struct Size {
  const char* name;
};

/// Calls visit(Number{name}, field) or visit(Size{name}, field) for every field, once.
template <typename Visitor>
void for_each_field(const UnitAttributes& attributes, Visitor&& visit) {
  const auto& [head_dim, groups, extent, eps, offset, cap, factor, weight_decay, mean_form, gelu,
               pairing, frequencies, heads, attention, weight_layout, parts, part, experts,
               experts_per_token, route, expert_groups, expert_rows, padding, row_window] =
      attributes;
  const auto& [first_row, rows_in_all] = row_window;
  const auto& [group_count, groups_kept] = expert_groups;
  const auto& [theta, scaling, scaling_factor, low, high, original_positions, attention_factor,
               mscale, mscale_all_dim, truncate, divisors] = frequencies;
  const auto& [attention_head_dim, v_head_dim, scale, window, score_cap] = attention;
  visit(Number{"eps"}, eps);
  visit(Number{"offset"}, offset);
  visit(Number{"cap"}, cap);
  visit(Number{"cap"}, score_cap);
  visit(Number{"theta"}, theta);
  visit(Number{"factor"}, factor);
  visit(Number{"weight_decay"}, weight_decay);
  visit(Number{"head_dim"}, head_dim);
  visit(Number{"head_dim"}, attention_head_dim);
  visit(Number{"v_head_dim"}, v_head_dim);
  visit(Number{"scale"}, scale);
  visit(Number{"window"}, window);
  visit(Number{"heads"}, heads);
  visit(Number{"form"}, gelu);
  visit(Number{"mean form"}, mean_form);
  visit(Number{"weight_layout"}, weight_layout);
  visit(Number{"experts_per_token"}, experts_per_token);
  visit(Number{"route form"}, route);
  visit(Number{"n_group"}, group_count);
  visit(Number{"topk_group"}, groups_kept);
  visit(Number{"order"}, expert_rows);
  visit(Number{"padding"}, padding);
  visit(Number{"pairing"}, pairing);
  visit(Number{"scaling"}, scaling);
  visit(Number{"scaling factor"}, scaling_factor);
  visit(Number{"low_freq_factor"}, low);
  visit(Number{"high_freq_factor"}, high);
  visit(Number{"original_positions"}, original_positions);
  visit(Number{"attention_factor"}, attention_factor);
  visit(Number{"mscale"}, mscale);
  visit(Number{"mscale_all_dim"}, mscale_all_dim);
  visit(Number{"truncate"}, truncate);
  visit(Number{"divisors"}, divisors);
  visit(Size{"groups"}, groups);
  visit(Size{"extent"}, extent);
  visit(Size{"parts"}, parts);
  visit(Size{"part"}, part);
  visit(Size{"experts"}, experts);
  visit(Size{"row window"}, first_row);
  visit(Size{"row window"}, rows_in_all);
}

template <typename Visitor>
void for_each_field(const UnitPrecision& precision, Visitor&& visit) {
  const auto& [output, compute, partials, partial_terms, hop] = precision;
  visit(Number{"output"}, output);
  visit(Number{"compute"}, compute);
  visit(Number{"partials"}, partials);
  visit(Size{"partial_terms"}, partial_terms);
  visit(Number{"hop"}, hop);
}

}  // namespace shardproof::reference
