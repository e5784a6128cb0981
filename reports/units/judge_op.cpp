#include "reports/units/judge_op.hpp"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>

#include "reports/compare/tensor_compare.hpp"
#include "reports/units/derived.hpp"
#include "reports/units/judge_unit.hpp"
#include "reports/units/moves.hpp"
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

HashedTensor hashed(const OpOnRank& at, const AccessRecord& access) {
  const Value& value = at.program().value(access.value);
  return {value.dtype, at.shape_of(value), access.hash};
}

// Of a flat slice only what this rank counts.
std::vector<SharedTensor> counted_once(const OpOnRank& at, std::size_t input,
                                       const SharedTensor& slice) {
  const Value& flat = at.program().value(at.op().inputs[input]);
  std::vector<SharedTensor> counted;
  for (const Stretch& range : counted_ranges(at.program().layout_of(flat), flat.placement,
                                             at.program().grid(), Rank{at.rank}))
    counted.push_back(part_of(slice, range.begin, {range.count}));
  return counted;
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

std::string text_of(const std::vector<Stretch>& stretches) {
  std::string text;
  for (const Stretch& stretch : stretches)
    text += std::to_string(stretch.begin) + "+" + std::to_string(stretch.count) + " ";
  return text;
}

std::string key_of_members(const std::string& what, const std::vector<SharedHeld>& members) {
  std::string key = what;
  for (const SharedHeld& member : members) {
    char text[40];
    std::snprintf(text, sizeof text, " %016" PRIx64 " %" PRId64, member->hash,
                  member->elements->elements());
    key += text;
  }
  return key;
}

std::vector<std::shared_ptr<const Claim>> claims_of(const std::vector<SharedHeld>& operands) {
  std::vector<std::shared_ptr<const Claim>> claims;
  for (const SharedHeld& operand : operands)
    if (operand->claim != nullptr) claims.push_back(operand->claim);
  return claims;
}

std::vector<SharedTensor> elements_of(const std::vector<SharedHeld>& held) {
  std::vector<SharedTensor> elements;
  for (const SharedHeld& one : held) elements.push_back(one->elements);
  return elements;
}

}  // namespace

void OpJudge::begin(const OpOnRank& at, const std::vector<SharedHeld>& inputs, bool must) {
  const Op& op = at.op();
  Begun begun{at, must, true, inputs};
  const bool known = inputs.size() == op.inputs.size() && std::ranges::count(inputs, nullptr) == 0;
  if (!known || !has_its_operands(op))
    take(begun);
  else if (is_move(op.kind))
    begin_moves(begun);
  else if (op.kind == OpKind::checksum)
    expect(begun, 0, derived_checksum(inputs[0]->elements));
  else if (op.kind == OpKind::differ)
    expect(begun, 0, derived_difference(inputs[0]->elements, inputs[1]->elements));
  else if (op.kind == OpKind::accumulate_slices)
    // The slices as they were, and where the bucket has a part of them, one addition.
    expect(begun, 0,
           derived_slices(at.program(), op, Rank{at.rank}, context_.policy.accumulate,
                          inputs[0]->elements, inputs[1]->elements));
  else
    for (std::size_t output = 0; output < op.outputs.size(); ++output) begin_unit(begun, output);
  begun_.push_back(std::move(begun));
}

void OpJudge::accept_all(const OpOnRank& at) {
  Begun begun{at, true, false, {}};
  take(begun);
  begun_.push_back(std::move(begun));
}

// Unjudged: what cannot be, and leaves, which the check `leaves` judges.
void OpJudge::take(Begun& op) {
  op.complete = false;
  for (std::size_t output = 0; output < op.at.op().outputs.size(); ++output)
    add_outcome(op, output);
}

OpJudge::Outcome& OpJudge::add_outcome(Begun& op, std::size_t output) {
  Outcome& outcome = op.outcomes.emplace_back();
  outcome.output = output;
  outcome.written = held_.accept(op.at, output);
  return outcome;
}

