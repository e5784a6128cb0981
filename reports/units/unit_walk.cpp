#include "reports/units/unit_walk.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <optional>

#include "reports/units/hop_replay.hpp"
#include "reports/units/judge_unit.hpp"
#include "reports/units/moves.hpp"
#include "reports/units/plan_unit.hpp"
#include "reports/units/slice_sums.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/skipped_steps.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/pieces.hpp"

namespace shardproof::reports {

namespace {

using Bytes = std::vector<std::byte>;
using SharedBytes = std::shared_ptr<const Bytes>;

// What a value holds on a rank: nothing is known of the bytes where they were not as they must be.
struct Held {
  std::uint64_t hash = 0;
  SharedBytes bytes;
  Moment written;
  std::string writer;
  std::string phase;  // of the writer
};

// One collective of one group: what its members brought.
struct Meeting {
  std::vector<SharedBytes> inputs;  // by group rank
  std::vector<bool> arrived;
  std::size_t left = 0;  // members that have their result
};

// A rank on its way through its log.
struct Walker {
  explicit Walker(int r) : rank(r) {}
  int rank;
  std::size_t next = 0;
  std::map<ValueId, Held> held;
  std::map<ValueId, std::pair<std::string, std::int64_t>> pending;  // output -> group key, number
  std::map<std::string, std::int64_t> started;                      // by group key
};

class Walk {
 public:
  Walk(const JudgeContext& context, const EngineTrace& trace, UnitMemo& memo,
       WalkFindings& findings, TensorTable& table)
      : context_(context),
        trace_(trace),
        memo_(memo),
        findings_(findings),
        table_(table),
        expected_(context, trace) {
    for (int rank = 0; rank < trace.world(); ++rank) walkers_.push_back(Walker(rank));
  }

  void run() {
    bool moved = true;
    while (moved) {
      moved = false;
      for (Walker& walker : walkers_)
        while (walker.next < trace_.executed(walker.rank).size() && step(walker)) moved = true;
    }
    for (const Walker& walker : walkers_)
      if (walker.next < trace_.executed(walker.rank).size())
        findings_.plan_units.fail(trace_.execution() + ": the collectives of rank " +
                                  std::to_string(walker.rank) +
                                  " do not line up with its group's, from " +
                                  full_name(*trace_.executed(walker.rank)[walker.next].op) + " on");
  }

 private:
  const Program& program(const Walker& walker) const { return trace_.program(walker.rank); }

  // With as many rows as there are.
  Shape held_shape(const Walker& walker, const Moment& moment, const Value& value) const {
    return local_shape(program(walker), value, Rank{walker.rank}, trace_.rows(walker.rank, moment));
  }

  // One executed op; false if it waits for other ranks' inputs.
  bool step(Walker& walker) {
    const ExecutedOp& executed = trace_.executed(walker.rank)[walker.next];
    const Op& op = *executed.op;
    if (op.kind == OpKind::wait && !ready(walker, op)) return false;
    ++walker.next;
    const std::vector<SharedBytes> inputs = read(walker, executed);
    if (is_collective(op.kind)) {
      join(walker, op, inputs);
      return true;
    }
    if (op.kind == OpKind::wait) {
      judge_collective(walker, executed);
    } else if (is_move(op.kind)) {
      judge_move(walker, executed, inputs);
    } else if (op.kind == OpKind::accumulate_slices) {
      judge_slices(walker, executed, inputs);
    } else if (op.kind == OpKind::checksum) {
      judge_checksum(walker, executed, inputs);
    } else if (op.kind == OpKind::differ) {
      judge_difference(walker, executed, inputs);
    } else {
      judge_op(walker, executed, inputs);
    }
    return true;
  }

  // ---- reading: the checks edges and continuity

  std::vector<SharedBytes> read(Walker& walker, const ExecutedOp& executed) {
    std::vector<SharedBytes> inputs;
    if (executed.op->kind == OpKind::wait) return inputs;
    for (const AccessRecord* access : executed.reads) {
      const auto held = walker.held.find(access->value);
      const Value& value = program(walker).value(access->value);
      const std::int64_t elements = element_count(held_shape(walker, access->moment, value));
      const bool state = value.lifetime == Lifetime::state;
      const bool across_steps = held != walker.held.end() && state &&
                                std::pair(held->second.written.stage, held->second.written.step) !=
                                    std::pair(access->moment.stage, access->moment.step);
      Tally& tally = across_steps ? findings_.continuity : findings_.edges;
      const bool same = held != walker.held.end() && held->second.hash == access->hash;
      tally.add(elements, same ? 0 : elements, Proof::bitwise);
      if (!same)
        report_edge(walker, executed, *access, held == walker.held.end() ? nullptr : &held->second,
                    tally);
      inputs.push_back(same ? held->second.bytes : nullptr);
    }
    return inputs;
  }

