#include "sim/cluster.hpp"

#include <algorithm>
#include <string>
#include <tuple>

namespace shardproof::sim {

namespace {

// Where a rank stands: compared in the order in which the program runs. Segments run in the order
// in which they were lowered; only those of the micro-steps run several times, one after another.
struct Standpoint {
  Moment::Stage stage = Moment::Stage::final;
  int step = -1;
  std::size_t turn = 0;  // of its segment in the step: those of the micro-steps share one
  int micro = -1;
  std::size_t segment = 0;  // in the unedited program
  std::size_t place = 0;    // of its op in that segment
  const Op* op = nullptr;   // nullptr: it has finished
  Moment moment;

  bool operator<(const Standpoint& other) const {
    return std::tie(stage, step, turn, micro, segment, place) <
           std::tie(other.stage, other.step, other.turn, other.micro, other.segment, other.place);
  }
};

Standpoint standpoint(const SimulatedRank& rank, const Program& unedited) {
  const Op* op = rank.done ? nullptr : rank.executor.current_op();
  Standpoint at;
  at.turn = unedited.segments.size();
  if (op == nullptr) return at;
  at.op = op;
  at.moment = rank.executor.moment();
  at.stage = at.moment.stage;
  at.step = at.moment.step;
  at.micro = at.moment.micro;
  // A segment's variants ("micro_step~1") count as itself.
  const std::string& name = rank.executor.current_segment()->name;
  at.segment = static_cast<std::size_t>(unedited.segment_index(name.substr(0, name.find('~'))));
  at.turn =
      at.micro < 0 ? at.segment : static_cast<std::size_t>(unedited.segment_index("micro_step"));
  const std::vector<Op>& ops = unedited.segments[at.segment].ops;
  at.place = static_cast<std::size_t>(
      std::find_if(ops.begin(), ops.end(),
                   [&](const Op& other) { return writer_name(other) == writer_name(*op); }) -
      ops.begin());
  return at;
}

CollectiveFailure describe(const std::vector<SimulatedRank>& ranks, const Rendezvous& rendezvous,
                           const Program& unedited, const std::string& kind,
                           const std::string& reason) {
  std::vector<Standpoint> at;
  for (const SimulatedRank& rank : ranks) at.push_back(standpoint(rank, unedited));
  const auto first = std::min_element(at.begin(), at.end());

  CollectiveFailure failure;
  failure.kind = kind;
  failure.moment = first->moment;
  if (first->op != nullptr) {
    failure.op = writer_name(*first->op);
    failure.phase = first->op->phase;
    // Those of the waiting ranks' groups that are past it never came.
    const ProcessGrid grid = unedited.grid();
    for (std::size_t r = 0; r < at.size(); ++r) {
      if (*first < at[r]) {
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
  std::string mismatch;
  while (true) {
    const std::int64_t before = ops_done(ranks);
    for (SimulatedRank& rank : ranks) {
      if (rank.done || rank.stuck) continue;
      try {
        rank.done = rank.runner.advance();
      } catch (const CollectiveMismatch& error) {
        // The others go on as far as they can, so that who is behind is who waits.
        rank.stuck = true;
        if (mismatch.empty()) mismatch = error.what();
      }
    }
    if (std::all_of(ranks.begin(), ranks.end(), [](const SimulatedRank& r) { return r.done; }))
      return std::nullopt;
    if (ops_done(ranks) == before)
      return describe(ranks, rendezvous, unedited, mismatch.empty() ? "deadlock" : "mismatch",
                      mismatch.empty() ? "no rank can go on" : mismatch);
  }
}

}  // namespace shardproof::sim
