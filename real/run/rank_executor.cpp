#include "real/run/rank_executor.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "real/run/run_op.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::real {

namespace {

CollectiveRequest::Kind request_kind(OpKind kind) {
  if (kind == OpKind::all_reduce) return CollectiveRequest::Kind::all_reduce_sum;
  if (kind == OpKind::all_reduce_max) return CollectiveRequest::Kind::all_reduce_max;
  SHARDPROOF_EXPECTS(kind == OpKind::all_gather, name_of(kind));
  return CollectiveRequest::Kind::all_gather;
}

// A run's variants are named "segment~n": what they count as is the part before.
bool is_segment(const std::string& name, const std::string& base) {
  return name.substr(0, name.find('~')) == base;
}

// True for what may run while a gathered scope is open: the segments that work on its tensors.
bool touches_scope(const Program& program, const Segment& segment) {
  return std::any_of(segment.ops.begin(), segment.ops.end(), [&](const Op& op) {
    const auto scoped = [&](ValueId id) { return program.value(id).lifetime == Lifetime::scope; };
    return std::any_of(op.inputs.begin(), op.inputs.end(), scoped) ||
           std::any_of(op.outputs.begin(), op.outputs.end(), scoped);
  });
}

}  // namespace

RankExecutor::RankExecutor(Parts parts)
    : parts_(std::move(parts)),
      arena_(parts_.device, parts_.program, parts_.rank),
      scaler_(parts_.inputs.loss_scaler()) {
  if (!parts_.inputs.resumed_counters().empty()) restore(parts_.inputs.resumed_counters());
  for (std::size_t i = 0; i < parts_.program.values.size(); ++i)
    if (parts_.program.values[i].lifetime == Lifetime::state) {
      arena_.take(static_cast<ValueId>(i));
      parts_.device.fill(arena_.view(static_cast<ValueId>(i)), std::byte{0}, Stream::compute);
    }
}

void RankExecutor::begin(const std::string& segment, const Moment& moment) {
  SHARDPROOF_EXPECTS(segment_ == nullptr, "segment", segment, "begun inside another");
  const int index = parts_.program.segment_index(segment);
  const Segment& next = parts_.program.segments[static_cast<std::size_t>(index)];
  SHARDPROOF_EXPECTS(next.opens.empty() || open_scope_.empty(), "gathered scope of", next.opens,
                     "opened inside that of", open_scope_);
  SHARDPROOF_EXPECTS(next.closes.empty() || open_scope_ == next.closes, "gathered scope of",
                     next.closes, "closed, but open is", open_scope_);
  SHARDPROOF_EXPECTS(open_scope_.empty() || touches_scope(parts_.program, next), "segment", segment,
                     "run while the gathered scope is open of", open_scope_);
  segment_ = &next;
  segment_index_ = index;
  if (!segment_->opens.empty()) open_scope_ = segment_->opens;
  lifetimes_ = lifetimes_of(parts_.program, *segment_);
  moment_ = moment;
  next_ = 0;
  started_ = false;
}

bool RankExecutor::advance() {
  SHARDPROOF_EXPECTS(segment_ != nullptr, "no segment has begun");
  for (; next_ < segment_->ops.size(); ++next_) {
    const Op& op = segment_->ops[next_];
    if (!started_) {
      parts_.recorder.begin(moment_, segment_index_, static_cast<int>(next_));
      const std::string name = full_name(op);
      Pulse::of_this_process().work_on(in_words(moment_) + ": " + name);
      parts_.device.begin_op(name);
      for (const ValueId id : lifetimes_.take[next_]) arena_.take(id);
      for (const ValueId id : op.outputs) arena_.take(id);  // scoped values, at their first write
      started_ = true;
    }
    if (op.kind == OpKind::wait) {
      const Pulse::Waiting waiting(in_words(moment_) + ": " + full_name(op));
      if (!finish_collective(op)) return false;
    } else if (is_collective(op.kind)) {
      start_collective(op);
    } else {
      run(op);
    }
    for (const ValueId id : lifetimes_.give[next_]) arena_.give_back(id);
    started_ = false;
    ++ops_done_;
  }
  end_segment();
  return true;
}

void RankExecutor::run(const Op& op) {
  record_reads(op);
  run_op({parts_.program, parts_.rank, parts_.device, arena_, parts_.inputs, moment_, updates_,
          scaler_.scale(), tag(),
          planted(EditKind::restream, op) ? Stream::communication : Stream::compute},
         op);
  record_writes(op);
  bind_rows(op);
}

