#include "reports/units/judge_op.hpp"

#include <algorithm>
#include <cstring>

#include "reports/units/hop_replay.hpp"
#include "reports/units/judge_unit.hpp"
#include "reports/units/moves.hpp"
#include "reports/units/slice_sums.hpp"
#include "reports/verdict/findings.hpp"
#include "scenarios/plan/pieces.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::reports {

namespace {

// An ill-typed program may give it fewer: the check `plan` says so.
bool has_its_operands(const Op& op) {
  const auto enough = [](const std::vector<ValueId>& given, int needed) {
    return std::ssize(given) >= (needed < 0 ? 1 : needed);
  };
  const OpRow& row = row_of(op.kind);
  return enough(op.inputs, row.inputs) && enough(op.outputs, row.outputs);
}

template <class T, std::size_t n>
Bytes bytes_of(const T (&values)[n]) {
  Bytes bytes(sizeof values);
  std::memcpy(bytes.data(), values, sizeof values);
  return bytes;
}

// The hash of real/checksum.hpp, from its definition in docs/bounds.md.
std::uint64_t mixed(std::uint64_t word) {
  word ^= word >> 30;
  word *= 0xbf58476d1ce4e5b9;
  word ^= word >> 27;
  word *= 0x94d049bb133111eb;
  word ^= word >> 31;
  return word;
}

Bytes checksum_of(const Bytes& bytes) {
  std::vector<std::uint64_t> words((bytes.size() + 7) / 8);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    words[i / 8] |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * (i % 8));
  std::uint64_t hash = mixed(bytes.size() + 1);
  for (std::size_t i = 0; i < words.size(); ++i) hash += mixed(words[i] ^ mixed(i + 1));
  return bytes_of({static_cast<double>(hash >> 32), static_cast<double>(hash & 0xffffffff)});
}

Bytes difference_of(const Bytes& a, const Bytes& b) { return bytes_of({a == b ? 0.0F : 1.0F}); }

std::vector<double> decoded(Dtype dtype, const Bytes& bytes) {
  std::vector<double> values(bytes.size() / size_bytes(dtype));
  decode(dtype, bytes, values);
  return values;
}

// Decoded inputs with their local shapes.
struct Arguments {
  std::vector<std::vector<double>> values;
  std::vector<reference::Operand> operands;
};

// The norm takes only what this rank counts of its flat slice.
void count_once(const OpOnRank& at, Arguments& arguments) {
  arguments.operands.clear();
  for (std::size_t i = 0; i < at.op().inputs.size(); ++i) {
    const Value& flat = at.program().value(at.op().inputs[i]);
    const std::span<const double> all = arguments.values[i];
    for (const Stretch& range : counted_ranges(at.program().layout_of(flat), flat.placement,
                                               at.program().grid(), Rank{at.rank}))
      arguments.operands.push_back({{range.count},
                                    all.subspan(static_cast<std::size_t>(range.begin),
                                                static_cast<std::size_t>(range.count))});
  }
  if (arguments.operands.empty()) arguments.operands.push_back({{0}, {}});
}

Arguments arguments_of(const OpOnRank& at, const PlanUnit& unit,
                       const std::vector<SharedBytes>& inputs) {
  Arguments arguments;
  arguments.values.reserve(unit.arguments.size());
  for (const std::size_t i : unit.arguments) {
    const Value& value = at.program().value(at.op().inputs[i]);
    arguments.values.push_back(decoded(value.dtype, *inputs[i]));
    arguments.operands.push_back({at.shape_of(value), arguments.values.back()});
  }
  if (unit.kind == reference::UnitKind::sum_of_squares) count_once(at, arguments);
  return arguments;
}

// What of a sum over the replicas must not depend on its place (docs/decisions/0009): in a bucket
// of which TP ranks hold parts of unlike size, the parameters that all of them hold.
std::vector<Stretch> placeless(const OpOnRank& at, const Op& start) {
  const Program& program = at.program();
  const Value& bucket = program.value(start.inputs[0]);
  if (bucket.layout < 0 || start.group != Axis::dp) return {};
  const ProcessGrid grid = program.grid();
  std::vector<Stretch> replicated;
  std::int64_t begin = 0;
  bool uneven = false;
  for (const FlatLayout::Entry& entry : program.layout_of(bucket).entries) {
    const auto count_on = [&](Rank rank) {
      return element_count(local_shape(entry.shape, entry.placement, grid, rank));
    };
    const std::int64_t count = count_on(Rank{at.rank});
    for (const Rank other : grid.group(Rank{at.rank}, Axis::tp))
      uneven = uneven || count_on(other) != count;
    if (entry.placement.tp == replicate()) replicated.push_back({begin, count});
    begin += count;
  }
  return uneven ? replicated : std::vector<Stretch>{};
}

