#include "scenarios/plan/edits.hpp"

#include <algorithm>

#include "scenarios/dtype.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/json/nearest_name.hpp"
#include "scenarios/plan/pieces.hpp"

namespace shardproof {

namespace {

// Of these the executor takes care.
bool is_fault(EditKind edit) {
  constexpr EditKind faults[] = {EditKind::set,      EditKind::stale, EditKind::drop_wait,
                                 EditKind::restream, EditKind::reuse, EditKind::not_restored};
  return std::ranges::find(faults, edit) != std::end(faults);
}

// Whether two lists of steps, each of which means all if it is empty, have one in common.
bool coincide(const std::vector<int>& a, const std::vector<int>& b) {
  return a.empty() || b.empty() || std::ranges::find_first_of(a, b) != a.end();
}

// The edit of one op of one segment.
class Edit {
 public:
  Edit(Program& program, const Injection& injection, Rank rank)
      : program_(program), injection_(injection), rank_(rank) {}

  void apply() {
    const std::string segment = find_segment();
    const bool always = injection_.steps.empty() && injection_.micro_steps.empty();
    segment_ = &program_.segment(always ? segment : variant_of(segment));
    at_ = static_cast<std::size_t>(&named_op(*segment_) - segment_->ops.data());
    switch (injection_.edit) {
      case EditKind::drop: return drop();
      case EditKind::run_twice: return run_twice();
      case EditKind::scale: return scale();
      case EditKind::add_bias_before_reduce: return add_bias_before_reduce();
      case EditKind::swap_shards: return swap_shards();
      case EditKind::regroup: return regroup();
      case EditKind::retype: return retype();
      case EditKind::read: return read_another();
      case EditKind::set:
      case EditKind::stale:
      case EditKind::drop_wait:
      case EditKind::restream:
      case EditKind::reuse:
      case EditKind::not_restored: break;  // faults
    }
    refuse("is no edit of a program");
  }

  /// Refuses micro-steps of an op that has none.
  void expect_micro_steps() {
    if (injection_.micro_steps.empty()) return;
    if (injection_.edit == EditKind::set && injection_.when == SetTime::between_steps)
      refuse("has micro_steps, and is done between steps, outside of them");
    const std::string segment = find_segment();
    if (std::ranges::none_of(program_.schedule, [&](const Action& action) {
          return micro_steps_run(action, segment, /*inside=*/false);
        }))
      refuse("has micro_steps, and the op runs once a step, outside of them");
  }

  /// Refuses what no load of a checkpoint in this run could leave out.
  void expect_saved_tensor() const {
    if (injection_.op != load_of_checkpoint)
      refuse(std::string("is of '") + load_of_checkpoint + "' alone");
    if (std::ranges::none_of(program_.schedule, reads_checkpoint))
      refuse("needs a run that reads its checkpoint: checkpoint.resume_after");
    if (!injection_.steps.empty() || !injection_.micro_steps.empty())
      refuse("has steps, and a run reads its checkpoint once");
    std::vector<std::string> names{counted_updates};
    for (const Value& value : program_.values)
      if (value.lifetime == Lifetime::state)
        for (int other = 0; other < program_.grid().world(); ++other)
          for (const Piece& piece : pieces_of(program_, value, Rank{other}))
            if (is_saved(piece) && std::ranges::count(names, piece.name) == 0)
              names.push_back(piece.name);
    if (std::ranges::count(names, injection_.value) == 0)
      refuse("names no state of this run: '" + injection_.value + "'" +
             suggestion(injection_.value, names));
  }

  /// Refuses a fault of an op that cannot have it.
  void expect_fault_fits() {
    const Op& faulty = named_op(program_.segment(find_segment()));
    if (injection_.edit == EditKind::set) expect_element(faulty);
    const bool waits = faulty.kind == OpKind::wait, communicates = is_collective(faulty.kind);
    if (injection_.edit == EditKind::drop_wait && !waits && !communicates)
      refuse("needs a collective, or its wait");
    if (injection_.edit == EditKind::restream && (waits || communicates))
      refuse("needs an op that computes");
    if (injection_.edit == EditKind::reuse && !communicates) refuse("needs a collective");
  }