void RankExecutor::start_collective(const Op& op) {
  record_reads(op);
  const TensorView& input = arena_.view(op.inputs[0]);
  const TensorView& output = arena_.view(op.outputs[0]);
  const Dtype wire = dtype_from_name(text(op, "wire")).value();
  // Until it is complete, whoever reads the output reads NaN.
  parts_.device.fill(output, std::byte{0xff}, Stream::compute);
  const Event ready = parts_.device.record(Stream::compute);
  if (!planted(EditKind::drop_wait, op)) parts_.device.wait(Stream::communication, ready);
  parts_.recorder.communicated(op, input.elements(), wire);
  CollectiveRequest request;
  request.kind = request_kind(op.kind);
  request.axis = op.group.value();
  request.wire = wire;
  request.input = input;
  request.output = output;
  request.origin = full_name(op);
  request.in_rank_order = in_rank_order(op);
  const Communicator::Ticket ticket = parts_.communicator.start(request);
  collective_asked_ = true;
  pending_[op.outputs[0]] = {ticket, parts_.device.record(Stream::communication)};
  if (planted(EditKind::reuse, op)) parts_.device.fill(input, std::byte{0xff}, Stream::compute);
}

// Of a bucket of gradients the parameters that every TP rank holds, where the op says so.
std::vector<Stretch> RankExecutor::in_rank_order(const Op& op) const {
  if (!op.attributes.contains("replicated")) return {};
  const FlatLayout& layout = parts_.program.layout_of(parts_.program.value(op.inputs[0]));
  const FlatTable table = flat_table(layout, parts_.program.grid(), parts_.rank);
  std::vector<Stretch> stretches;
  for (std::size_t i = 0; i < layout.entries.size(); ++i)
    if (layout.entries[i].placement.tp == replicate()) stretches.push_back(table.parts[i]);
  return stretches;
}

bool RankExecutor::finish_collective(const Op& op) {
  const auto pending = pending_.find(op.outputs[0]);
  SHARDPROOF_EXPECTS(pending != pending_.end(), full_name(op), "waits for nothing");
  if (!parts_.communicator.try_complete(pending->second.ticket)) return false;
  if (!planted(EditKind::drop_wait, op)) parts_.device.wait(Stream::compute, pending->second.asked);
  pending_.erase(pending);
  record_writes(op);
  return true;
}

std::int64_t RankExecutor::tag() const {
  return std::int64_t{segment_index_} << 32 | static_cast<std::int64_t>(next_);
}

void RankExecutor::synchronize() const {
  // Behind a collective that a device runs by itself it is the peers that are waited for.
  std::optional<Pulse::Waiting> waiting;
  if (std::exchange(collective_asked_, false)) waiting.emplace("a collective of its device");
  const std::optional<KernelError> error = parts_.device.synchronize();
  waiting.reset();
  if (!error) return;
  const Segment& segment = parts_.program.segments.at(static_cast<std::size_t>(error->tag >> 32));
  const Op& op = segment.ops.at(static_cast<std::size_t>(error->tag & 0xffffffff));
  throw InvariantError(full_name(op) + ": " + describe(*error));
}

void RankExecutor::read_bytes(ValueId id, std::vector<std::byte>& bytes) const {
  const TensorView& view = arena_.view(id);
  bytes.resize(view.bytes());
  parts_.device.copy_to_host(view, bytes, Stream::compute);
  synchronize();
}

std::span<const std::byte> RankExecutor::on_host(ValueId id) {
  if (!parts_.device.host_accessible()) {
    read_bytes(id, staging_);
    return staging_;
  }
  synchronize();
  const TensorView& view = arena_.view(id);
  return {view.data, view.bytes()};
}

void RankExecutor::record_reads(const Op& op) {
  if (!parts_.recorder.records_reads()) return;
  for (const ValueId id : op.inputs) parts_.recorder.read(id, on_host(id));
}

void RankExecutor::record_writes(const Op& op) {
  apply_faults(op, SetTime::output);
  if (parts_.recorder.records())
    for (const ValueId id : op.outputs) parts_.recorder.wrote(op, id, on_host(id), arena_.rows());
  apply_faults(op, SetTime::after_record);
}

// Experts have been chosen: that is how many rows their tensors have.
void RankExecutor::bind_rows(const Op& op) {
  if (op.kind != OpKind::route) return;
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(arena_.view(op.outputs[0]).elements()));
  parts_.device.copy_to_host(arena_.view(op.outputs[0]), std::as_writable_bytes(std::span(chosen)),
                             Stream::compute);
  synchronize();
  arena_.bind(op.outputs[0], chosen);
}

bool RankExecutor::planted(EditKind edit, const Op& op) const {
  return std::ranges::any_of(parts_.faults, [&](const Injection& fault) {
    return fault.edit == edit && fault.op == full_name(op) &&
           fault.active_in(moment_.step, moment_.micro);
  });
}