  void report_edge(const Walker& walker, const ExecutedOp& executed, const AccessRecord& access,
                   const Held* held, Tally& tally) {
    const Value& value = program(walker).value(access.value);
    const Moment& written = held != nullptr ? held->written : access.moment;
    Failure failure =
        failure_of(trace_, walker.rank, executed, folder_of(written) + "/" + value.name);
    failure.divergence.op = full_name(*executed.op);
    if (held != nullptr) {
      // The value was right when its writer wrote it: that is where the wrong bytes belong.
      failure.divergence.op = held->writer;
      failure.divergence.phase = held->phase;
    }
    const std::string reader = full_name(*executed.op) + " on rank " + std::to_string(walker.rank);
    tally.fail(
        std::move(failure),
        trace_.execution() + ": " + reader + " read bytes of " + value.name +
            (held == nullptr ? " that nobody wrote" : " that " + held->writer + " did not write"));
  }

  // ---- writing

  // The recorded bytes of a value, put back from its pieces; nullptr if a piece is missing or the
  // bytes are not those that the log hashed.
  SharedBytes recorded_bytes(const Walker& walker, const ExecutedOp& executed, ValueId id) const {
    const Value& value = program(walker).value(id);
    const std::size_t size = size_bytes(value.dtype);
    auto bytes = std::make_shared<Bytes>(
        static_cast<std::size_t>(element_count(held_shape(walker, executed.moment, value))) * size);
    for (const Piece& piece : pieces_of(program(walker), value, Rank{walker.rank},
                                        trace_.rows(walker.rank, executed.moment))) {
      const StoredDataset* stored =
          trace_.dataset(folder_of(executed.moment) + "/" + piece.name, walker.rank);
      if (stored == nullptr || element_count(stored->info.regions) != element_count(piece) ||
          stored->info.dtype != value.dtype)
        return nullptr;
      put_back(piece, trace_.reader().read(*stored), size, *bytes);
    }
    return bytes;
  }

  const AccessRecord* write_of(const ExecutedOp& executed, std::size_t output) const {
    return output < executed.writes.size() ? executed.writes[output] : nullptr;
  }

  void hold(Walker& walker, const ExecutedOp& executed, std::size_t output, SharedBytes bytes) {
    const AccessRecord* write = write_of(executed, output);
    walker.held[executed.op->outputs[output]] = {write->hash, std::move(bytes), executed.moment,
                                                 writer_name(*executed.op), executed.op->phase};
  }

  // Takes what the trace says was written: stored bytes, which must have the logged hash.
  SharedBytes accept_recorded(Walker& walker, const ExecutedOp& executed, std::size_t output) {
    const AccessRecord* write = write_of(executed, output);
    if (write == nullptr) {
      findings_.plan_units.unknown(trace_.execution() + ": " + full_name(*executed.op) +
                                   " has no log entry of what it wrote");
      return nullptr;
    }
    SharedBytes bytes;
    if (executed.op->recorded) {
      bytes = recorded_bytes(walker, executed, executed.op->outputs[output]);
      if (bytes == nullptr || hash_bytes(*bytes) != write->hash) {
        findings_.edges.fail(trace_.execution() + ": rank " + std::to_string(walker.rank) +
                             ": the recorded bytes of " +
                             program(walker).value(executed.op->outputs[output]).name + " in " +
                             folder_of(executed.moment) + " are not those that were written");
        bytes = nullptr;
      }
    }
    hold(walker, executed, output, bytes);
    return bytes;
  }

  // Bytes that are known in advance: equal to the logged hash, or the op is wrong.
  void expect_bytes(Walker& walker, const ExecutedOp& executed, std::size_t output,
                    const Bytes& expected) {
    const ValueId id = executed.op->outputs[output];
    const AccessRecord* write = write_of(executed, output);
    const SharedBytes recorded = accept_recorded(walker, executed, output);
    if (write == nullptr) return;
    const Value& value = program(walker).value(id);
    const std::int64_t elements =
        static_cast<std::int64_t>(expected.size() / size_bytes(value.dtype));
    Comparison comparison;
    comparison.compared = elements;
    const bool same = hash_bytes(expected) == write->hash;
    if (same) {
      walker.held[id].bytes = std::make_shared<Bytes>(expected);
    } else if (recorded != nullptr && recorded->size() == expected.size()) {
      comparison = compare_bits(expected, *recorded, value.dtype);
    } else {
      comparison.failed = elements;  // only the hash is known
    }
    settle(walker, executed, output, {comparison, Proof::bitwise, true});
  }