HashedTensor hashed(const OpOnRank& at, const AccessRecord& access) {
  const Value& value = at.program().value(access.value);
  return {value.dtype, at.shape_of(value), access.hash};
}

}  // namespace

bool OpJudge::judge(const OpOnRank& at, const std::vector<SharedBytes>& inputs) {
  const Op& op = at.op();
  const bool known = inputs.size() == op.inputs.size() && std::ranges::count(inputs, nullptr) == 0;
  if (!known || !has_its_operands(op)) return accept_all(at);
  if (is_move(op.kind)) return judge_move(at, inputs);
  if (op.kind == OpKind::checksum) return expect_bytes(at, 0, checksum_of(*inputs[0]));
  if (op.kind == OpKind::differ) return expect_bytes(at, 0, difference_of(*inputs[0], *inputs[1]));
  // The slices as they were, and where the bucket has a part of them, one addition.
  if (op.kind == OpKind::accumulate_slices)
    return expect_bytes(at, 0,
                        slices_after(at.program(), op, Rank{at.rank}, context_.policy.accumulate,
                                     *inputs[0], *inputs[1]));
  bool judged = true;
  for (std::size_t output = 0; output < op.outputs.size(); ++output)
    judged = judge_unit_of(at, output, inputs) && judged;
  return judged;
}

// Where the rank holds nothing of an output, that is all there is to judge.
bool OpJudge::expect_nothing(const OpOnRank& at, std::size_t output) {
  held_.accept(at, output);
  const AccessRecord* write = at.write_of(output);
  if (write == nullptr || write->hash != tensor_hash({})) return false;
  held_.know(at, output, {});
  return true;
}

bool OpJudge::accept_all(const OpOnRank& at) {
  for (std::size_t output = 0; output < at.op().outputs.size(); ++output) held_.accept(at, output);
  return false;
}

bool OpJudge::judge_unit_of(const OpOnRank& at, std::size_t output,
                            const std::vector<SharedBytes>& inputs) {
  const auto unit =
      plan_unit(at.program(), at.op(), output, context_.policy, Rank{at.rank}, at.rows());
  if (!unit) {
    held_.accept(at, output);
    return false;
  }
  if (element_count(at.shape_of(at.output(output))) == 0) return expect_nothing(at, output);
  if (at.op().recorded) return judge_recorded(at, output, *unit, inputs);
  const Arguments arguments = arguments_of(at, *unit, inputs);
  return expect_result(
      at, output,
      reference::replay(unit->kind, unit->attributes, unit->precision, arguments.operands));
}

std::string OpJudge::key_of(const OpOnRank& at, std::size_t output, const PlanUnit& unit) const {
  std::vector<HashedTensor> tensors;
  for (const std::size_t i : unit.arguments) tensors.push_back(hashed(at, *at.executed.reads[i]));
  tensors.push_back(hashed(at, *at.write_of(output)));
  const std::string key = memo_key(unit.kind, unit.attributes, unit.precision, tensors,
                                   expected_.non_finite(at.executed.moment));
  // Which part of its slice a rank counts depends on the rank.
  const bool of_the_rank = unit.kind == reference::UnitKind::sum_of_squares;
  return of_the_rank ? key + std::to_string(at.rank) : key;
}

bool OpJudge::judge_recorded(const OpOnRank& at, std::size_t output, const PlanUnit& unit,
                             const std::vector<SharedBytes>& inputs) {
  const SharedBytes recorded = held_.accept(at, output);
  if (recorded == nullptr) return false;
  const UnitVerdict verdict = memo_.find_or(key_of(at, output, unit), [&] {
    const Arguments arguments = arguments_of(at, unit, inputs);
    return judge_unit(unit.kind, unit.attributes, unit.precision, arguments.operands,
                      decoded(at.output(output).dtype, *recorded),
                      expected_.non_finite(at.executed.moment));
  });
  return settle(at, output, verdict);
}

bool OpJudge::judge_move(const OpOnRank& at, const std::vector<SharedBytes>& inputs) {
  std::vector<const Bytes*> bytes;
  for (const SharedBytes& input : inputs) bytes.push_back(input.get());
  const auto expected = moved_bytes(at.program(), at.op(), Rank{at.rank}, bytes);
  bool judged = expected.size() == at.op().outputs.size();
  for (std::size_t i = 0; i < expected.size(); ++i)
    judged = expect_bytes(at, i, expected[i]) && judged;
  return judged;
}

