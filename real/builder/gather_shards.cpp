#include "real/builder/gather_shards.hpp"

#include <algorithm>

namespace shardproof::real {

namespace {

// Of a tensor that gets a new first dimension.
AxisPlacement one_dimension_on(AxisPlacement placement) {
  if (placement.kind == AxisPlacement::Kind::shard) ++placement.dim;
  return placement;
}

class Gather {
 public:
  Gather(Builder& builder, ValueId shard, const GatherNames& names)
      : builder_(builder),
        names_(names),
        shard_(shard),
        cut_(builder.value(shard).placement.tp),
        dim_(static_cast<std::size_t>(cut_.dim)),
        blocks_(widths_in_full(builder.value(shard).shape.at(dim_), cut_.widths, builder.tp())) {}

  void lower(ValueId full) {
    std::vector<ValueId> stacked;
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
      const bool even = cut_.widths.empty();
      stacked.push_back(all_gather(even ? shard_ : pad(block), block));
    }
    builder_.append(OpKind::concatenate, names_.module, names_.phase, "concatenate" + names_.suffix,
                    stacked, {full}, attributes_of_cut(cut_));
  }

 private:
  std::string number(std::size_t block) const {
    return blocks_.size() == 1 ? "" : "_" + std::to_string(block);
  }

  // The rank's part of a block, as wide as the widest: an even cut of a wider tensor.
  ValueId pad(std::size_t block) {
    Value padded = builder_.value(shard_);
    padded.name = names_.folder + "padded" + number(block);
    padded.shape[dim_] =
        builder_.tp() * *std::max_element(blocks_[block].begin(), blocks_[block].end());
    padded.placement.tp = shard(cut_.dim);
    padded.lifetime = Lifetime::segment;
    padded.in_place_of = -1;
    const ValueId id = builder_.add_value(std::move(padded));
    builder_.append(OpKind::pad, names_.module, names_.phase, "pad" + names_.suffix + number(block),
                    {shard_}, {id}, {{"block", static_cast<std::int64_t>(block)}});
    return id;
  }

  // The parts one after another, in the order of the group's ranks.
  ValueId all_gather(ValueId part, std::size_t block) {
    Value stacked = builder_.value(part);
    stacked.name = names_.folder + "stacked" + number(block);
    stacked.shape[dim_] /= builder_.tp();
    stacked.shape.insert(stacked.shape.begin(), builder_.tp());
    stacked.placement = {replicate(), one_dimension_on(stacked.placement.dp)};
    stacked.lifetime = Lifetime::segment;
    stacked.in_place_of = -1;
    const ValueId id = builder_.add_value(std::move(stacked));
    builder_.collective(OpKind::all_gather, Axis::tp, names_.module, names_.phase,
                        "all_gather" + names_.suffix + number(block), part, id);
    return id;
  }

  Builder& builder_;
  const GatherNames& names_;
  ValueId shard_;
  AxisPlacement cut_;
  std::size_t dim_;
  Widths blocks_;
};

}  // namespace

void lower_gather_shards(Builder& builder, ValueId shard, ValueId full, const GatherNames& names) {
  if (builder.tp() == 1)
    builder.append(OpKind::copy, names.module, names.phase, "copy" + names.suffix, {shard}, {full});
  else
    Gather(builder, shard, names).lower(full);
}

}  // namespace shardproof::real
