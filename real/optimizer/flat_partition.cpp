#include "real/optimizer/flat_partition.hpp"

#include <algorithm>

namespace shardproof::real {

namespace {

FlatLayout::Entry entry_of(Builder& builder, const ParameterDescription& parameter) {
  return {parameter.name, parameter.shape,
          builder.value(builder.parameter(parameter.name)).placement};
}

int add_layout(Builder& builder, std::vector<FlatLayout::Entry> entries, int owners) {
  Program& program = builder.program();
  program.layouts.push_back({std::move(entries), owners});
  return static_cast<int>(program.layouts.size()) - 1;
}

// Elements of the shard on the TP rank that has most of it: every TP rank closes its buckets at the
// same parameters.
std::int64_t largest_shard(Builder& builder, const FlatLayout::Entry& entry) {
  const ProcessGrid grid = builder.program().grid();
  std::int64_t largest = 0;
  for (int tp = 0; tp < builder.tp(); ++tp)
    largest = std::max(largest, element_count(local_shape(entry.shape, entry.placement, grid,
                                                          grid.rank_at(GroupRank{tp}, {}))));
  return largest;
}

}  // namespace

FlatPartition make_flat_partition(Builder& builder) {
  const auto& parameters = builder.model().parameters;
  FlatPartition partition;

  std::vector<FlatLayout::Entry> all;
  for (const ParameterDescription& parameter : parameters)
    all.push_back(entry_of(builder, parameter));
  const int owners = builder.scenario().training.zero_stage > 0 ? builder.dp() : 1;
  partition.owned = add_layout(builder, std::move(all), owners);

  std::vector<FlatLayout::Entry> bucket;
  std::int64_t filled = 0;
  const auto close_bucket = [&] {
    if (!bucket.empty()) partition.buckets.push_back(add_layout(builder, std::move(bucket), 1));
    bucket.clear();
    filled = 0;
  };
  for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
    FlatLayout::Entry entry = entry_of(builder, *parameter);
    const std::int64_t count = largest_shard(builder, entry);
    if (filled + count > builder.scenario().training.reduce_bucket_size) close_bucket();
    bucket.push_back(std::move(entry));
    filled += count;
  }
  close_bucket();
  return partition;
}

ValueId add_flat_value(Builder& builder, int layout, const std::string& name, Dtype dtype,
                       AxisPlacement dp, bool state) {
  return builder.add_value({.name = name,
                            .shape = {},
                            .dtype = dtype,
                            .placement = {flat(), dp},
                            .lifetime = state ? Lifetime::state : Lifetime::segment,
                            .layout = layout});
}

AxisPlacement owner_placement(Builder& builder, const FlatPartition& partition) {
  const auto& layout = builder.program().layouts[static_cast<std::size_t>(partition.owned)];
  return layout.owners > 1 ? flat() : replicate();
}

}  // namespace shardproof::real
