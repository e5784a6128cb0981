#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "scenarios/trace/trace.hpp"

namespace shardproof {

/// What one rank of an execution wrote, by hashes alone. Leaves are written too, by the ops that
/// load them; what an op reads is what another wrote. Equal digests are equal bits.
struct RankDigest {
  std::vector<AccessRecord> writes;  // in the order of the rank
  std::vector<BlockRecord> blocks;   // `access` is an index in `writes`
  std::uint64_t collectives = 0;     // of the table of all that the rank issued
};

/// Of a trace that was recorded in full, or as a digest.
RankDigest digest_of(const TraceReader& reader, int rank);

/// What the ranks of an execution say of what they are made of and run on: where they do not say
/// the same, all that they say, one after another.
std::map<std::string, std::string> settings_of(const TraceReader& reader);

}  // namespace shardproof
