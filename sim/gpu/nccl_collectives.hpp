#pragma once

// The collectives of the simulated NCCL: work that a stream polls, from the moment a member comes
// for it. Whether a call makes sense is asked before (sim/gpu/nccl.cpp).

#include <nccl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "scenarios/dtype.hpp"
#include "sim/gpu/nccl_group.hpp"
#include "sim/gpu/polled.hpp"

namespace shardproof::sim::gpu {

enum class Kind : std::int64_t { all_reduce, all_gather };

/// What a member comes for: plain numbers, and as much of the op's name as fits.
struct Purpose {
  std::int64_t number;  // of the communicator's collectives
  Kind kind;
  std::int64_t count;
  std::int64_t type;
  std::int64_t op;
  std::array<char, 200> label;
};

/// A collective that was asked for. It holds the group: the communicator may be destroyed before
/// its turn comes.
struct Call {
  std::shared_ptr<const Group> group;
  Purpose purpose;
  Dtype dtype;
  const std::byte* from;
  std::byte* to;

  std::size_t width() const { return size_bytes(dtype); }
  std::size_t bytes() const { return static_cast<std::size_t>(purpose.count) * width(); }
};

/// None: the simulated NCCL does not know this data type.
std::optional<Dtype> dtype_of(ncclDataType_t type);

// Both first hear what the other members came for: an error names those who came for another
// collective, or did not come. By value: the call has to live until the work is done.
Polled all_reduce(Call call);
Polled all_gather(Call call);

}  // namespace shardproof::sim::gpu
