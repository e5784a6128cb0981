#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "scenarios/plan/program.hpp"
#include "scenarios/settings/tracing.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::real {

/// Writes what one rank's ops read, wrote and communicated into its trace; with the tier `digest`
/// the hashes of what they wrote, with `off` nothing of that.
class Recorder {
 public:
  Recorder(const Program& program, Rank rank, TraceWriter& writer,
           TraceTier tier = TraceTier::full);

  /// Whether it wants to see bytes: else there is no need to bring them to the host.
  bool records() const { return tier_ != TraceTier::off; }
  /// The same of what an op reads: that is what another wrote, and a digest has its hash already.
  bool records_reads() const { return tier_ == TraceTier::full; }

  /// A new op begins, at `moment`; `segment` and `op` are its place in the program.
  void begin(const Moment& moment, int segment, int op);
  void read(ValueId value, std::span<const std::byte> bytes);
  /// A new version of the value, with as many rows as `rows` says. Stored in the trace too, if the
  /// op's outputs are recorded: once in a moment. That a program records it again is its own fault,
  /// which the check `plan` names, so that version is logged by its hash alone.
  void wrote(const Op& op, ValueId id, std::span<const std::byte> bytes, const RowCounts& rows);
  void communicated(const Op& op, std::int64_t elements, Dtype wire);
  void flush() { writer_.flush(); }

 private:
  void store(const Op& op, ValueId id, std::span<const std::byte> bytes, std::uint64_t hash,
             const RowCounts& rows);
  std::int64_t version_of(ValueId value) const {
    return versions_[static_cast<std::size_t>(value)];
  }
  AccessRecord access(ValueId value, bool write, std::uint64_t hash) const;

  const Program& program_;
  Rank rank_;
  TraceWriter& writer_;
  TraceTier tier_;
  Moment moment_;
  std::int32_t segment_ = 0;
  std::int32_t op_ = 0;
  std::int64_t sequence_ = -1;
  std::int64_t collectives_ = 0;
  std::unordered_set<std::string> recorded_;  // paths of this moment
  std::vector<std::int64_t> versions_;        // by value
};

}  // namespace shardproof::real
