#include "reference/bounds/tiles.hpp"

#include <algorithm>

#include "reference/bounds/bounds.hpp"
#include "reference/bounds/sums.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

std::int64_t leading(const Shape& shape) {
  return shape.empty() ? 1 : element_count(Shape(shape.begin(), shape.end() - 1));
}
std::int64_t last(const Shape& shape) { return shape.empty() ? 1 : shape.back(); }

/// Consecutive numbers, cut into parts of at most `at_once`, at least one.
template <class Body>
void in_parts(std::int64_t count, std::int64_t at_once, Body body) {
  at_once = std::max<std::int64_t>(at_once, 1);
  for (std::int64_t first = 0; first < count; first += at_once)
    body(first, std::min(at_once, count - first));
}

Tile::Argument whole_of(const Shape& shape) { return {matrix_of(shape), shape}; }
Tile::Argument rows_of(const Shape& shape, std::int64_t first, std::int64_t rows) {
  return {{first, rows, 0, last(shape)}, {rows, last(shape)}};
}

/// How a unit may be cut. There is no default, so that a new function does not compile before
/// somebody has said it.
enum class Cut {
  element_by_element,
  rows,
  product,
  product_backward,
  weight_gradient,
  rows_of_table,
  rows_of_logits,
  key_heads,
  leading_axis,
  batch,
  none
};

Cut cut_of(UnitKind kind) {
  switch (kind) {
    case UnitKind::copy:
    case UnitKind::cast:
    case UnitKind::swiglu:
    case UnitKind::gelu:
    case UnitKind::relu:
    case UnitKind::product:
    case UnitKind::soft_cap:
    case UnitKind::sigmoid:
    case UnitKind::add:
    case UnitKind::swiglu_backward_gate:
    case UnitKind::swiglu_backward_up:
    case UnitKind::gelu_backward:
    case UnitKind::relu_backward:
    case UnitKind::soft_cap_backward:
    case UnitKind::sigmoid_backward:
    case UnitKind::scale:
    case UnitKind::divide:
    case UnitKind::multiply:
    case UnitKind::negate:
    case UnitKind::exp_avg:
    case UnitKind::exp_avg_sq:
    case UnitKind::adamw:
    case UnitKind::torch_exp_avg:
    case UnitKind::torch_exp_avg_sq:
    case UnitKind::torch_adamw:
    case UnitKind::torch_decay:
    case UnitKind::decay:
    case UnitKind::momentum:
    case UnitKind::nesterov:
    case UnitKind::sgd: return Cut::element_by_element;

    case UnitKind::rms_norm:
    case UnitKind::layer_norm:
    case UnitKind::add_bias:
    case UnitKind::split:
    case UnitKind::join:
    case UnitKind::repeat_heads:
    case UnitKind::rms_norm_backward_input:
    case UnitKind::layer_norm_backward_input: return Cut::rows;

    case UnitKind::matmul: return Cut::product;
    case UnitKind::matmul_backward_input: return Cut::product_backward;
    case UnitKind::matmul_backward_weight: return Cut::weight_gradient;
    case UnitKind::embedding_backward: return Cut::rows_of_table;
    case UnitKind::cross_entropy_backward:
    case UnitKind::squared_error_backward: return Cut::rows_of_logits;

    case UnitKind::attention:
    case UnitKind::attention_lse:
    case UnitKind::attention_backward_q:
    case UnitKind::attention_backward_k:
    case UnitKind::attention_backward_v: return Cut::key_heads;

    case UnitKind::sum:
    case UnitKind::mean: return Cut::leading_axis;

    case UnitKind::rotary:
    case UnitKind::rotary_backward: return Cut::batch;

    case UnitKind::rotary_table_cos:
    case UnitKind::rotary_table_sin:
    case UnitKind::alibi_slopes:
    case UnitKind::shift_labels:
    case UnitKind::positions:
    case UnitKind::embedding:
    case UnitKind::sum_heads:
    case UnitKind::route_selected:
    case UnitKind::route_weights:
    case UnitKind::moe_dispatch:
    case UnitKind::moe_combine:
    case UnitKind::cross_entropy:
    case UnitKind::squared_error:
    case UnitKind::bias_backward:
    case UnitKind::rms_norm_backward_weight:
    case UnitKind::layer_norm_backward_weight:
    case UnitKind::route_backward:
    case UnitKind::moe_dispatch_backward:
    case UnitKind::moe_combine_backward_weights:
    case UnitKind::moe_combine_backward_rows:
    case UnitKind::nonfinite:
    case UnitKind::sum_of_squares:
    case UnitKind::square_root:
    case UnitKind::clip_factor: return Cut::none;
  }
  return Cut::none;
}

