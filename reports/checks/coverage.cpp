#include "reports/checks/coverage.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "reports/traces/assembled_tensor.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/skipped_steps.hpp"
#include "scenarios/plan/pieces.hpp"

namespace shardproof::reports {

namespace {

/// What must be recorded: a tensor of this shape, of which some rows may be data.
struct Expected {
  Shape shape;
  std::optional<reference::RoutedRows> rows;
};

std::map<std::string, Expected> expected_tensors(const JudgeContext& context,
                                                 const RecordedTrace& trace) {
  const ExpectedOfTrace of_trace(context, trace);
  std::map<std::string, Expected> expected;
  const RunEnd& end = of_trace.end();
  for (const auto& [path, shape] : reference::expected_leaves(context.scenario, of_trace.skipped()))
    if (const Moment moment = moment_of(path);
        end.is_past(moment) || (end.is_by_data_check() && moment == end.at())) {
      expected[path] = {shape, std::nullopt};
      if (moment.micro >= 0 && checks_data(context.scenario))
        expected[data_check_path(moment)] = {{1}, std::nullopt};
    }
  for (const reference::Unit& unit : of_trace.units())
    expected[unit.output] = {unit.shape, unit.rows};
  return expected;
}

std::vector<Region> distinct_regions(const std::vector<StoredDataset>& copies,
                                     std::vector<Region> regions) {
  std::vector<const std::vector<Region>*> pieces;
  for (const StoredDataset& copy : copies) {
    const bool known = std::any_of(pieces.begin(), pieces.end(),
                                   [&](const auto* piece) { return *piece == copy.info.regions; });
    if (known) continue;
    pieces.push_back(&copy.info.regions);
    regions.insert(regions.end(), copy.info.regions.begin(), copy.info.regions.end());
  }
  return regions;
}

// A tensor that is whole on every TP rank is cut by ZeRO in other places on each, where the shards
// before it in the flat vector are of unlike size.
bool whole_on_each_tp_rank(const std::vector<StoredDataset>& copies, const Shape& shape, int tp) {
  for (int index = 0; index < tp; ++index) {
    std::vector<StoredDataset> here;
    std::copy_if(copies.begin(), copies.end(), std::back_inserter(here),
                 [&](const StoredDataset& copy) { return copy.rank % tp == index; });
    if (!tiles_exactly(distinct_regions(here, {}), shape)) return false;
  }
  return true;
}

// ZeRO leaves each rank a stretch of the optimizer's tensors, and stage 2 of accumulated gradients,
// which of a given one may be empty.
bool may_be_absent_on_a_rank(const JudgeContext& context, const std::string& path) {
  const int stage = context.scenario.parallel.zero_stage;
  const std::string name = name_in_folder(path);
  if (stage > 0 && name.starts_with("optimizer/")) return true;
  if (stage < 2) return false;
  const bool of_a_micro_step = moment_of(path).micro >= 0;
  return name.starts_with(of_a_micro_step ? "accumulator/" : "gradient/");
}

/// What is wrong with a recorded tensor; empty if nothing is.
std::string problem_of(const JudgeContext& context, const TraceReader& reader,
                       const std::string& path, const Expected& expected,
                       const std::vector<StoredDataset>& copies) {
  const Shape& shape = expected.shape;
  for (const StoredDataset& copy : copies)
    if (copy.info.full_shape != shape)
      return path + " is recorded as a " + to_string(copy.info.full_shape) + " on rank " +
             std::to_string(copy.rank) + ", expected " + to_string(shape);
  std::vector<Region> absent;
  if (expected.rows) {
    const auto rows = absent_rows(reader, shape, *expected.rows, 0);
    if (!rows)
      return path + " has rows that nobody can count: the choice of experts is not recorded";
    absent = *rows;
  }
  const bool divided = may_be_absent_on_a_rank(context, path);
  const bool covered =
      tiles_exactly(distinct_regions(copies, absent), shape) ||
      (divided && whole_on_each_tp_rank(copies, shape, context.scenario.parallel.tensor_parallel));
  if (!covered)
    return path + " is not covered: some element of " + to_string(shape) +
           " has no owner, or two that hold different parts";
  if (divided) return "";
  for (int rank = 0; rank < context.scenario.world(); ++rank)
    if (std::none_of(copies.begin(), copies.end(),
                     [&](const StoredDataset& copy) { return copy.rank == rank; }))
      return path + " is not recorded on rank " + std::to_string(rank);
  return "";
}

/// Names, in the folder of a moment, of everything that the ranks' programs record.
std::set<std::string> recorded_names(const EngineTrace& trace) {
  std::set<std::string> names;
  for (int rank = 0; rank < trace.world(); ++rank) {
    const Program& program = trace.program(rank);
    std::set<ValueId> seen;
    for (const Segment& segment : program.segments)
      for (const Op& op : segment.ops)
        for (const ValueId id : op.outputs)
          if (op.recorded && seen.insert(id).second)
            for (const Piece& piece : pieces_of(program, program.value(id), Rank{rank}))
              names.insert(piece.name);
  }
  return names;
}

void check_trace(const JudgeContext& context, const RecordedTrace& trace,
                 const std::map<std::string, Expected>& all, Tally& tally) {
  const auto& datasets = trace.reader().datasets();
  for (const auto& [path, expected] : all) {
    const std::int64_t count = element_count(expected.shape);
    tally.add(count, 0, Proof::bitwise);
    const auto found = datasets.find(path);
    const std::string problem = found == datasets.end() ? path + " is not recorded"
                                                        : problem_of(context, trace.reader(), path,
                                                                     expected, found->second);
    if (!problem.empty()) tally.fail(trace.execution() + ": " + problem, count);
  }
  if (trace.engine() == nullptr) return;  // nobody says what else it may have recorded
  const std::set<std::string> names = recorded_names(*trace.engine());
  for (const auto& [path, copies] : datasets)
    if (!all.contains(path) && !names.contains(name_in_folder(path)))
      tally.fail(trace.execution() + ": " + path + " is recorded on rank " +
                 std::to_string(copies.front().rank) +
                 ", but neither the reference nor the program knows it");
}

bool in_scenario(const Scenario& scenario, const Moment& moment) {
  return moment.stage != Moment::Stage::step ||
         (moment.step >= scenario.first_step && moment.step < scenario.steps &&
          moment.micro < scenario.training.accumulation);
}

bool are_of(const std::vector<const AccessRecord*>& accesses, const std::vector<ValueId>& values) {
  return std::equal(accesses.begin(), accesses.end(), values.begin(), values.end(),
                    [](const AccessRecord* access, ValueId id) { return access->value == id; });
}

bool tells_all_accesses(const ExecutedOp& executed) {
  const Op& op = *executed.op;
  const bool reads = op.kind != OpKind::wait, writes = !is_collective(op.kind);
  return are_of(executed.reads, reads ? op.inputs : std::vector<ValueId>{}) &&
         are_of(executed.writes, writes ? op.outputs : std::vector<ValueId>{});
}

/// The op that follows in the segment; nullptr where another segment may begin.
const Op* due_after(const ExecutedOp* executed) {
  if (executed == nullptr || executed->op == &executed->segment->ops.back()) return nullptr;
  return executed->op + 1;
}

// Weights, masters and moments are what a step leaves behind: an op that changes them unrecorded
// would hide what nobody reads after the last step. (Round trips, outside the steps, have their own
// check.)
std::string unseen_state(const Program& program, const ExecutedOp& executed) {
  if (executed.moment.stage != Moment::Stage::step || executed.op->recorded) return "";
  for (const ValueId id : executed.op->outputs)
    if (const Value& value = program.value(id); outlives_step(value)) return value.name;
  return "";
}

/// The first thing wrong with the log of a rank: what other checks derive from it they could not
/// derive if an op, or something that it read or wrote, were left out.
void check_log(const JudgeContext& context, const EngineTrace& trace, int rank, Tally& tally,
               Findings& findings) {
  const auto fail = [&](const ExecutedOp& at, const Op& op, const std::string& problem) {
    tally.add(0, 1, Proof::bitwise);
    Failure failure = failure_of(trace, rank, at, "");
    failure.divergence.op = writer_name(op);
    failure.divergence.phase = op.phase;
    findings.add(failure, problem);
  };
  const ExecutedOp* previous = nullptr;
  for (const ExecutedOp& executed : trace.executed(rank)) {
    const Op* next = due_after(previous);
    const Op& due = next == nullptr ? executed.segment->ops.front() : *next;
    if (&due != executed.op) return fail(executed, due, "the program has it here, the log has not");
    if (!in_scenario(context.scenario, executed.moment))
      return fail(executed, due, "it ran in a step or micro-step that the scenario does not have");
    if (!tells_all_accesses(executed))
      return fail(executed, due, "the log does not tell all that it read and wrote");
    if (const std::string value = unseen_state(trace.program(rank), executed); !value.empty())
      return fail(executed, due, "it changes " + value + " in a step, and does not record it");
    previous = &executed;
  }
  if (const Op* due = due_after(previous); due != nullptr && !trace.failure())
    fail(*previous, *due, "the program has it here, the log has not");
}

}  // namespace

Tally check_coverage(const JudgeContext& context) {
  Tally tally("coverage", Proof::bitwise);
  for (const RecordedTrace* trace : context.traces) {
    check_trace(context, *trace, expected_tensors(context, *trace), tally);
    Findings findings;
    for (int rank = 0; trace->engine() != nullptr && rank < trace->world(); ++rank)
      check_log(context, *trace->engine(), rank, tally, findings);
    findings.report(tally);
  }
  return tally;
}

}  // namespace shardproof::reports
