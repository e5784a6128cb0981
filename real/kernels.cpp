#include "real/kernels.hpp"

#include "scenarios/errors.hpp"

namespace shardproof::real {

KernelTable::KernelTable(std::initializer_list<std::span<const KernelRow>> families)
    : by_kind_(op_table().size(), nullptr) {
  for (const auto& family : families)
    for (const auto& [kind, kernel] : family) {
      Kernel& place = by_kind_.at(static_cast<std::size_t>(kind));
      SHARDPROOF_EXPECTS(place == nullptr, "two kernels for", name_of(kind));
      place = kernel;
    }
}

Kernel KernelTable::find(OpKind kind) const { return by_kind_.at(static_cast<std::size_t>(kind)); }

}  // namespace shardproof::real
