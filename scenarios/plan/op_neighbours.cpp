#include "scenarios/plan/op_neighbours.hpp"

#include <algorithm>

namespace shardproof {

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

bool OpNeighbours::have(const std::string& a, const std::string& b,
                        bool (*are_so)(const Access& a, const Access& b)) const {
  return std::ranges::any_of(programs_, [&](const std::map<std::string, Access>& accesses) {
    const auto one = accesses.find(a), other = accesses.find(b);
    return one != accesses.end() && other != accesses.end() && are_so(one->second, other->second);
  });
}

bool OpNeighbours::are_next(const std::string& a, const std::string& b) const {
  return a == b || have(a, b, [](const Access& one, const Access& other) {
           return share_some(one.writes, other.reads) || share_some(other.writes, one.reads);
         });
}

std::vector<std::string> OpNeighbours::names_beside(const std::string& op) const {
  const auto write_alike = [](const Access& one, const Access& other) {
    return share_some(one.writes, other.writes);
  };
  std::vector<std::string> beside;
  for (std::string& name : names())
    if (are_next(name, op) || have(name, op, write_alike)) beside.push_back(std::move(name));
  return beside;
}

}  // namespace shardproof