  // ---- judging

  void judge_op(Walker& walker, const ExecutedOp& executed,
                const std::vector<SharedBytes>& inputs) {
    const Op& op = *executed.op;
    const bool known = std::all_of(inputs.begin(), inputs.end(),
                                   [](const SharedBytes& bytes) { return bytes != nullptr; });
    for (std::size_t output = 0; output < op.outputs.size(); ++output) {
      const auto unit = plan_unit(program(walker), op, output, context_.policy, Rank{walker.rank},
                                  trace_.rows(walker.rank, executed.moment));
      const Value& value = program(walker).value(op.outputs[output]);
      const bool empty = element_count(held_shape(walker, executed.moment, value)) == 0;
      if (!unit || !known || empty || executed.reads.size() != op.inputs.size()) {
        // Leaves are judged by the check `leaves`; what read changed bytes has failed as an edge;
        // where the rank holds nothing of the output, there is nothing to judge.
        accept_recorded(walker, executed, output);
        continue;
      }
      if (op.recorded)
        judge_recorded(walker, executed, output, *unit, inputs);
      else
        judge_derived(walker, executed, output, *unit, inputs);
    }
  }

  void judge_recorded(Walker& walker, const ExecutedOp& executed, std::size_t output,
                      const PlanUnit& unit, const std::vector<SharedBytes>& inputs) {
    const SharedBytes recorded = accept_recorded(walker, executed, output);
    if (recorded == nullptr) return;
    const NonFinite non_finite = expected_.non_finite(executed.moment);
    std::string key = describe(unit.kind, unit.attributes, unit.precision, non_finite);
    for (const std::size_t i : unit.arguments) key += hex(executed.reads[i]->hash);
    key += hex(executed.writes[output]->hash);
    if (unit.kind == reference::UnitKind::sum_of_squares) key += std::to_string(walker.rank);
    const UnitVerdict verdict = memo_.find_or(key, [&] {
      const Arguments arguments = arguments_of(walker, executed, unit, inputs);
      return judge_unit(unit.kind, unit.attributes, unit.precision, arguments.operands,
                        decoded(walker, executed, output, *recorded), non_finite);
    });
    settle(walker, executed, output, verdict);
  }

  std::vector<double> decoded(const Walker& walker, const ExecutedOp& executed, std::size_t output,
                              const Bytes& recorded) const {
    const Value& value = program(walker).value(executed.op->outputs[output]);
    std::vector<double> values(recorded.size() / size_bytes(value.dtype));
    decode(value.dtype, recorded, values);
    return values;
  }

  void judge_derived(Walker& walker, const ExecutedOp& executed, std::size_t output,
                     const PlanUnit& unit, const std::vector<SharedBytes>& inputs) {
    const Arguments arguments = arguments_of(walker, executed, unit, inputs);
    expect_result(
        walker, executed, output,
        reference::replay(unit.kind, unit.attributes, unit.precision, arguments.operands));
  }

  // Not stored, so its bits must follow from its inputs: one rounding, or none.
  void expect_result(Walker& walker, const ExecutedOp& executed, std::size_t output,
                     const reference::UnitResult& result) {
    if (!result.sound || !result.bound.empty() || !result.error.empty()) {
      findings_.plan_units.unknown(trace_.execution() + ": the result of " +
                                   full_name(*executed.op) +
                                   " is not recorded, and its bits do not follow from its inputs");
      accept_recorded(walker, executed, output);
      return;
    }
    const Dtype dtype = program(walker).value(executed.op->outputs[output]).dtype;
    Bytes expected(result.value.size() * size_bytes(dtype));
    encode(dtype, result.value, expected);
    expect_bytes(walker, executed, output, expected);
  }

  // Decoded inputs with their local shapes.
  struct Arguments {
    std::vector<std::vector<double>> values;
    std::vector<reference::Operand> operands;
  };
  Arguments arguments_of(const Walker& walker, const ExecutedOp& executed, const PlanUnit& unit,
                         const std::vector<SharedBytes>& inputs) const {
    Arguments arguments;
    arguments.values.reserve(unit.arguments.size());
    for (const std::size_t i : unit.arguments) {
      const Value& value = program(walker).value(executed.op->inputs[i]);
      arguments.values.emplace_back(inputs[i]->size() / size_bytes(value.dtype));
      decode(value.dtype, *inputs[i], arguments.values.back());
      arguments.operands.push_back(
          {held_shape(walker, executed.moment, value), arguments.values.back()});
    }
    if (unit.kind == reference::UnitKind::sum_of_squares) count_once(walker, executed, arguments);
    return arguments;
  }