void RankExecutor::apply_faults(const Op& op, SetTime when) {
  for (const Injection& fault : parts_.faults) {
    if (fault.op != writer_name(op) || is_collective(op.kind)) continue;
    if (fault.edit == EditKind::stale && when == SetTime::output) {
      auto& last = last_outputs_[fault.op];
      const bool first = last.empty();
      if (first) last.resize(op.outputs.size());
      for (std::size_t i = 0; i < op.outputs.size(); ++i) {
        const TensorView& view = arena_.view(op.outputs[i]);
        const auto fresh = on_host(op.outputs[i]);
        std::vector<std::byte> previous =
            first ? std::vector<std::byte>(fresh.size()) : std::move(last[i]);
        previous.resize(fresh.size());  // rows that are data may be more or fewer now
        last[i].assign(fresh.begin(), fresh.end());
        if (fault.active_in(moment_.step, moment_.micro))
          parts_.device.copy_from_host(previous, view, Stream::compute);
      }
    } else if (fault.edit == EditKind::set && fault.when == when &&
               fault.active_in(moment_.step, moment_.micro)) {
      set_element(fault, op.outputs.at(0));
    }
  }
}

void RankExecutor::set_element(const Injection& fault, ValueId id) {
  const TensorView& view = arena_.view(id);
  const auto current = on_host(id);
  std::vector<std::byte> bytes(current.begin(), current.end());
  const Shape index = fault.index.empty() ? Shape(view.shape.size(), 0) : fault.index;
  for (std::size_t d = 0; d < index.size(); ++d)  // rows that are data may be fewer
    SHARDPROOF_EXPECTS(index[d] < view.shape[d], "index of", fault.op, index[d]);
  const std::size_t size = size_bytes(view.dtype);
  const auto element =
      std::span(bytes).subspan(static_cast<std::size_t>(ravel(index, view.shape)) * size, size);
  if (const auto bit = flipped_bit(fault.value)) {
    element[static_cast<std::size_t>(*bit / 8)] ^= std::byte(1 << (*bit % 8));
  } else {
    const double value = fault.value == "nan"    ? std::numeric_limits<double>::quiet_NaN()
                         : fault.value == "inf"  ? std::numeric_limits<double>::infinity()
                         : fault.value == "-inf" ? -std::numeric_limits<double>::infinity()
                                                 : std::stod(fault.value);
    encode(view.dtype, std::span(&value, 1), element);
  }
  parts_.device.copy_from_host(bytes, view, Stream::compute);
}

void RankExecutor::end_step(const Moment& moment, bool overflow) {
  for (const Injection& fault : parts_.faults) {
    if (fault.when != SetTime::between_steps || !fault.active_in(moment.step, moment.micro))
      continue;
    for (const Segment& segment : parts_.program.segments)
      for (const Op& op : segment.ops)
        if (full_name(op) == fault.op &&
            parts_.program.value(op.outputs.at(0)).lifetime == Lifetime::state)
          set_element(fault, op.outputs[0]);
  }
  Pulse::of_this_process().start(in_words(moment));
  parts_.recorder.flush();
  scaler_.update(overflow);
}

void RankExecutor::end_segment() {
  if (!segment_->closes.empty()) {
    open_scope_.clear();
    for (const ValueId id : scope_values(parts_.program)) arena_.give_back(id);
  }
  if (is_segment(segment_->name, "update")) ++updates_;
  segment_ = nullptr;
}

std::map<std::string, double> RankExecutor::counters() const {
  std::map<std::string, double> counters = scaler_.counters();
  counters["updates"] = updates_;
  return counters;
}

void RankExecutor::restore(const std::map<std::string, double>& counters) {
  for (const auto& [name, value] : this->counters())
    if (!counters.contains(name))
      throw ScenarioError("the checkpoint does not tell the run's counter \"" + name + "\"");
  for (const auto& [name, value] : counters)
    if (!this->counters().contains(name))
      throw ScenarioError("the checkpoint tells \"" + name + "\", which this run does not count");
  updates_ = static_cast<int>(counters.at("updates"));
  scaler_.restore(counters);
}

std::vector<std::byte> RankExecutor::bytes(ValueId id) const {
  std::vector<std::byte> bytes;
  read_bytes(id, bytes);
  return bytes;
}

void RankExecutor::set_bytes(ValueId id, std::span<const std::byte> bytes) {
  parts_.device.copy_from_host(bytes, arena_.view(id), Stream::compute);
}

std::vector<double> RankExecutor::read(ValueId id) const {
  std::vector<double> values(static_cast<std::size_t>(arena_.view(id).elements()));
  decode(arena_.view(id).dtype, bytes(id), values);
  return values;
}

void RankExecutor::write(ValueId id, std::span<const double> values) {
  std::vector<std::byte> bytes(arena_.view(id).bytes());
  encode(arena_.view(id).dtype, values, bytes);
  set_bytes(id, bytes);
}

const Op* RankExecutor::current_op() const {
  return segment_ == nullptr || next_ >= segment_->ops.size() ? nullptr : &segment_->ops[next_];
}

}  // namespace shardproof::real