// Where the rank holds nothing of an output, that is all there is to judge.
void OpJudge::expect_nothing(Begun& op, std::size_t output) {
  const AccessRecord* write = op.at.write_of(output);
  add_outcome(op, output);
  if (write == nullptr || write->hash != tensor_hash({})) {
    op.complete = false;
    return;
  }
  held_.know(op.at, output, zero_tensor(op.at.output(output).dtype, {0}), nullptr);
}

void OpJudge::begin_unit(Begun& op, std::size_t output) {
  const OpOnRank& at = op.at;
  const auto unit =
      plan_unit(at.program(), at.op(), output, context_.policy, Rank{at.rank}, at.rows());
  if (!unit) {
    op.complete = false;
    add_outcome(op, output);
    return;
  }
  const Value& value = at.output(output);
  const Shape shape = at.shape_of(value);
  if (element_count(shape) == 0) return expect_nothing(op, output);
  if (at.op().recorded) return begin_recorded(op, output, *unit);
  auto follows = std::make_shared<std::atomic<bool>>(true);
  expect(op, output, derived_result(*unit, arguments_of(op, *unit), value.dtype, shape, follows),
         "derived " + key_of(at, *unit), follows);
}

std::vector<SharedTensor> OpJudge::arguments_of(const Begun& op, const PlanUnit& unit) const {
  std::vector<SharedTensor> arguments;
  const bool counts = unit.kind == reference::UnitKind::sum_of_squares;
  for (const std::size_t i : unit.arguments) {
    const SharedTensor& input = op.operands[i]->elements;
    if (counts)
      std::ranges::copy(counted_once(op.at, i, input), std::back_inserter(arguments));
    else
      arguments.push_back(input);
  }
  if (arguments.empty() && counts) arguments.push_back(zero_tensor(Dtype::fp32, {0}));
  return arguments;
}

std::string OpJudge::key_of(const OpOnRank& at, const PlanUnit& unit) const {
  std::vector<HashedTensor> tensors;
  for (const std::size_t i : unit.arguments) tensors.push_back(hashed(at, *at.executed.reads[i]));
  const std::string key = memo_key(unit.kind, unit.attributes, unit.precision, tensors,
                                   expected_.non_finite(at.executed.moment));
  // Which part of its slice a rank counts depends on the rank.
  const bool of_the_rank = unit.kind == reference::UnitKind::sum_of_squares;
  return of_the_rank ? key + " of rank " + std::to_string(at.rank) : key;
}

void OpJudge::begin_recorded(Begun& op, std::size_t output, const PlanUnit& unit) {
  const OpOnRank& at = op.at;
  Outcome& outcome = add_outcome(op, output);
  if (outcome.written == nullptr) {
    op.complete = false;
    return;
  }
  const std::string key = key_of(at, unit) + reports::key_of(hashed(at, *at.write_of(output)));
  add_judgement(op, outcome, key,
                {unit.kind, unit.attributes, unit.precision, arguments_of(op, unit),
                 outcome.written->elements, expected_.non_finite(at.executed.moment)});
}

void OpJudge::add_judgement(const Begun& op, Outcome& outcome, const std::string& key,
                            JudgedUnit unit) {
  std::shared_ptr<JudgedOnce>& judged = memo_.judged(key);
  if (judged == nullptr || judged->is_of_other_bytes()) {
    judged = std::make_shared<JudgedOnce>();
    judged->underway = std::make_shared<UnitJudgement>(std::move(unit));
    judged->of = claims_of(op.operands);
    if (outcome.written->claim != nullptr) judged->of.push_back(outcome.written->claim);
    batch_.add(judged);
  }
  outcome.unit = judged;
}