class Cutter {
 public:
  Cutter(const UnitShapes& unit, std::int64_t elements) : unit_(unit), elements_(elements) {}

  std::vector<Tile> cut() {
    if (element_count(unit_.result) > 0) by_kind();
    if (tiles_.empty()) one_tile();
    for (Tile& tile : tiles_)
      if (tile.attributes.row_window.of == 0) tile.attributes = unit_.attributes;
    return std::move(tiles_);
  }

 private:
  const Shape& argument(std::size_t i) const { return unit_.arguments.at(i); }

  void one_tile() {
    Tile tile{matrix_of(unit_.result), {}};
    for (const Shape& shape : unit_.arguments) tile.arguments.push_back(whole_of(shape));
    tiles_.push_back(std::move(tile));
  }

  void by_kind() {
    switch (cut_of(unit_.kind)) {
      case Cut::element_by_element: return element_by_element();
      case Cut::rows: return by_rows();
      case Cut::product: return product(true);
      case Cut::product_backward: return product(false);
      case Cut::weight_gradient: return weight_gradient();
      case Cut::rows_of_table: return by_rows_of_table();
      case Cut::rows_of_logits: return by_rows_of_logits();
      case Cut::key_heads: return by_key_heads();
      case Cut::leading_axis: return over_leading_axis();
      case Cut::batch: return by_batch();
      case Cut::none: return;
    }
  }

  // Arguments are like the result, or one number.
  void element_by_element() {
    const Box all = matrix_of(unit_.result);
    const auto add = [&](std::int64_t row, std::int64_t rows, std::int64_t column,
                         std::int64_t columns) {
      Tile tile{{row, rows, column, columns}, {}};
      for (const Shape& shape : unit_.arguments)
        tile.arguments.push_back(element_count(shape) == 1
                                     ? whole_of(shape)
                                     : Tile::Argument{tile.result, {rows, columns}});
      tiles_.push_back(std::move(tile));
    };
    const bool alike = std::ranges::all_of(unit_.arguments, [&](const Shape& shape) {
      return element_count(shape) == 1 || matrix_of(shape) == all;
    });
    if (!alike) return;
    if (all.columns <= elements_)
      return in_parts(all.rows, elements_ / std::max<std::int64_t>(all.columns, 1),
                      [&](std::int64_t row, std::int64_t rows) { add(row, rows, 0, all.columns); });
    for (std::int64_t row = 0; row < all.rows; ++row)
      in_parts(all.columns, elements_,
               [&](std::int64_t column, std::int64_t columns) { add(row, 1, column, columns); });
  }

  // Each row of the result follows from that row of the arguments that have as many, and from all
  // of the others.
  void by_rows() {
    const std::int64_t rows = leading(unit_.result);
    const std::int64_t width = std::max(last(unit_.result), last(argument(0)));
    if (rows != leading(argument(0))) return;
    in_parts(rows, elements_ / std::max<std::int64_t>(width, 1),
             [&](std::int64_t first, std::int64_t count) {
               Tile tile{{first, count, 0, last(unit_.result)}, {}};
               for (std::size_t i = 0; i < unit_.arguments.size(); ++i)
                 tile.arguments.push_back(takes_rows(i) ? rows_of(argument(i), first, count)
                                                        : whole_of(argument(i)));
               tiles_.push_back(std::move(tile));
             });
  }

  // Weights and biases are of one dimension, and belong to every row.
  bool takes_rows(std::size_t i) const { return argument(i).size() > 1; }

  // x (..., K) with a weight whose features outside K are the result's columns. `forward`: x w^T of
  // a weight (columns, K), else x w of (K, columns); a weight that is stored the other way turns
  // that around.
  void product(bool forward) {
    const Shape& x = argument(0);
    const bool out_in = unit_.attributes.weight_layout == WeightLayout::out_in;
    const std::int64_t K = last(x), rows = leading(x), columns = last(unit_.result);
    const Sides step = sides(rows, columns, K);
    in_parts(rows, step.rows, [&](std::int64_t row, std::int64_t some_rows) {
      in_parts(columns, step.columns, [&](std::int64_t column, std::int64_t some_columns) {
        const Tile::Argument weight =
            forward == out_in ? Tile::Argument{{column, some_columns, 0, K}, {some_columns, K}}
                              : Tile::Argument{{0, K, column, some_columns}, {K, some_columns}};
        tiles_.push_back(
            {{row, some_rows, column, some_columns}, {rows_of(x, row, some_rows), weight}});
      });
    });
  }

