#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/plan/program.hpp"

namespace shardproof {

/// A collective of the program, as one rank issues it. With uneven cuts TP ranks reduce vectors of
/// unlike size over dp: the account is that of the TP rank that brings most.
struct CollectiveAccount {
  std::string origin;  // op name
  std::string kind;
  Axis group = Axis::tp;
  Dtype dtype = Dtype::fp32;  // on the wire
  std::int64_t elements = 0;  // of the rank's input, each time
  std::int64_t bytes = 0;
  std::int64_t least_elements = 0;  // of the TP rank that brings least; none where rows are data
  std::string per;                  // micro_step | step | run
  std::int64_t times = 0;           // in the whole run
};

/// Bytes of one rank's memory, as its layout has them (blocks of 64).
struct MemoryAccount {
  std::int64_t parameters = 0;
  std::int64_t gradients = 0;  // accumulators and the owned slice of the averaged gradients
  std::int64_t optimizer = 0;  // masters and moments
  std::int64_t buffers = 0;    // other state
  std::int64_t activations_peak =
      0;  // the rest of the layout: what lives inside segments and scopes
  std::int64_t total_peak = 0;
};

struct Accounts {
  std::vector<CollectiveAccount> collectives;
  MemoryAccount smallest_rank;  // by total_peak
  MemoryAccount largest_rank;
  std::int64_t trace_bytes = 0;      // tensors of all ranks of one execution; logs come on top
  std::int64_t tensors_of_rank = 0;  // how many of those a rank records at most
  std::int64_t largest_value = 0;    // of one rank, in bytes
  std::int64_t largest_weight = 0;   // the largest local shard of a parameter, in elements
};

Accounts accounts_of(const Program& program);

/// A rank for each way in which ranks differ in what they hold: one per TP index if any value is
/// cut unevenly, else rank 0 alone.
std::vector<Rank> unlike_ranks(const Program& program);

/// How often each segment (by index) runs in the whole run, its variants counted as themselves.
/// Decisions are counted as taken the usual way (`otherwise`).
std::vector<std::int64_t> segment_runs(const Program& program);

}  // namespace shardproof