void OpJudge::begin_moves(Begun& op) {
  const OpOnRank& at = op.at;
  const std::vector<SharedTensor> inputs = elements_of(op.operands);
  const auto expected = moved(at.program(), at.op(), Rank{at.rank}, inputs);
  op.complete = expected.size() == at.op().outputs.size();
  for (std::size_t i = 0; i < expected.size(); ++i)
    expect(op, i, expected[i],
           at.op().kind == OpKind::copy ? key_of_members("copy", op.operands) : "");
}

void OpJudge::begin(const OpOnRank& at, const Meeting& meeting) {
  for (const SharedHeld& input : meeting.inputs)
    if (input == nullptr || input->elements->bytes() != meeting.inputs[0]->elements->bytes())
      return accept_all(at);
  const Op& start = *meeting.start;
  const Dtype dtype = at.program().value(start.inputs[0]).dtype;
  Begun begun{at, true, true, meeting.inputs};
  const std::vector<SharedTensor> members = elements_of(meeting.inputs);
  const std::string key = key_of_members(name_of(dtype), meeting.inputs);
  if (start.kind == OpKind::all_gather)
    expect(begun, 0, concatenation(members), "gathered " + key);
  else if (start.kind == OpKind::all_reduce_max)
    expect(begun, 0, derived_max(dtype, members), "largest " + key);
  else
    begin_reduction(begun, start, members, key);
  begun_.push_back(std::move(begun));
}

void OpJudge::begin_reduction(Begun& op, const Op& start, const std::vector<SharedTensor>& members,
                              const std::string& key) {
  const Dtype dtype = op.at.program().value(start.inputs[0]).dtype;
  // The wire dtype is the policy's: a program that claims another one must not be excused by it.
  const Dtype wire = context_.policy.wire(start.kind, *start.group, dtype);
  op.wire = wire;
  const ReductionOrder order = context_.policy.order;
  const std::string how = std::string(" ") + name_of(wire) + " " + name_of(order) + " ";
  if (order != ReductionOrder::library) {
    const std::vector<Stretch> in_rank_order = placeless(op.at, start);
    return expect(op, 0, derived_sum(order, dtype, wire, members, in_rank_order),
                  "sum" + how + text_of(in_rank_order) + key);
  }
  const PlanUnit sum{reference::UnitKind::sum, {}, {.output = dtype, .hop = wire}, {}};
  const SharedTensor terms = sent_terms(wire, members);
  if (!op.at.op().recorded) {
    auto follows = std::make_shared<std::atomic<bool>>(true);
    return expect(op, 0, derived_result(sum, {terms}, dtype, {members[0]->elements()}, follows),
                  "derived sum" + how + key, follows);
  }
  Outcome& outcome = add_outcome(op, 0);
  if (outcome.written == nullptr) {
    op.complete = false;
    return;
  }
  const NonFinite non_finite = expected_.non_finite(op.at.executed.moment);
  add_judgement(
      op, outcome,
      "sum" + how + key + (non_finite == NonFinite::accepted ? " skipped" : "") +
          reports::key_of(hashed(op.at, *op.at.write_of(0))),
      {sum.kind, sum.attributes, sum.precision, {terms}, outcome.written->elements, non_finite});
}

void OpJudge::expect(Begun& op, std::size_t output, SharedTensor expected, const std::string& key,
                     std::shared_ptr<std::atomic<bool>> follows) {
  const OpOnRank& at = op.at;
  Outcome& outcome = add_outcome(op, output);
  if (at.write_of(output) == nullptr) {
    op.complete = false;
    return;
  }
  auto unshared = std::shared_ptr<HashedOnce>();
  std::shared_ptr<HashedOnce>& hash =
      key.empty() ? unshared : memo_.hashed(derived_key(key, expected->dtype(), expected->shape()));
  if (hash == nullptr || hash->is_of_other_bytes()) {
    hash = std::make_shared<HashedOnce>();
    hash->underway = std::make_shared<Hashing>(expected);
    if (!key.empty()) hash->of = claims_of(op.operands);
    batch_.add(hash);
  }
  if (outcome.written == nullptr) {
    outcome.claim = std::make_shared<Claim>(Claim{hash, at.write_of(output)->hash});
    held_.know(at, output, expected, outcome.claim);
  }
  outcome.expected = std::move(expected);
  outcome.hash = hash;
  outcome.follows = std::move(follows);
}