  // How many rows and columns of a product a tile has, whose sums have K terms: what a product may
  // read is bounded, and what it may write.
  struct Sides {
    std::int64_t rows, columns;
  };
  Sides sides(std::int64_t rows, std::int64_t columns, std::int64_t K) const {
    constexpr std::int64_t most_rows = 256, most_columns = 512, at_least = 16;
    const std::int64_t fit = 128 * elements_ / std::max<std::int64_t>(K, 1);
    const std::int64_t row_step = std::min({rows, most_rows, std::max(fit / 3, at_least)});
    return {row_step, std::min({columns, most_columns, std::max(fit - row_step, at_least)})};
  }

  // dy (groups * R, O), x (groups * R, I) -> (groups, O, I), or (groups, I, O): of each group by
  // itself.
  void weight_gradient() {
    const bool out_in = unit_.attributes.weight_layout == WeightLayout::out_in;
    const Shape &dy = argument(0), &x = argument(1);
    const std::int64_t groups = std::max<std::int64_t>(unit_.attributes.groups, 1);
    const std::int64_t K = leading(dy) / groups;
    if (groups != 1 || leading(dy) != leading(x)) return;
    const std::int64_t rows = last(out_in ? dy : x), columns = last(out_in ? x : dy);
    const Sides step = sides(rows, columns, K);
    const auto features = [&](std::int64_t first, std::int64_t count) {
      return Tile::Argument{{0, K, first, count}, {K, count}};
    };
    in_parts(rows, step.rows, [&](std::int64_t row, std::int64_t some_rows) {
      in_parts(columns, step.columns, [&](std::int64_t column, std::int64_t some_columns) {
        Tile tile{{row, some_rows, column, some_columns}, {}};
        tile.arguments = {features(row, some_rows), features(column, some_columns)};
        if (!out_in) std::swap(tile.arguments[0], tile.arguments[1]);
        tiles_.push_back(std::move(tile));
      });
    });
  }

  // dy (..., C), tokens -> (V, C): some rows of the table, from all tokens.
  void by_rows_of_table() {
    const std::int64_t V = unit_.attributes.extent, C = last(argument(0));
    if (leading(unit_.result) != V) return;  // of several groups
    in_parts(V, 16 * elements_ / std::max<std::int64_t>(C, 1),
             [&](std::int64_t first, std::int64_t count) {
               Tile tile{{first, count, 0, C}, {whole_of(argument(0)), whole_of(argument(1))}};
               tile.attributes = unit_.attributes;
               tile.attributes.extent = count;
               tile.attributes.row_window = {first, V};
               tiles_.push_back(std::move(tile));
             });
  }

  // logits (..., V), labels: some rows, whose mean is over all labels.
  void by_rows_of_logits() {
    const std::int64_t V = last(argument(0)), rows = leading(argument(0));
    in_parts(rows, 4 * elements_ / std::max<std::int64_t>(V, 1),
             [&](std::int64_t first, std::int64_t count) {
               Tile tile{{first, count, 0, V}, {rows_of(argument(0), first, count)}};
               for (std::size_t i = 1; i < unit_.arguments.size(); ++i)
                 tile.arguments.push_back(whole_of(argument(i)));
               tile.attributes = unit_.attributes;
               tile.attributes.row_window = {first, rows};
               tiles_.push_back(std::move(tile));
             });
  }

  // (n, ...) -> (...): the leading axis is summed.
  void over_leading_axis() {
    const Shape& x = argument(0);
    const std::int64_t n = x.at(0), elements = element_count(unit_.result);
    if (x.size() != 2 || n * elements <= elements_) return;
    in_parts(elements, elements_ / n, [&](std::int64_t first, std::int64_t count) {
      tiles_.push_back({{0, 1, first, count}, {{{0, n, first, count}, {n, count}}}});
    });
  }