  // The name of the segment that holds the op; refuses a name that no op has.
  std::string find_segment() const {
    std::vector<std::string> names;
    for (const Segment& segment : program_.segments)
      for (const Op& op : segment.ops) {
        if (full_name(op) == injection_.op && segment.name.find('~') == std::string::npos)
          return segment.name;
        names.push_back(full_name(op));
      }
    if (injection_.op == load_of_checkpoint)
      refuse("is no edit of a load: what it leaves out is planted by 'not_restored'");
    throw ScenarioError(injection_.place, "inject: the program has no op '" + injection_.op + "'" +
                                              suggestion(injection_.op, names));
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw ScenarioError(injection_.place, std::string("inject: edit '") + name_of(injection_.edit) +
                                              "' of '" + injection_.op + "' " + why);
  }

  const Op& named_op(const Segment& segment) const {
    return *std::ranges::find(segment.ops, injection_.op, full_name);
  }
  Op& op() { return segment_->ops[at_]; }
  bool collective() { return is_collective(op().kind); }

  // Weights and what the optimizer keeps: the rest begins anew with every step.
  static bool is_saved(const Piece& piece) {
    return !piece.is_padding &&
           (piece.name.starts_with("parameter/") || piece.name.starts_with("optimizer/"));
  }

  static bool reads_checkpoint(const Action& action) {
    return (action.kind == Action::Kind::host && action.host == "load_checkpoint") ||
           std::ranges::any_of(action.body, reads_checkpoint) ||
           std::ranges::any_of(action.otherwise, reads_checkpoint);
  }

  // Whether a segment runs in the micro-steps below an action.
  static bool micro_steps_run(const Action& action, const std::string& segment, bool inside) {
    inside = inside || action.kind == Action::Kind::repeat_micro_steps;
    if (action.kind == Action::Kind::run && action.segment == segment) return inside;
    const auto below = [&](const Action& child) { return micro_steps_run(child, segment, inside); };
    return std::ranges::any_of(action.body, below) || std::ranges::any_of(action.otherwise, below);
  }

  // `set` writes one element of the op's first output, or flips one of its bits.
  void expect_element(const Op& op) const {
    if (op.outputs.empty()) refuse("needs an op with an output");
    const Value& value = program_.value(op.outputs[0]);
    const Shape shape = local_shape(program_, value, rank_);
    const Shape& index = injection_.index;
    bool inside = index.empty() || index.size() == shape.size();
    for (std::size_t d = 0; inside && d < index.size(); ++d)
      inside = index[d] >= 0 && (index[d] < shape[d] || shape[d] < 0);
    if (!inside)
      refuse("needs an index in " + to_string(shape) + ", the shape of '" + value.name +
             "' on rank " + std::to_string(rank_.value));
    const int bits = 8 * static_cast<int>(size_bytes(value.dtype));
    if (const auto bit = flipped_bit(injection_.value); bit && *bit >= bits)
      refuse("flips bit " + std::to_string(*bit) + ", and an element of '" + value.name + "' has " +
             std::to_string(bits) + ", from 0");
  }

  // The copy of a segment that runs in the injection's steps.
  std::string variant_of(const std::string& segment) {
    std::string name;
    for_each_run(program_.schedule, segment, [&](Action& action) {
      for (const Action::Variant& variant : action.variants) {
        if (variant.steps == injection_.steps && variant.micro_steps == injection_.micro_steps)
          name = variant.segment;
        else if (coincide(variant.steps, injection_.steps) &&
                 coincide(variant.micro_steps, injection_.micro_steps))
          refuse("shares steps with another edit of segment " + segment +
                 ": give both the same steps");
      }
    });
    if (!name.empty()) return name;
    int n = 1;
    const auto taken = [&](const std::string& candidate) {
      return std::any_of(program_.segments.begin(), program_.segments.end(),
                         [&](const Segment& s) { return s.name == candidate; });
    };
    while (taken(segment + "~" + std::to_string(n))) ++n;
    Segment copy = program_.segment(segment);
    copy.name = segment + "~" + std::to_string(n);
    name = copy.name;
    program_.segments.push_back(std::move(copy));
    for_each_run(program_.schedule, segment, [&](Action& action) {
      action.variants.push_back({injection_.steps, injection_.micro_steps, name});
    });
    return name;
  }