void OpJudge::finish() {
  for (const Begun& op : begun_) finish(op);
  begun_.clear();
}

void OpJudge::finish(const Begun& op) {
  const bool known = std::ranges::all_of(op.operands, [](const SharedHeld& operand) {
    return operand == nullptr || operand->is_good();
  });
  bool judged = op.complete && known;
  for (const Outcome& outcome : op.outcomes) {
    const bool stored = outcome.written != nullptr && outcome.written->is_good();
    if (outcome.written != nullptr && !stored) held_.report_unlike_log(op.at, outcome.output);
    if (!known && outcome.claim != nullptr) outcome.claim->refuted = true;
    if (known && !finish(op, outcome)) judged = false;
  }
  if (!op.must) return;
  if (judged)
    ++judged_;
  else
    report_unjudged(op.at);
}

bool OpJudge::finish(const Begun& op, const Outcome& outcome) {
  const SharedHeld recorded =
      outcome.written != nullptr && outcome.written->is_good() ? outcome.written : nullptr;
  if (outcome.expected != nullptr) return finish_expected(op, outcome, recorded);
  if (outcome.unit == nullptr) return true;
  if (recorded == nullptr || outcome.unit->is_of_other_bytes()) return false;
  if (outcome.unit->error) std::rethrow_exception(outcome.unit->error);
  return settle(op, outcome, outcome.unit->verdict);
}

bool OpJudge::finish_expected(const Begun& op, const Outcome& outcome, const SharedHeld& recorded) {
  const OpOnRank& at = op.at;
  if (outcome.hash->is_of_other_bytes()) return false;
  if (outcome.hash->error) std::rethrow_exception(outcome.hash->error);
  if (outcome.follows != nullptr && !*outcome.follows) {
    findings_.plan_units.unknown(at.trace.execution() + ": the result of " + full_name(at.op()) +
                                 " is not recorded, and its bits do not follow from its inputs");
    return false;
  }
  const Dtype dtype = at.output(outcome.output).dtype;
  Comparison comparison;
  comparison.compared = static_cast<std::int64_t>(outcome.expected->bytes() / size_bytes(dtype));
  if (outcome.hash->hash != at.write_of(outcome.output)->hash) {
    if (recorded != nullptr && recorded->elements->bytes() == outcome.expected->bytes())
      comparison = compare_bits(*outcome.expected, *recorded->elements, dtype);
    else
      comparison.failed = comparison.compared;  // only the hash is known
  }
  return settle(op, outcome, {comparison, Proof::bitwise, true});
}

// What is not judged is accepted for the ops that follow, and never in silence.
void OpJudge::report_unjudged(const OpOnRank& at) {
  findings_.plan_units.unknown(at.trace.execution() + ": " + writer_name(at.op()) +
                               " was not judged on rank " + std::to_string(at.rank) + " in " +
                               at.folder() + ": what it read or must write is not known");
  for (std::size_t i = 0; i < at.op().outputs.size(); ++i) table_.add_unknown(at.place_of(i));
}

bool OpJudge::settle(const Begun& op, const Outcome& outcome, const UnitVerdict& verdict) {
  const OpOnRank& at = op.at;
  if (!verdict.sound) {
    findings_.plan_units.unknown(at.trace.execution() + ": no sound bound for " +
                                 full_name(at.op()));
    return false;
  }
  findings_.plan_units.add(verdict.comparison, verdict.proof);
  table_.add(at.place_of(outcome.output), verdict.comparison, verdict.proof);
  table_.add_power(at.place_of(outcome.output), verdict.power, verdict.vacuous);
  if (verdict.comparison.failed > 0) report(op, outcome, verdict.comparison);
  findings_.suspects.count(verdict.scrutiny.elements, verdict.scrutiny.z);
  if (verdict.scrutiny.suspicion) suspect(op, outcome, *verdict.scrutiny.suspicion);
  return true;
}

