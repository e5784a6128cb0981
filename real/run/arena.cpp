#include "real/run/arena.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"
#include "scenarios/plan/lifetimes.hpp"

namespace shardproof::real {

Arena::Arena(Backend& backend, const Program& program, Rank rank)
    : backend_(backend), program_(program), rank_(rank) {
  for (const Value& value : program.values)
    views_.push_back({value.dtype, local_shape(program, value, rank), nullptr});
}

Arena::~Arena() {
  for (std::size_t i = 0; i < views_.size(); ++i) give_back(static_cast<ValueId>(i));
}

TensorView& Arena::block(ValueId id) {
  return views_.at(static_cast<std::size_t>(storage_of(program_, id)));
}

void Arena::take(ValueId id) {
  TensorView& view = block(id);
  if (view.data != nullptr) return;
  const std::size_t bytes = block_bytes(program_, id, rank_);
  view.data = backend_.allocate(std::max<std::size_t>(bytes, 1));
  live_bytes_ += bytes;
  peak_bytes_ = std::max(peak_bytes_, live_bytes_);
}

void Arena::give_back(ValueId id) {
  TensorView& view = block(id);
  if (view.data == nullptr) return;
  const std::size_t bytes = block_bytes(program_, id, rank_);
  backend_.release(view.data, std::max<std::size_t>(bytes, 1));
  view.data = nullptr;
  live_bytes_ -= bytes;
}

void Arena::bind(ValueId source, std::span<const std::int64_t> chosen) {
  count_rows(program_, source, chosen, rows_);
  for (std::size_t i = 0; i < views_.size(); ++i)
    if (program_.values[i].extent >= 0)
      views_[i].shape = local_shape(program_, program_.values[i], rank_, rows_);
}

const TensorView& Arena::view(ValueId id) const {
  const TensorView& view = views_.at(static_cast<std::size_t>(storage_of(program_, id)));
  SHARDPROOF_EXPECTS(view.data != nullptr, program_.value(id).name, "has no memory");
  return view;
}

}  // namespace shardproof::real