  template <class Visit>
  static void for_each_run(std::vector<Action>& actions, const std::string& segment, Visit visit) {
    for (Action& action : actions) {
      if (action.kind == Action::Kind::run && action.segment == segment) visit(action);
      for_each_run(action.body, segment, visit);
      for_each_run(action.otherwise, segment, visit);
    }
  }

  ValueId copy_of(ValueId id, const std::string& suffix) {
    Value value = program_.value(id);
    // A value with a layout keeps its '*' in front of the suffix.
    value.name += suffix;
    value.lifetime = Lifetime::segment;
    program_.values.push_back(std::move(value));
    return static_cast<ValueId>(program_.values.size()) - 1;
  }

  std::size_t wait_index() const {
    const ValueId output = segment_->ops[at_].outputs[0];
    for (std::size_t i = at_ + 1; i < segment_->ops.size(); ++i)
      if (segment_->ops[i].kind == OpKind::wait && segment_->ops[i].outputs[0] == output) return i;
    refuse("found no wait");
  }

  // A cut and a whole tensor of one shape are of unlike size on a rank.
  bool same_local_shape(ValueId a, ValueId b) const {
    return local_shape(program_, program_.value(a), rank_) ==
           local_shape(program_, program_.value(b), rank_);
  }

  void erase(std::size_t i) {
    segment_->ops.erase(segment_->ops.begin() + static_cast<std::ptrdiff_t>(i));
  }
  void insert(std::size_t i, Op op) {
    segment_->ops.insert(segment_->ops.begin() + static_cast<std::ptrdiff_t>(i), std::move(op));
  }

  void drop() {
    // What has no input passes nothing on: what lives on stays as it was before.
    if (op().inputs.empty() && op().outputs.size() == 1 &&
        program_.value(op().outputs[0]).lifetime == Lifetime::state)
      return erase(at_);
    const Value& from = program_.value(op().inputs.empty() ? op().outputs[0] : op().inputs[0]);
    const Value& to = program_.value(op().outputs[0]);
    if (op().inputs.empty() || op().outputs.size() != 1 || from.shape != to.shape ||
        from.dtype != to.dtype || !same_local_shape(op().inputs[0], op().outputs[0]))
      refuse("does not fit: what it would pass on has another shape or dtype (try 'stale')");
    if (collective()) {
      erase(wait_index());
      op().recorded = true;
      op().group.reset();
    }
    op().kind = OpKind::copy;
    op().inputs.resize(1);
    op().attributes.erase("wire");
  }

  void run_twice() {
    const ValueId output = op().outputs[0];
    if (op().inputs.empty() || op().outputs.size() != 1 ||
        program_.value(op().inputs[0]).shape != program_.value(output).shape ||
        !same_local_shape(op().inputs[0], output) || op().inputs[0] == output)
      refuse("does not fit: its result is no operand of its own");
    const std::size_t end = collective() ? wait_index() : at_;
    const ValueId between = copy_of(output, ".once");
    // Not what runs between a collective and its wait.
    std::vector<Op> second{op()};
    if (end != at_) second.push_back(segment_->ops[end]);
    second.front().inputs[0] = between;
    for (std::size_t i : {at_, end}) {
      Op& first = segment_->ops[i];
      if (!first.name.ends_with(".once")) first.name += ".once";
      first.outputs[0] = between;
      if (first.kind == OpKind::wait) first.inputs[0] = between;
    }
    for (std::size_t i = 0; i < second.size(); ++i) insert(end + 1 + i, second[i]);
  }

  void scale() {
    const ValueId output = op().outputs[0];
    const std::size_t end = collective() ? wait_index() : at_;
    const ValueId unscaled = copy_of(output, ".unscaled");
    Op scaling = op();
    scaling.kind = OpKind::scale;
    scaling.inputs = {unscaled};
    scaling.outputs = {output};
    scaling.group.reset();
    scaling.recorded = true;
    scaling.attributes.erase("wire");
    scaling.attributes["factor"] = injection_.factor;
    // The op that writes the value keeps the name; but a collective by another name than that of
    // other ranks would be told as a mismatch, not as a wrong number.
    if (collective())
      scaling.name += ".scaled";
    else
      op().name += ".unscaled";
    for (std::size_t i : {at_, end}) {
      Op& first = segment_->ops[i];
      first.outputs[0] = unscaled;
      if (first.kind == OpKind::wait) first.inputs[0] = unscaled;
    }
    insert(end + 1, std::move(scaling));
  }

