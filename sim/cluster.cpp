#include "sim/cluster.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace shardproof::sim {

namespace {

// Where a rank stands: compared in the order in which the program runs.
struct Standpoint {
  Moment moment;
  std::size_t place = 0;  // of its op in the unedited program
  const Op* op = nullptr; // nullptr: it has finished
};

std::map<std::string, std::size_t> places_of(const Program& program) {
  std::map<std::string, std::size_t> places;
  for (const Segment& segment : program.segments)
    for (const Op& op : segment.ops) places.try_emplace(writer_name(op), places.size());
  return places;
}

Standpoint standpoint(const SimulatedRank& rank, const std::map<std::string, std::size_t>& places) {
  const Op* op = rank.done ? nullptr : rank.executor.current_op();
  if (op == nullptr) return {{Moment::Stage::final, -1, -1}, places.size(), nullptr};
  const auto found = places.find(writer_name(*op));
  return {rank.executor.moment(), found == places.end() ? places.size() : found->second, op};
}

CollectiveFailure describe(const std::vector<SimulatedRank>& ranks, const Rendezvous& rendezvous,
                           const Program& unedited, const std::string& kind,
                           const std::string& reason) {
  const auto places = places_of(unedited);
  std::vector<Standpoint> at;
  for (const SimulatedRank& rank : ranks) at.push_back(standpoint(rank, places));
  const auto earlier = [](const Standpoint& a, const Standpoint& b) {
    return std::tie(a.moment, a.place) < std::tie(b.moment, b.place);
  };
  const auto first = std::min_element(at.begin(), at.end(), earlier);

  CollectiveFailure failure;
  failure.kind = kind;
  failure.moment = first->moment;
  if (first->op != nullptr) {
    failure.op = writer_name(*first->op);
    failure.phase = first->op->phase;
    // Those of the waiting ranks' groups that are past it never came.
    const ProcessGrid grid = unedited.grid();
    for (std::size_t r = 0; r < at.size(); ++r) {
      if (at[r].op != first->op && earlier(*first, at[r])) {
        const Rank waiting{static_cast<int>(first - at.begin())};
        const auto group = grid.group(waiting, first->op->group.value_or(Axis::tp));
        if (std::find(group.begin(), group.end(), Rank{static_cast<int>(r)}) != group.end())
          failure.ranks.push_back(static_cast<int>(r));
      }
    }
    // All at the same op: they disagree about what it is.
    if (failure.ranks.empty())
      for (std::size_t r = 0; r < at.size(); ++r)
        if (at[r].op != nullptr && writer_name(*at[r].op) == failure.op)
          failure.ranks.push_back(static_cast<int>(r));
  }
  failure.report = reason + (reason.empty() ? "" : "\n") + rendezvous.who_waits_where();
  return failure;
}

std::int64_t ops_done(const std::vector<SimulatedRank>& ranks) {
  std::int64_t total = 0;
  for (const SimulatedRank& rank : ranks) total += rank.executor.ops_done();
  return total;
}

}  // namespace

std::optional<CollectiveFailure> run_cluster(std::vector<SimulatedRank>& ranks,
                                             const Rendezvous& rendezvous,
                                             const Program& unedited) {
  while (true) {
    const std::int64_t before = ops_done(ranks);
    bool all_done = true;
    for (SimulatedRank& rank : ranks) {
      if (rank.done) continue;
      try {
        rank.done = rank.runner.advance();
      } catch (const CollectiveMismatch& mismatch) {
        return describe(ranks, rendezvous, unedited, "mismatch", mismatch.what());
      }
      all_done = all_done && rank.done;
    }
    if (all_done) return std::nullopt;
    if (ops_done(ranks) == before)
      return describe(ranks, rendezvous, unedited, "deadlock", "no rank can go on");
  }
}

}  // namespace shardproof::sim
