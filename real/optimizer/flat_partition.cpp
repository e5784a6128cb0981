#include "real/optimizer/flat_partition.hpp"

#include <algorithm>
#include <map>

#include "scenarios/config/parameter_groups.hpp"

namespace shardproof::real {

namespace {

FlatLayout::Entry entry_of(Builder& builder, const ParameterDescription& parameter) {
  return {parameter.name, parameter.shape,
          builder.value(builder.parameter(parameter.name)).placement};
}

int add_layout(Builder& builder, FlatLayout layout) {
  Program& program = builder.program();
  program.layouts.push_back(std::move(layout));
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

// DeepSpeed's round_robin_gradients: the parameters go to the owners in turn, and those of one
// owner lie together. Slices are cut at even lengths all the same, so that an owner has most of its
// own.
//
//   a b c d e, 2 owners:  a c e b d
std::vector<FlatLayout::Entry> dealt_out(const std::vector<FlatLayout::Entry>& entries,
                                         std::size_t owners) {
  std::vector<FlatLayout::Entry> dealt;
  for (std::size_t owner = 0; owner < owners; ++owner)
    for (std::size_t i = owner; i < entries.size(); i += owners) dealt.push_back(entries[i]);
  return dealt;
}

std::vector<FlatGroup> make_groups(Builder& builder, int owners) {
  const Scenario& scenario = builder.scenario();
  std::map<std::size_t, FlatLayout> layouts;  // by group
  const std::vector<std::size_t> group_of = groups_of_parameters(scenario);
  for (std::size_t i = 0; i < group_of.size(); ++i)
    layouts[group_of[i]].entries.push_back(entry_of(builder, builder.model().parameters[i]));
  std::vector<FlatGroup> groups;
  for (auto& [group, layout] : layouts) {
    layout.owners = owners;
    if (scenario.parallel.round_robin_gradients)
      layout.entries = dealt_out(layout.entries, static_cast<std::size_t>(owners));
    if (!scenario.parameter_groups.empty()) layout.name = "group_" + std::to_string(group);
    groups.push_back({add_layout(builder, std::move(layout)), optimizer_module(scenario, group),
                      weight_decay_of(scenario, group)});
  }
  return groups;
}

std::vector<int> make_buckets(Builder& builder) {
  const auto& parameters = builder.model().parameters;
  std::vector<int> buckets;
  FlatLayout bucket;
  std::int64_t filled = 0;
  const auto close = [&] {
    if (!bucket.entries.empty()) buckets.push_back(add_layout(builder, std::move(bucket)));
    bucket = {};
    filled = 0;
  };
  for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
    FlatLayout::Entry entry = entry_of(builder, *parameter);
    const std::int64_t count = largest_shard(builder, entry);
    if (filled + count > builder.scenario().parallel.reduce_bucket_size) close();
    bucket.entries.push_back(std::move(entry));
    filled += count;
  }
  close();
  return buckets;
}

}  // namespace

FlatPartition make_flat_partition(Builder& builder, int owners) {
  FlatPartition partition;
  partition.groups = make_groups(builder, owners);
  partition.buckets = make_buckets(builder);
  return partition;
}

const FlatLayout& layout_of(Builder& builder, int layout) {
  return builder.program().layouts.at(static_cast<std::size_t>(layout));
}

std::vector<ValueId> parameters_of(Builder& builder, int layout) {
  std::vector<ValueId> parameters;
  for (const FlatLayout::Entry& entry : layout_of(builder, layout).entries)
    parameters.push_back(builder.parameter(entry.parameter));
  return parameters;
}

ValueId add_flat_value(Builder& builder, int layout, const std::string& name, Dtype dtype,
                       AxisPlacement dp, Lifetime lifetime) {
  return builder.add_value({.name = name,
                            .shape = {},
                            .dtype = dtype,
                            .placement = {flat(), dp},
                            .lifetime = lifetime,
                            .layout = layout});
}

ValueId add_owned_value(Builder& builder, const FlatGroup& group, const std::string& name,
                        Dtype dtype, Lifetime lifetime) {
  const bool several = layout_of(builder, group.layout).owners > 1;
  return add_flat_value(builder, group.layout, name, dtype, several ? flat() : replicate(),
                        lifetime);
}

}  // namespace shardproof::real
