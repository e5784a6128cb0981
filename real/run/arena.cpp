#include "real/run/arena.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"
#include "scenarios/plan/lifetimes.hpp"

namespace shardproof::real {

Arena::Arena(Device& device, const Program& program, Rank rank)
    : device_(device),
      program_(program),
      rank_(rank),
      layout_(memory_layout(program, rank)),
      memory_(device.allocate(layout_.bytes)),
      lives_(program.values.size(), false) {
  for (std::size_t i = 0; i < program.values.size(); ++i)
    views_.push_back({program.values[i].dtype, local_shape(program, program.values[i], rank),
                      memory_ + layout_.offset[i]});
}

Arena::~Arena() { device_.release(memory_, layout_.bytes); }

std::size_t Arena::index_of(ValueId id) const {
  return static_cast<std::size_t>(storage_of(program_, id));
}

void Arena::take(ValueId id) {
  const std::size_t i = index_of(id);
  if (lives_.at(i)) return;
  lives_[i] = true;
  peak_bytes_ = std::max(peak_bytes_, layout_.offset[i] + block_bytes(program_, id, rank_));
}

void Arena::give_back(ValueId id) { lives_.at(index_of(id)) = false; }

void Arena::bind(ValueId source, std::span<const std::int64_t> chosen) {
  count_rows(program_, source, chosen, rows_);
  for (std::size_t i = 0; i < views_.size(); ++i)
    if (program_.values[i].extent >= 0)
      views_[i].shape = local_shape(program_, program_.values[i], rank_, rows_);
}

const TensorView& Arena::view(ValueId id) const {
  const std::size_t i = index_of(id);
  SHARDPROOF_EXPECTS(lives_.at(i), program_.value(id).name, "has no memory");
  return views_[i];
}

}  // namespace shardproof::real
