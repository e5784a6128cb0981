// Stage 2: gradients are divided as well. As soon as backward has found all gradients of a bucket,
// they are divided by D and all-reduced; each replica adds the parts that it owns to the slices
// that it accumulates, and the bucket's memory is free again. No whole gradient outlives its
// micro-step.
#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "real/optimizer/bucket_reduction.hpp"
#include "real/optimizer/zero_stage.hpp"

namespace shardproof::real {

namespace {

class Zero2 final : public ZeroStage {
 public:
  explicit Zero2(Builder& builder)
      : ZeroStage(builder, /*owners=*/builder.dp()),
        reduction_(builder, partition_,
                   [this](std::size_t bucket, ValueId averaged) { keep(bucket, averaged); }) {
    for (const FlatGroup& group : partition_.groups)
      for (auto [values, name] :
           {std::pair{&accumulators_, "accumulator/*"}, {&owned_, "gradient/*"}})
        values->push_back(
            add_owned_value(builder, group, name, builder.policy().accumulate, Lifetime::state));
    for (std::size_t bucket = 0; bucket < partition_.buckets.size(); ++bucket) {
      missing_.push_back(entries(bucket).size());
      for (const FlatLayout::Entry& entry : entries(bucket)) bucket_of_[entry.parameter] = bucket;
    }
  }

  void lower_begin_step() override {
    for (std::size_t g = 0; g < partition_.groups.size(); ++g)
      builder_.append(OpKind::zero, partition_.groups[g].module, Phase::data, "zero_gradients", {},
                      {accumulators_[g]});
  }

  void lower_gradient(const std::string& parameter, ValueId gradient) override {
    const std::size_t bucket = bucket_of_.at(parameter);
    if (arrived_.insert_or_assign(parameter, gradient).second) --missing_[bucket];
    if (missing_[bucket] > 0) return;
    std::vector<ValueId> gradients;
    for (const FlatLayout::Entry& entry : entries(bucket))
      gradients.push_back(arrived_.at(entry.parameter));
    reduction_.start(bucket, gradients);
  }

  void lower_end_of_micro_step() override {
    reduction_.finish();
    // What a group has accumulated is shown when its last bucket has been added.
    auto& ops = builder_.program().segment(builder_.segment_name()).ops;
    for (const ValueId accumulator : accumulators_) {
      const auto last = std::find_if(ops.rbegin(), ops.rend(), [&](const Op& op) {
        return op.kind == OpKind::accumulate_slices && op.outputs[0] == accumulator;
      });
      last->recorded = true;
    }
  }

  std::vector<ValueId> lower_boundary() override {
    for (std::size_t g = 0; g < partition_.groups.size(); ++g)
      builder_
          .append(OpKind::copy, partition_.groups[g].module, Phase::reduce, "gradients",
                  {accumulators_[g]}, {owned_[g]})
          .recorded = true;
    return owned_;
  }

 private:
  const std::vector<FlatLayout::Entry>& entries(std::size_t bucket) {
    return layout_of(builder_, partition_.buckets[bucket]).entries;
  }

  bool has_any_of(const FlatGroup& group, std::size_t bucket) {
    std::set<std::string_view> parameters;
    for (const FlatLayout::Entry& entry : layout_of(builder_, group.layout).entries)
      parameters.insert(entry.parameter);
    return std::ranges::any_of(entries(bucket), [&](const FlatLayout::Entry& entry) {
      return parameters.contains(entry.parameter);
    });
  }

  void keep(std::size_t bucket, ValueId averaged) {
    builder_.last_op().recorded = true;  // this micro-step's mean, before it is added
    for (std::size_t g = 0; g < partition_.groups.size(); ++g) {
      const FlatGroup& group = partition_.groups[g];
      if (!has_any_of(group, bucket)) continue;
      const std::string of_group = partition_.groups.size() == 1 ? "" : "_" + std::to_string(g);
      builder_
          .append(OpKind::accumulate_slices, BucketReduction::module_of(bucket), Phase::reduce,
                  "accumulate_slices" + of_group, {accumulators_[g], averaged}, {accumulators_[g]})
          .recorded = false;
    }
  }

  BucketReduction reduction_;
  std::vector<ValueId> accumulators_, owned_;  // by group
  std::map<std::string, std::size_t> bucket_of_;
  std::map<std::string, ValueId> arrived_;
  std::vector<std::size_t> missing_;  // by bucket: parameters without a gradient yet
};

}  // namespace

std::unique_ptr<ZeroStage> make_zero_2(Builder& builder) {
  return std::make_unique<Zero2>(builder);
}

}  // namespace shardproof::real
