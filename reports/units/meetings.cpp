#include "reports/units/meetings.hpp"

#include <algorithm>

namespace shardproof::reports {

void Meetings::join(const OpOnRank& start, SharedHeld input) {
  const Axis axis = start.op().group.value();
  const Rank rank{start.rank};
  const ProcessGrid grid = trace_.grid();
  const std::string group =
      std::string(name_of(axis)) + std::to_string(grid.group(rank, axis).front().value);
  Member& member = of(start);
  const Key key{group, member.started[group]++};
  Gathering& gathering = gatherings_[key];
  gathering.inputs.resize(static_cast<std::size_t>(grid.size(axis)));
  gathering.arrived.resize(gathering.inputs.size());
  const auto at = static_cast<std::size_t>(grid.group_rank(rank, axis).value);
  gathering.inputs[at] = std::move(input);
  gathering.arrived[at] = true;
  member.pending[start.op().outputs[0]] = {key, &start.op()};
}

bool Meetings::ready(const OpOnRank& wait) const {
  const auto pending = of(wait).pending.find(wait.op().outputs[0]);
  if (pending == of(wait).pending.end()) return true;
  const std::vector<bool>& arrived = gatherings_.at(pending->second.first).arrived;
  return std::all_of(arrived.begin(), arrived.end(), [](bool b) { return b; });
}

std::optional<Meeting> Meetings::leave(const OpOnRank& wait) {
  const auto pending = of(wait).pending.find(wait.op().outputs[0]);
  if (pending == of(wait).pending.end()) return std::nullopt;
  const auto [key, start] = pending->second;
  of(wait).pending.erase(pending);
  Gathering& gathering = gatherings_.at(key);
  Meeting meeting{start, gathering.inputs};
  if (++gathering.left == gathering.inputs.size()) gatherings_.erase(key);
  return meeting;
}

}  // namespace shardproof::reports
