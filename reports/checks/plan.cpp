#include "reports/checks/plan.hpp"

#include "scenarios/plan/check/type_check.hpp"
#include "scenarios/plan/program_json.hpp"

namespace shardproof::reports {

namespace {

std::int64_t count_ops(const Program& program) {
  std::int64_t count = 0;
  for (const Segment& segment : program.segments)
    count += static_cast<std::int64_t>(segment.ops.size());
  return count;
}

void check_types(const EngineTrace& trace, int rank, Tally& tally) {
  const std::vector<TypeProblem> problems = type_check(trace.program(rank));
  for (const TypeProblem& problem : problems)
    tally.fail(trace.execution() + ", rank " + std::to_string(rank) + ": " + problem.op + ": " +
               problem.message);
}

void check_trace(const EngineTrace& trace, Tally& tally) {
  std::string first_hash;
  for (int rank = 0; rank < trace.world(); ++rank) {
    const Program& program = trace.program(rank);
    const std::string where = trace.execution() + ", rank " + std::to_string(rank) + ": ";
    const std::string hash = hash_of(program);
    tally.add(count_ops(program), 0, Proof::bitwise);
    if (hash != trace.reader().header(rank).program_hash)
      tally.fail(where + "the stored program is not the one whose hash the rank announced");
    if (rank == 0)
      first_hash = hash;
    else if (hash != first_hash)
      tally.fail(where + "its program is not that of rank 0");
    if (rank == 0 || hash != first_hash) check_types(trace, rank, tally);
  }
}

}  // namespace

Tally check_plan(const JudgeContext& context) {
  Tally tally("plan", Proof::bitwise);
  for (const EngineTrace* trace : context.engines()) check_trace(*trace, tally);
  return tally;
}

}  // namespace shardproof::reports
