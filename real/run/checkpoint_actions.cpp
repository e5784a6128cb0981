#include "real/run/checkpoint_actions.hpp"

#include <filesystem>
#include <map>

#include "scenarios/checkpoint/checkpoint_paths.hpp"
#include "scenarios/checkpoint/consolidate.hpp"
#include "scenarios/checkpoint/rank_state.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::real {

namespace {

/// A rank's state on the host, value by value.
using HostState = std::map<ValueId, std::vector<std::byte>>;

void create_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw EnvironmentError(path + ": cannot be created: " + error.message());
}

}  // namespace

CheckpointActions::CheckpointActions(const Scenario& scenario, const Program& program,
                                     std::string folder, RankExecutor& executor,
                                     std::vector<Injection> faults)
    : scenario_(scenario),
      program_(program),
      folder_(std::move(folder)),
      executor_(executor),
      faults_(std::move(faults)) {
  std::erase_if(faults_,
                [](const Injection& fault) { return fault.edit != EditKind::not_restored; });
}

void CheckpointActions::begin(const std::string& name, int steps_done) {
  SHARDPROOF_EXPECTS(left_.empty(), name, "begun inside another");
  const std::string path = checkpoint_path(folder_, steps_done);
  if (name == "load_checkpoint") return then([this, path] { load(path); });
  SHARDPROOF_EXPECTS(name == "save_checkpoint", name);
  const bool first = executor_.rank() == Rank{0};
  if (first)
    then([this, path] {
      create_folder(folder_ + "/checkpoints");
      begin_checkpoint(path);
    });
  then_wait_for_all();
  then([this, path] { write_part(path); });
  then_wait_for_all();
  if (first) then([this, path, steps_done] { put_in_place(path, steps_done); });
  then_wait_for_all();
}

bool CheckpointActions::advance() {
  for (; !left_.empty(); left_.pop_front()) {
    if (!left_.front()()) return false;
    Pulse::of_this_process().start("a checkpoint");
    executor_.count_host_action();
  }
  return true;
}

void CheckpointActions::then(std::function<void()> what) {
  left_.push_back([what = std::move(what)] {
    what();
    return true;
  });
}

// Two reductions of nothing: whoever comes out of the second knows that all ranks are in the first.
void CheckpointActions::then_wait_for_all() {
  for (const Axis axis : {Axis::tp, Axis::dp}) {
    if (program_.grid().size(axis) == 1) continue;
    then([this, axis] {
      CollectiveRequest request;
      request.kind = CollectiveRequest::Kind::all_reduce_max;
      request.axis = axis;
      request.input.shape = request.output.shape = {0};
      request.origin = "checkpoint";
      ticket_ = executor_.communicator().start(request);
    });
    left_.push_back([this] {
      const Pulse::Waiting waiting("a checkpoint's meeting of all ranks");
      if (!executor_.communicator().try_complete(ticket_)) return false;
      executor_.synchronize();  // where a collective is work of a stream it is over only then
      return true;
    });
  }
}

void CheckpointActions::write_part(const std::string& path) const {
  HostState state;
  for (const ValueId id : carried_values(program_)) state[id] = executor_.bytes(id);
  write_rank_file(path, executor_.rank().value,
                  parts_to_save(program_, executor_.rank(), [&](ValueId id) {
                    return std::span<const std::byte>(state.at(id));
                  }));
}

void CheckpointActions::put_in_place(const std::string& path, int steps_done) const {
  CheckpointOrigin origin = origin_of(scenario_);
  origin.steps_done = steps_done;
  origin.counters = executor_.counters();
  finish_checkpoint(path, origin);
  if (!scenario_.checkpoint.consolidated) return;
  const std::string weights = consolidated_path(folder_, steps_done);
  create_folder(weights);
  write_consolidated_model(Checkpoint(path), scenario_.model, weights);
}

// All ones: no number in any floating-point format, and no count.
void CheckpointActions::load(const std::string& path) const {
  HostState state;
  for (const ValueId id : changing_values(program_)) {
    state[id].assign(executor_.bytes(id).size(), std::byte{0xff});
    executor_.set_bytes(id, state[id]);
  }
  std::map<std::string, double> counters = executor_.counters();
  for (auto& [name, value] : counters) value = -1;
  executor_.restore(counters);

  const Checkpoint checkpoint(path);
  load_state(checkpoint, program_, executor_.rank(),
             [&](ValueId id) { return std::span(state.at(id)); });
  for (const Injection& fault : faults_)
    for (const HeldTensor& held : held_state(program_, executor_.rank()))
      if (held.piece.name == fault.value) {
        const std::size_t size = size_bytes(held.dtype);
        const std::vector<std::byte> zeros(static_cast<std::size_t>(element_count(held.piece)) *
                                           size);
        put_back(held.piece, zeros, size, state.at(held.value));
      }
  for (const ValueId id : carried_values(program_)) executor_.set_bytes(id, state.at(id));
  counters = checkpoint.origin().counters;
  for (const Injection& fault : faults_)
    if (fault.value == counted_updates) counters.at(counted_updates) = 0;
  executor_.restore(counters);
}

}  // namespace shardproof::real