  void add_bias_before_reduce() {
    if (op().kind != OpKind::add_bias) refuse("needs an op add_bias");
    const ValueId product = op().inputs[0];
    const ValueId bias = op().inputs[1];
    const auto reduce = std::find_if(segment_->ops.begin(), segment_->ops.end(), [&](const Op& o) {
      return o.kind == OpKind::all_reduce && o.outputs[0] == product;
    });
    if (reduce == segment_->ops.end()) refuse("needs an all_reduce before it");
    Op add = op();
    op().kind = OpKind::copy;  // the bias is in the sum already
    op().inputs = {product};
    const ValueId biased = copy_of(reduce->inputs[0], "_biased");
    add.name += ".before_reduce";
    add.inputs = {reduce->inputs[0], bias};
    add.outputs = {biased};
    reduce->inputs[0] = biased;
    insert(static_cast<std::size_t>(reduce - segment_->ops.begin()), std::move(add));
  }

  void swap_shards() {
    if (op().kind != OpKind::load_parameter) refuse("needs an op that loads a parameter");
    const Value& value = program_.value(op().outputs[0]);
    const Rank neighbour = program_.grid().next_in_tp(rank_, 1);
    if (local_shape(program_, value, rank_) != local_shape(program_, value, neighbour))
      refuse("does not fit: the shards of rank " + std::to_string(rank_.value) + " and rank " +
             std::to_string(neighbour.value) + " are of unlike size (name ranks with equal ones)");
    op().attributes["shard_shift"] = std::int64_t{1};
  }

  void regroup() {
    if (!collective()) refuse("needs a collective");
    if (injection_.group != "tp" && injection_.group != "dp") refuse("needs group 'tp' or 'dp'");
    const Axis axis = injection_.group == "tp" ? Axis::tp : Axis::dp;
    segment_->ops[wait_index()].group = axis;
    op().group = axis;
  }

  void retype() {
    if (!collective()) refuse("needs a collective");
    if (!dtype_from_name(injection_.dtype)) refuse("needs a dtype: fp64, fp32, bf16 or fp16");
    op().attributes["wire"] = injection_.dtype;
  }

  void read_another() {
    const std::size_t input =
        injection_.index.empty() ? 0 : static_cast<std::size_t>(injection_.index[0]);
    if (input >= op().inputs.size())
      refuse("needs one of its " + std::to_string(op().inputs.size()) + " inputs");
    std::vector<std::string> names;
    for (const Value& value : program_.values) names.push_back(value.name);
    const auto found = std::find(names.begin(), names.end(), injection_.value);
    if (found == names.end())
      refuse("needs a value of the program: there is no '" + injection_.value + "'" +
             suggestion(injection_.value, names));
    const auto other = static_cast<ValueId>(found - names.begin());
    ValueId& operand = op().inputs[input];
    if (program_.value(operand).dtype != program_.value(other).dtype ||
        !same_local_shape(operand, other))
      refuse("does not fit: '" + injection_.value + "' has another shape or dtype than '" +
             program_.value(operand).name + "'");
    operand = other;
  }

  Program& program_;
  const Injection& injection_;
  Rank rank_;
  Segment* segment_ = nullptr;
  std::size_t at_ = 0;
};

}  // namespace

EditedProgram apply_injections(const Program& program, const std::vector<Injection>& injections,
                               Rank rank) {
  EditedProgram edited{program, {}};
  for (const Injection& injection : injections) {
    Edit edit(edited.program, injection, rank);
    // A misspelt name is an error on every rank.
    if (injection.edit == EditKind::not_restored) {
      edit.expect_saved_tensor();
    } else {
      edit.find_segment();
      edit.expect_micro_steps();
    }
    if (!injection.concerns(rank.value)) continue;
    if (is_fault(injection.edit)) {
      if (injection.edit != EditKind::not_restored) edit.expect_fault_fits();
      edited.faults.push_back(injection);
    } else {
      edit.apply();
    }
  }
  return edited;
}

}  // namespace shardproof