  // The norm takes only what this rank counts of its flat slice.
  void count_once(const Walker& walker, const ExecutedOp& executed, Arguments& arguments) const {
    arguments.operands.clear();
    for (std::size_t i = 0; i < executed.op->inputs.size(); ++i) {
      const Value& flat = program(walker).value(executed.op->inputs[i]);
      const std::span<const double> all = arguments.values[i];
      for (const Stretch& range : counted_ranges(program(walker), flat, Rank{walker.rank}))
        arguments.operands.push_back({{range.count},
                                      all.subspan(static_cast<std::size_t>(range.begin),
                                                  static_cast<std::size_t>(range.count))});
    }
    if (arguments.operands.empty()) arguments.operands.push_back({{0}, {}});
  }

  void judge_move(Walker& walker, const ExecutedOp& executed,
                  const std::vector<SharedBytes>& inputs) {
    std::vector<const Bytes*> bytes;
    for (const SharedBytes& input : inputs) bytes.push_back(input.get());
    const bool known = std::find(bytes.begin(), bytes.end(), nullptr) == bytes.end() &&
                       bytes.size() == executed.op->inputs.size();
    if (!known) {
      for (std::size_t i = 0; i < executed.op->outputs.size(); ++i)
        accept_recorded(walker, executed, i);
      return;
    }
    const auto expected = moved_bytes(program(walker), *executed.op, Rank{walker.rank}, bytes);
    for (std::size_t i = 0; i < expected.size(); ++i)
      expect_bytes(walker, executed, i, expected[i]);
  }

  // Bitwise: the slices as they were, and where the bucket has a part of them, one addition.
  void judge_slices(Walker& walker, const ExecutedOp& executed,
                    const std::vector<SharedBytes>& inputs) {
    if (inputs.size() != 2 || inputs[0] == nullptr || inputs[1] == nullptr)
      return void(accept_recorded(walker, executed, 0));
    expect_bytes(walker, executed, 0,
                 slices_after(program(walker), *executed.op, Rank{walker.rank},
                              context_.policy.accumulate, *inputs[0], *inputs[1]));
  }

  void judge_checksum(Walker& walker, const ExecutedOp& executed,
                      const std::vector<SharedBytes>& inputs) {
    if (inputs.size() != 1 || inputs[0] == nullptr) {
      accept_recorded(walker, executed, 0);
      return;
    }
    const std::uint64_t hash = hash_bytes(*inputs[0]);
    const double halves[2] = {static_cast<double>(hash >> 32),
                              static_cast<double>(hash & 0xffffffffU)};
    Bytes expected(sizeof halves);
    std::memcpy(expected.data(), halves, sizeof halves);
    expect_bytes(walker, executed, 0, expected);
  }

  void judge_difference(Walker& walker, const ExecutedOp& executed,
                        const std::vector<SharedBytes>& inputs) {
    if (inputs.size() != 2 || inputs[0] == nullptr || inputs[1] == nullptr)
      return void(accept_recorded(walker, executed, 0));
    const float flag = *inputs[0] == *inputs[1] ? 0.0F : 1.0F;
    Bytes expected(sizeof flag);
    std::memcpy(expected.data(), &flag, sizeof flag);
    expect_bytes(walker, executed, 0, expected);
  }

  // ---- collectives

  std::string group_key(const Walker& walker, Axis axis) const {
    const auto group = trace_.grid().group(Rank{walker.rank}, axis);
    return std::string(name_of(axis)) + std::to_string(group.front().value);
  }

  void join(Walker& walker, const Op& op, const std::vector<SharedBytes>& inputs) {
    const Axis axis = op.group.value();
    const std::string key = group_key(walker, axis);
    const std::int64_t number = walker.started[key]++;
    Meeting& meeting = meetings_[{key, number}];
    const auto size = static_cast<std::size_t>(trace_.grid().size(axis));
    meeting.inputs.resize(size);
    meeting.arrived.resize(size);
    const auto at =
        static_cast<std::size_t>(trace_.grid().group_rank(Rank{walker.rank}, axis).value);
    meeting.inputs[at] = inputs.empty() ? nullptr : inputs[0];
    meeting.arrived[at] = true;
    walker.pending[op.outputs[0]] = {key, number};
    last_start_[{walker.rank, op.outputs[0]}] = &op;
  }

  bool ready(Walker& walker, const Op& wait) {
    const auto pending = walker.pending.find(wait.outputs[0]);
    if (pending == walker.pending.end()) return true;
    const Meeting& meeting = meetings_.at(pending->second);
    return std::all_of(meeting.arrived.begin(), meeting.arrived.end(), [](bool b) { return b; });
  }

