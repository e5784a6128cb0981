#include "real/optimizer/bucket_reduction.hpp"

#include <utility>

namespace shardproof::real {

namespace {
constexpr std::size_t buffers = 2;
constexpr Phase phase = Phase::reduce;
}  // namespace

// A ring adds an element in an order that follows from its place. Where TP ranks hold shards of
// unlike size, what all of them hold lies in other places of their buckets, and would part in bits.
bool BucketReduction::lies_elsewhere_on_tp_ranks(std::size_t bucket) const {
  const FlatLayout& layout = layout_of(builder_, partition_.buckets.at(bucket));
  const ProcessGrid grid = builder_.program().grid();
  const std::vector<Stretch> first = flat_table(layout, grid, Rank{0}).parts;
  for (int tp = 1; tp < builder_.tp(); ++tp)
    if (flat_table(layout, grid, grid.rank_at(GroupRank{tp}, GroupRank{0})).parts != first)
      return true;
  return false;
}

ValueId BucketReduction::flat_value(std::size_t bucket, const std::string& name, Dtype dtype,
                                    AxisPlacement dp) {
  return add_flat_value(builder_, partition_.buckets.at(bucket), "reduce/*/" + name, dtype,
                        std::move(dp));
}

void BucketReduction::start(std::size_t bucket, const std::vector<ValueId>& gradients) {
  while (under_way_.size() >= buffers) finish_oldest();
  const std::string module = module_of(bucket);
  const Dtype dtype = builder_.value(gradients.at(0)).dtype;
  const bool alone = builder_.dp() == 1;
  ValueId sent =
      flat_value(bucket, alone ? "averaged" : "packed", dtype, alone ? replicate() : partial());
  builder_.append(OpKind::flatten, module, phase, "flatten", gradients, {sent});
  if (alone) return take_(bucket, sent);

  const bool divides = builder_.policy().divide_before;
  if (divides) {
    const ValueId divided = flat_value(bucket, "divided", dtype, partial());
    builder_
        .append(OpKind::divide, module, phase, "divide", {sent}, {divided},
                {{"divisor", static_cast<double>(builder_.dp())}})
        .recorded = false;  // one rounding of what was packed
    sent = divided;
  }
  const ValueId reduced = flat_value(bucket, divides ? "averaged" : "reduced", dtype, replicate());
  builder_.start_collective(OpKind::all_reduce, Axis::dp, module, phase, "all_reduce", sent,
                            reduced);
  if (builder_.scenario().reduction != ReductionOrder::rank_order && builder_.dp() > 2 &&
      lies_elsewhere_on_tp_ranks(bucket))
    builder_.last_op().attributes["replicated"] = std::string(name_of(ReductionOrder::rank_order));
  under_way_.push_back({bucket, reduced});
  if (!builder_.scenario().parallel.overlap_comm) finish();
}

void BucketReduction::finish() {
  while (!under_way_.empty()) finish_oldest();
}

void BucketReduction::finish_oldest() {
  const auto [bucket, reduced] = under_way_.front();
  under_way_.pop_front();
  builder_.finish_collective(reduced);
  if (builder_.policy().divide_before) {
    // Whoever takes the bucket shows these bits, which follow from the packed ones, unless the
    // order in which they were added is a library's.
    builder_.last_op().recorded = builder_.scenario().reduction == ReductionOrder::library;
    return take_(bucket, reduced);
  }
  const ValueId averaged =
      flat_value(bucket, "averaged", builder_.value(reduced).dtype, replicate());
  builder_
      .append(OpKind::scale, module_of(bucket), phase, "scale", {reduced}, {averaged},
              {{"factor", 1.0 / builder_.dp()}})
      .recorded = false;
  take_(bucket, averaged);
}

}  // namespace shardproof::real
