#include "reports/checks/plan.hpp"

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "reports/verdict/findings.hpp"
#include "scenarios/plan/check/type_check.hpp"
#include "scenarios/plan/pieces.hpp"
#include "scenarios/plan/program_json.hpp"

namespace shardproof::reports {

namespace {

std::int64_t count_ops(const Program& program) {
  std::int64_t count = 0;
  for (const Segment& segment : program.segments)
    count += static_cast<std::int64_t>(segment.ops.size());
  return count;
}

// The first time that a rank ran the op which stands where `op` does in the program of `owner`.
const ExecutedOp* first_run(const EngineTrace& trace, int rank, int owner, const Op* op) {
  const auto& theirs = trace.program(owner).segments;
  const auto& own = trace.program(rank).segments;
  for (std::size_t s = 0; s < theirs.size(); ++s)
    for (std::size_t i = 0; i < theirs[s].ops.size(); ++i)
      if (&theirs[s].ops[i] == op)
        for (const ExecutedOp& executed : trace.executed(rank))
          if (executed.op == &own[s].ops[i]) return &executed;
  return nullptr;
}

// Where the op ran, the failure is there, on every rank that has the program: what came of it may
// show much later. `problems` are those of the program of `owner`, which is the rank's own, too.
void note_types(const EngineTrace& trace, int rank, int owner,
                const std::vector<TypeProblem>& problems, Tally& tally, Findings& findings) {
  for (const TypeProblem& problem : problems) {
    if (const ExecutedOp* executed = first_run(trace, rank, owner, problem.at)) {
      tally.add(0, 1, Proof::bitwise);
      findings.add(failure_of(trace, rank, *executed, ""), problem.message);
    } else {
      tally.fail(trace.execution() + ", rank " + std::to_string(rank) + ": " + problem.op + ": " +
                 problem.message);
    }
  }
}

/// What a rank's ops are to record: a tensor that two of them would in one moment is in the trace
/// as the first left it, and nobody can tell what the second made of it.
class RecordedOnce {
 public:
  RecordedOnce(const EngineTrace& trace, int rank, Tally& tally, Findings& findings)
      : trace_(trace),
        rank_(rank),
        tally_(tally),
        findings_(findings),
        names_(program().values.size()) {}

  void check() {
    for (const ExecutedOp& executed : trace_.executed(rank_))
      if (executed.op->recorded)
        for (const ValueId id : executed.op->outputs) check(executed, id);
  }

 private:
  const Program& program() const { return trace_.program(rank_); }

  void check(const ExecutedOp& executed, ValueId id) {
    for (const std::string& name : names_of(id)) {
      const std::string path = folder_of(executed.moment) + "/" + name;
      const auto [first, is_first] = first_.try_emplace(path, executed.op);
      if (is_first) continue;
      Failure failure = failure_of(trace_, rank_, executed, path);
      failure.divergence.wrong_elements = 1;  // at least: what it is now was not stored
      tally_.add(0, 1, Proof::bitwise);
      findings_.add(failure, full_name(*executed.op) + " records it, and " +
                                 full_name(*first->second) + " has recorded it in this moment");
    }
  }

  const std::vector<std::string>& names_of(ValueId id) {
    auto& names = names_.at(static_cast<std::size_t>(id));
    if (!names) {
      names.emplace();
      for (const Piece& piece : pieces_of(program(), program().value(id), Rank{rank_}))
        names->push_back(piece.name);
    }
    return *names;
  }

  const EngineTrace& trace_;
  int rank_;
  Tally& tally_;
  Findings& findings_;
  std::vector<std::optional<std::vector<std::string>>> names_;  // by value
  std::unordered_map<std::string, const Op*> first_;            // by path
};

void check_trace(const EngineTrace& trace, Tally& tally) {
  std::string first_hash;
  std::vector<TypeProblem> of_first;
  Findings findings;
  for (int rank = 0; rank < trace.world(); ++rank) {
    const Program& program = trace.program(rank);
    const std::string where = trace.execution() + ", rank " + std::to_string(rank) + ": ";
    const std::string hash = hash_of(program);
    tally.add(count_ops(program), 0, Proof::bitwise);
    if (hash != trace.reader().header(rank).program_hash)
      tally.fail(where + "the stored program is not the one whose hash the rank announced");
    if (rank == 0) {
      first_hash = hash;
      of_first = type_check(program);
    } else if (hash != first_hash) {
      tally.fail(where + "its program is not that of rank 0");
    }
    const bool alike = hash == first_hash;
    note_types(trace, rank, alike ? 0 : rank, alike ? of_first : type_check(program), tally,
               findings);
    RecordedOnce(trace, rank, tally, findings).check();
  }
  findings.report(tally);
}

}  // namespace

Tally check_plan(const JudgeContext& context) {
  Tally tally("plan", Proof::bitwise);
  for (const EngineTrace* trace : context.engines()) check_trace(*trace, tally);
  return tally;
}

}  // namespace shardproof::reports