  void judge_collective(Walker& walker, const ExecutedOp& executed) {
    const ValueId id = executed.op->outputs[0];
    const auto pending = walker.pending.find(id);
    if (pending == walker.pending.end()) {
      accept_recorded(walker, executed, 0);
      return;
    }
    const auto key = pending->second;
    walker.pending.erase(pending);
    Meeting& meeting = meetings_.at(key);
    judge_meeting(walker, executed, meeting, *last_start_.at({walker.rank, id}));
    if (++meeting.left == meeting.inputs.size()) meetings_.erase(key);
  }

  void judge_meeting(Walker& walker, const ExecutedOp& executed, const Meeting& meeting,
                     const Op& start) {
    std::vector<Bytes> members;
    for (const SharedBytes& input : meeting.inputs) {
      if (input == nullptr || (!members.empty() && input->size() != members[0].size())) {
        accept_recorded(walker, executed, 0);
        return;
      }
      members.push_back(*input);
    }
    const Dtype dtype = program(walker).value(start.inputs[0]).dtype;
    if (start.kind == OpKind::all_gather)
      expect_bytes(walker, executed, 0, replay_gather(members));
    else if (start.kind == OpKind::all_reduce_max)
      expect_bytes(walker, executed, 0, replay_max(dtype, members));
    else
      judge_reduction(walker, executed, start, dtype, members);
  }

  void judge_reduction(Walker& walker, const ExecutedOp& executed, const Op& start, Dtype dtype,
                       const std::vector<Bytes>& members) {
    // The wire dtype is the policy's: a program that claims another one must not be excused by it.
    const Dtype wire = context_.policy.wire(start.kind, *start.group, dtype);
    const ReductionOrder order = context_.policy.order;
    if (order != ReductionOrder::library)
      return expect_bytes(walker, executed, 0, replay_sum(order, dtype, wire, members));
    const reference::UnitResult sum = bound_sum(dtype, wire, members);
    if (!executed.op->recorded) return expect_result(walker, executed, 0, sum);
    if (const SharedBytes recorded = accept_recorded(walker, executed, 0))
      settle(walker, executed, 0,
             judge_result(sum, dtype, decoded(walker, executed, 0, *recorded),
                          expected_.non_finite(executed.moment)));
  }

  // ---- results

  void settle(const Walker& walker, const ExecutedOp& executed, std::size_t output,
              const UnitVerdict& verdict) {
    const Value& value = program(walker).value(executed.op->outputs[output]);
    if (!verdict.sound) {
      findings_.plan_units.unknown(trace_.execution() + ": no sound bound for " +
                                   full_name(*executed.op));
      return;
    }
    const Comparison& comparison = verdict.comparison;
    findings_.plan_units.add(comparison, verdict.proof);
    table_.add(value.name, walker.rank, executed.moment, comparison);
    if (comparison.failed == 0) return;
    Failure failure =
        failure_of(trace_, walker.rank, executed, folder_of(executed.moment) + "/" + value.name);
    FirstDivergence& divergence = failure.divergence;
    if (comparison.first_failed >= 0)
      for (const Piece& piece : pieces_of(program(walker), value, Rank{walker.rank},
                                          trace_.rows(walker.rank, executed.moment)))
        if (const auto index = index_in_full(piece, comparison.first_failed)) {
          divergence.tensor = folder_of(executed.moment) + "/" + piece.name;
          divergence.index = *index;
        }
    set_numbers(divergence, comparison);
    findings_.plan_units.fail(std::move(failure), trace_.execution() + ": rank " +
                                                      std::to_string(walker.rank) + " computed " +
                                                      writer_name(*executed.op) + " wrongly in " +
                                                      folder_of(executed.moment));
  }

  static std::string hex(std::uint64_t hash) {
    char text[20];
    std::snprintf(text, sizeof text, " %016llx", static_cast<unsigned long long>(hash));
    return text;
  }

  const JudgeContext& context_;
  const EngineTrace& trace_;
  UnitMemo& memo_;
  WalkFindings& findings_;
  TensorTable& table_;
  ExpectedOfTrace expected_;
  std::vector<Walker> walkers_;
  std::map<std::pair<std::string, std::int64_t>, Meeting> meetings_;
  std::map<std::pair<int, ValueId>, const Op*> last_start_;
};

}  // namespace

void walk_units(const JudgeContext& context, const EngineTrace& trace, UnitMemo& memo,
                WalkFindings& findings, TensorTable& table) {
  Walk(context, trace, memo, findings, table).run();
}

}  // namespace shardproof::reports