// With its place in the full tensor; `element` -1: which one it is, is not known.
Failure OpJudge::failure_in(const OpOnRank& at, std::size_t output, std::int64_t element) const {
  const Value& value = at.output(output);
  Failure failure = failure_of(at.trace, at.rank, at.executed, at.folder() + "/" + value.name);
  if (element < 0) return failure;
  for (const Piece& piece : pieces_of(at.program(), value, Rank{at.rank}, at.rows()))
    if (const auto index = index_in_full(piece, element)) {
      failure.divergence.tensor = at.folder() + "/" + piece.name;
      failure.divergence.index = *index;
    }
  return failure;
}

void OpJudge::suspect(const Begun& op, const Outcome& outcome, const Suspicion& suspicion) {
  Failure failure = failure_in(op.at, outcome.output, suspicion.element);
  FirstDivergence& at = failure.divergence;
  at.expected = suspicion.expected;
  at.got = suspicion.got;
  at.error = std::fabs(suspicion.got - suspicion.expected);
  findings_.suspects.add(std::move(failure), suspicion.signature, suspicion.z);
}

void OpJudge::report(const Begun& op, const Outcome& outcome, const Comparison& comparison) {
  const OpOnRank& at = op.at;
  Failure failure = failure_in(at, outcome.output, comparison.first_failed);
  set_numbers(failure.divergence, comparison);
  failure.evidence = evidence_of(op, outcome, comparison.first_failed);
  findings_.plan_units.fail(std::move(failure),
                            at.trace.execution() + ": rank " + std::to_string(at.rank) +
                                " computed " + writer_name(at.op()) + " wrongly in " + at.folder());
}

std::shared_ptr<const Evidence> OpJudge::evidence_of(const Begun& op, const Outcome& outcome,
                                                     std::int64_t first_failed) const {
  if (outcome.written == nullptr || !outcome.written->is_good() || first_failed < 0) return nullptr;
  auto unit = unit_of(op, outcome);
  if (!unit) return nullptr;
  auto evidence = std::make_shared<Evidence>(Evidence{.unit = std::move(*unit),
                                                      .first_failed = first_failed,
                                                      .value = op.at.op().outputs[outcome.output]});
  if (op.wire) {
    evidence->terms = elements_of(op.operands);
    evidence->wire = *op.wire;
  }
  return evidence;
}

// As it was judged; of what must be bits that are known, a copy of them.
std::optional<JudgedUnit> OpJudge::unit_of(const Begun& op, const Outcome& outcome) const {
  const OpOnRank& at = op.at;
  const SharedTensor& written = outcome.written->elements;
  const NonFinite non_finite = expected_.non_finite(at.executed.moment);
  if (outcome.expected != nullptr) {
    if (outcome.expected->bytes() != written->bytes()) return std::nullopt;
    const Dtype dtype = at.output(outcome.output).dtype;
    return JudgedUnit{reference::UnitKind::copy,
                      {},
                      {.output = dtype},
                      {reshaped(outcome.expected, written->shape())},
                      written,
                      non_finite};
  }
  if (op.wire) {
    const Dtype dtype = at.output(outcome.output).dtype;
    return JudgedUnit{reference::UnitKind::sum,
                      {},
                      {.output = dtype, .hop = *op.wire},
                      {sent_terms(*op.wire, elements_of(op.operands))},
                      written,
                      non_finite};
  }
  const auto unit =
      plan_unit(at.program(), at.op(), outcome.output, context_.policy, Rank{at.rank}, at.rows());
  if (!unit) return std::nullopt;
  return JudgedUnit{unit->kind, unit->attributes, unit->precision, arguments_of(op, *unit),
                    written,    non_finite};
}

}  // namespace shardproof::reports
