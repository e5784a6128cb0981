#include "reports/score/op_neighbours.hpp"

#include <algorithm>

namespace shardproof::reports {

namespace {

bool share_some(const std::set<ValueId>& a, const std::set<ValueId>& b) {
  return std::ranges::any_of(a, [&](ValueId id) { return b.contains(id); });
}

}  // namespace

void OpNeighbours::add(const Program& program) {
  std::map<std::string, Access>& accesses = programs_.emplace_back();
  for (const Segment& segment : program.segments)
    for (const Op& op : segment.ops) {
      Access& access = accesses[writer_name(op)];
      access.reads.insert(op.inputs.begin(), op.inputs.end());
      access.writes.insert(op.outputs.begin(), op.outputs.end());
    }
}

std::vector<std::string> OpNeighbours::names() const {
  std::set<std::string> all;
  for (const std::map<std::string, Access>& accesses : programs_)
    for (const auto& [name, access] : accesses) all.insert(name);
  return {all.begin(), all.end()};
}

bool OpNeighbours::are_next(const std::string& a, const std::string& b) const {
  if (a == b) return true;
  return std::ranges::any_of(programs_, [&](const std::map<std::string, Access>& accesses) {
    const auto one = accesses.find(a), other = accesses.find(b);
    return one != accesses.end() && other != accesses.end() &&
           (share_some(one->second.writes, other->second.reads) ||
            share_some(other->second.writes, one->second.reads));
  });
}

}  // namespace shardproof::reports