bool OpJudge::judge(const OpOnRank& at, const Meeting& meeting) {
  std::vector<Bytes> members;
  for (const SharedBytes& input : meeting.inputs) {
    if (input == nullptr || (!members.empty() && input->size() != members[0].size()))
      return accept_all(at);
    members.push_back(*input);
  }
  const Op& start = *meeting.start;
  const Dtype dtype = at.program().value(start.inputs[0]).dtype;
  if (start.kind == OpKind::all_gather) return expect_bytes(at, 0, replay_gather(members));
  if (start.kind == OpKind::all_reduce_max) return expect_bytes(at, 0, replay_max(dtype, members));
  return judge_reduction(at, start, dtype, members);
}

bool OpJudge::judge_reduction(const OpOnRank& at, const Op& start, Dtype dtype,
                              const std::vector<Bytes>& members) {
  // The wire dtype is the policy's: a program that claims another one must not be excused by it.
  const Dtype wire = context_.policy.wire(start.kind, *start.group, dtype);
  const ReductionOrder order = context_.policy.order;
  if (order != ReductionOrder::library)
    return expect_bytes(at, 0, replay_sum(order, dtype, wire, members, placeless(at, start)));
  const reference::UnitResult sum = bound_sum(dtype, wire, members);
  if (!at.op().recorded) return expect_result(at, 0, sum);
  const SharedBytes recorded = held_.accept(at, 0);
  if (recorded == nullptr) return false;
  return settle(at, 0,
                judge_result(sum, dtype, decoded(dtype, *recorded),
                             expected_.non_finite(at.executed.moment)));
}

// Not stored, so its bits must follow from its inputs: one rounding, or none.
bool OpJudge::expect_result(const OpOnRank& at, std::size_t output,
                            const reference::UnitResult& result) {
  if (!result.sound || !result.bound.empty() || !result.error.empty()) {
    findings_.plan_units.unknown(at.trace.execution() + ": the result of " + full_name(at.op()) +
                                 " is not recorded, and its bits do not follow from its inputs");
    held_.accept(at, output);
    return false;
  }
  const Dtype dtype = at.output(output).dtype;
  Bytes expected(result.value.size() * size_bytes(dtype));
  encode(dtype, result.value, expected);
  return expect_bytes(at, output, expected);
}

// Bytes that are known in advance: equal to the logged hash, or the op is wrong.
bool OpJudge::expect_bytes(const OpOnRank& at, std::size_t output, const Bytes& expected) {
  const AccessRecord* write = at.write_of(output);
  const SharedBytes recorded = held_.accept(at, output);
  if (write == nullptr) return false;
  const Dtype dtype = at.output(output).dtype;
  Comparison comparison;
  comparison.compared = static_cast<std::int64_t>(expected.size() / size_bytes(dtype));
  if (tensor_hash(expected) == write->hash)
    held_.know(at, output, expected);
  else if (recorded != nullptr && recorded->size() == expected.size())
    comparison = compare_bits(expected, *recorded, dtype);
  else
    comparison.failed = comparison.compared;  // only the hash is known
  return settle(at, output, {comparison, Proof::bitwise, true});
}

bool OpJudge::settle(const OpOnRank& at, std::size_t output, const UnitVerdict& verdict) {
  if (!verdict.sound) {
    findings_.plan_units.unknown(at.trace.execution() + ": no sound bound for " +
                                 full_name(at.op()));
    return false;
  }
  const Value& value = at.output(output);
  findings_.plan_units.add(verdict.comparison, verdict.proof);
  table_.add(at.place_of(output), verdict.comparison, verdict.proof);
  if (verdict.comparison.failed > 0) report(at, value, verdict.comparison);
  return true;
}

void OpJudge::report(const OpOnRank& at, const Value& value, const Comparison& comparison) {
  Failure failure = failure_of(at.trace, at.rank, at.executed, at.folder() + "/" + value.name);
  if (comparison.first_failed >= 0)
    for (const Piece& piece : pieces_of(at.program(), value, Rank{at.rank}, at.rows()))
      if (const auto index = index_in_full(piece, comparison.first_failed)) {
        failure.divergence.tensor = at.folder() + "/" + piece.name;
        failure.divergence.index = *index;
      }
  set_numbers(failure.divergence, comparison);
  findings_.plan_units.fail(std::move(failure),
                            at.trace.execution() + ": rank " + std::to_string(at.rank) +
                                " computed " + writer_name(at.op()) + " wrongly in " + at.folder());
}

}  // namespace shardproof::reports