  // (B, T, C) with tables of T rows.
  void by_batch() {
    const Shape& x = argument(0);
    if (x.size() != 3) return;
    const std::int64_t T = x[1], C = x[2];
    in_parts(x[0], elements_ / std::max<std::int64_t>(T * C, 1),
             [&](std::int64_t first, std::int64_t count) {
               Tile tile{{first * T, count * T, 0, C}, {}};
               tile.arguments.push_back({tile.result, {count, T, C}});
               for (std::size_t i = 1; i < unit_.arguments.size(); ++i)
                 tile.arguments.push_back(whole_of(argument(i)));
               tiles_.push_back(std::move(tile));
             });
  }

  // Sequence by sequence, and in each the query heads that read one key head.
  void by_key_heads() {
    const bool backward =
        unit_.kind != UnitKind::attention && unit_.kind != UnitKind::attention_lse;
    const std::size_t q = backward ? 1 : 0;
    const AttentionForm& form = unit_.attributes.attention;
    const Shape &queries = argument(q), &keys = argument(q + 1);
    if (queries.size() != 3 || keys.size() != 3 || form.head_dim <= 0) return;
    const std::int64_t heads = queries[2] / form.head_dim, key_heads = keys[2] / form.head_dim;
    if (key_heads == 0 || heads % key_heads != 0) return;
    for (std::int64_t b = 0; b < queries[0]; ++b)
      for (std::int64_t k = 0; k < key_heads; ++k)
        tiles_.push_back(of_key_head(b, queries[1], k, heads / key_heads, heads));
  }

  // `shared` query heads, beside `heads` in all.
  Tile of_key_head(std::int64_t b, std::int64_t T, std::int64_t k, std::int64_t shared,
                   std::int64_t heads) const {
    const AttentionForm& form = unit_.attributes.attention;
    const auto features = [&](std::int64_t of_one, std::int64_t count) {
      const std::int64_t width = of_one * count;
      return Tile::Argument{{b * T, T, k * width, width}, {1, T, width}};
    };
    const Tile::Argument query = features(form.head_dim, shared), key = features(form.head_dim, 1);
    const Tile::Argument value = features(form.value_dim(), 1),
                         out = features(form.value_dim(), shared);
    const Tile::Argument lse{{b * heads + k * shared, shared, 0, T}, {1, shared, T}};
    Tile tile;
    switch (unit_.kind) {
      case UnitKind::attention: tile = {out.box, {query, key, value}}; break;
      case UnitKind::attention_lse: tile = {lse.box, {query, key}}; break;
      case UnitKind::attention_backward_q: tile.result = query.box; break;
      case UnitKind::attention_backward_k: tile.result = key.box; break;
      default: tile.result = value.box;
    }
    if (tile.arguments.empty()) tile.arguments = {out, query, key, value, out, lse};
    if (tile.arguments.size() < unit_.arguments.size())  // slopes, one for each head
      tile.arguments.push_back({{0, 1, k * shared, shared}, {shared}});
    return tile;
  }

  const UnitShapes& unit_;
  std::int64_t elements_;
  std::vector<Tile> tiles_;
};

}  // namespace

Box matrix_of(const Shape& shape) { return {0, leading(shape), 0, last(shape)}; }

std::vector<Tile> tiles_of(const UnitShapes& unit, std::int64_t elements) {
  return Cutter(unit, elements).cut();
}

bool is_element_by_element(UnitKind kind) { return cut_of(kind) == Cut::element_by_element; }

bool is_reduction(UnitKind kind) {
  return kind == UnitKind::nonfinite || kind == UnitKind::sum_of_squares;
}

UnitResult combine(UnitKind kind, std::span<const UnitResult> parts, std::int64_t elements) {
  SHARDPROOF_EXPECTS(is_reduction(kind) && !parts.empty(), name_of(kind));
  UnitResult whole = parts[0];
  for (const UnitResult& part : parts.subspan(1)) {
    whole.value[0] = kind == UnitKind::nonfinite ? std::max(whole.value[0], part.value[0])
                                                 : whole.value[0] + part.value[0];
    whole.sound = whole.sound && part.sound;
    whole.finite_arguments = whole.finite_arguments && part.finite_arguments;
  }
  if (kind == UnitKind::nonfinite) return whole;
  whole.bound[0] = any_order_sum(as_real(elements), 1, whole.value[0], oracle_arithmetic());
  whole.error[0] = whole.bound[0];
  settle(whole);
  return whole;
}

}  // namespace shardproof::reference
