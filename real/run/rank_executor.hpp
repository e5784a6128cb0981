#pragma once

#include <map>
#include <string>
#include <vector>

#include "real/comm/communicator.hpp"
#include "real/device.hpp"
#include "real/run/arena.hpp"
#include "real/run/inputs.hpp"
#include "real/run/recorder.hpp"
#include "scenarios/plan/edits.hpp"
#include "scenarios/plan/lifetimes.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof::real {

/// Runs the segments of a program on one rank, op by op, without ever blocking by itself: advance()
/// stops where a collective is not complete. A process that has a rank of its own calls it in a
/// loop; a simulated cluster calls it for every rank in turn.
class RankExecutor {
 public:
  struct Parts {
    const Program& program;
    Rank rank;
    Device& device;
    Communicator& communicator;
    const Inputs& inputs;
    Recorder& recorder;
    std::vector<Injection> faults;
  };
  explicit RankExecutor(Parts parts);

  /// Starts a segment. The one before it must be done. Refuses (InvariantError) to open a gathered
  /// scope inside another, to close one that is not open, and to run anything else while one is.
  void begin(const std::string& segment, const Moment& moment);
  /// Runs until the segment is done (true) or a collective needs other ranks (false).
  bool advance();
  /// Called when a step has ended, before the next begins: whether its gradients overflowed, as all
  /// ranks agreed. Throws ScenarioError if the loss scale cannot follow.
  void end_step(const Moment& moment, bool overflow);
  const LossScaler& loss_scaler() const { return scaler_; }

  /// What the run counts and is no value of the program: updates, and all that the next loss scales
  /// depend on.
  std::map<std::string, double> counters() const;
  /// Throws ScenarioError if one is missing, or if there are others.
  void restore(const std::map<std::string, double>& counters);

  /// The value's bytes on this rank, and others in their place.
  std::vector<std::byte> bytes(ValueId id) const;
  void set_bytes(ValueId id, std::span<const std::byte> bytes);
  /// The same as decoded elements (what a gathered scope's user does).
  std::vector<double> read(ValueId id) const;
  void write(ValueId id, std::span<const double> values);

  /// Waits for the device. Throws InvariantError, by the op's name, if a kernel has told an error.
  void synchronize() const;

  const std::string& open_scope() const { return open_scope_; }
  const Arena& arena() const { return arena_; }
  const Program& program() const { return parts_.program; }
  Rank rank() const { return parts_.rank; }
  Communicator& communicator() const { return parts_.communicator; }
  /// The op that advance() stopped in, for reports; nullptr between segments.
  const Op* current_op() const;
  const Segment* current_segment() const { return segment_; }
  const Moment& moment() const { return moment_; }
  /// Ops run so far: what a cluster watches to know that a rank still moves.
  std::int64_t ops_done() const { return ops_done_; }
  /// The host has done something between two segments, which counts as an op.
  void count_host_action() { ++ops_done_; }

 private:
  void start_collective(const Op& op);
  bool finish_collective(const Op& op);
  void run(const Op& op);
  void record_reads(const Op& op);
  void record_writes(const Op& op);
  void bind_rows(const Op& op);
  /// Whether such a defect is planted in the op in this step.
  bool planted(EditKind edit, const Op& op) const;
  void apply_faults(const Op& op, SetTime when);
  void set_element(const Injection& fault, ValueId id);
  void end_segment();
  /// The value's bytes on the host, when the device has done all work.
  void read_bytes(ValueId id, std::vector<std::byte>& bytes) const;
  std::span<const std::byte> host_copy(ValueId id);
  std::span<const std::byte> host_bytes(ValueId id);
  std::int64_t tag() const;

  Parts parts_;
  Arena arena_;
  const Segment* segment_ = nullptr;
  int segment_index_ = 0;
  SegmentLifetimes lifetimes_;
  std::size_t next_ = 0;
  mutable bool collective_asked_ = false;  // since the last synchronize()
  bool started_ = false;  // the op at next_ has been started (a collective, or its lifetimes taken)
  Moment moment_;
  int updates_ = 0;
  LossScaler scaler_;
  std::int64_t ops_done_ = 0;
  std::string open_scope_;
  struct Pending {
    Communicator::Ticket ticket = 0;
    Event asked;  // the communication stream is past what the collective asked it for
  };
  std::map<ValueId, Pending> pending_;
  std::map<std::string, std::vector<std::vector<std::byte>>>
      last_outputs_;  // of ops with a stale fault
  std::vector<std::byte> staging_;
};

}  // namespace shardproof::real
