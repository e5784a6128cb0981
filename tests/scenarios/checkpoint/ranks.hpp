#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "real/lowering/lowering.hpp"
#include "scenarios/checkpoint/rank_state.hpp"
#include "tests/support/scenario_runs.hpp"

namespace shardproof::tests {

/// The state of all ranks of a program, in which every element says where it belongs: its bits are
/// a number made of its tensor and its index in the full tensor, never 0. Padding is 0.
struct Ranks {
  Program program;
  std::vector<std::map<ValueId, std::vector<std::byte>>> memory;  // by rank

  StateBytes bytes(int rank) const {
    return [this, rank](ValueId id) {
      return std::span<const std::byte>(memory.at(static_cast<std::size_t>(rank)).at(id));
    };
  }
  StateMemory space(int rank) {
    return [this, rank](ValueId id) {
      return std::span(memory.at(static_cast<std::size_t>(rank)).at(id));
    };
  }
};

inline void put_number(std::uint64_t number, std::size_t size, std::byte* to) {
  std::memcpy(to, &number, size);  // the low bytes
}

/// The number of element `index` of the `tensor`-th tensor; as little as two bytes tell neighbours,
/// and the same index of several tensors, apart.
inline std::uint64_t number_of(std::size_t tensor, std::int64_t index) {
  return 1 + (static_cast<std::uint64_t>(index) * 7 + tensor * 8191) % 65521;
}

/// Every value of the state, on every rank, with `fill` in every byte.
inline Ranks ranks_of(Program program, std::byte fill) {
  Ranks ranks{std::move(program), {}};
  const std::vector<ValueId> values = carried_values(ranks.program);
  for (int rank = 0; rank < ranks.program.grid().world(); ++rank) {
    auto& memory = ranks.memory.emplace_back();
    for (const ValueId id : values) {
      const Value& value = ranks.program.value(id);
      const Shape shape = local_shape(ranks.program, value, Rank{rank});
      memory[id].assign(static_cast<std::size_t>(element_count(shape)) * size_bytes(value.dtype),
                        fill);
    }
  }
  return ranks;
}

inline Ranks numbered(Program program) {
  Ranks ranks = ranks_of(std::move(program), std::byte{0});
  std::map<std::string, std::size_t> tensors;
  for (const TensorRow& row : carried_tensors(ranks.program)) tensors[row.name] = 0;
  std::size_t count = 0;
  for (auto& [name, number] : tensors) number = count++;
  for (int rank = 0; rank < ranks.program.grid().world(); ++rank)
    for (const HeldTensor& held : held_state(ranks.program, Rank{rank})) {
      const std::size_t size = size_bytes(held.dtype);
      const std::size_t tensor = tensors.at(held.piece.name);
      std::vector<std::byte> stored(static_cast<std::size_t>(element_count(held.piece)) * size);
      std::byte* at = stored.data();
      for (const Region& region : held.piece.regions)
        for (const Run& run : runs_of(region, held.piece.full_shape))
          for (std::int64_t i = run.first; i < run.first + run.count; ++i, at += size)
            put_number(number_of(tensor, i), size, at);
      put_back(held.piece, stored, size, ranks.space(rank)(held.value));
    }
  return ranks;
}

/// Where a checkpoint of these ranks says it comes from.
inline CheckpointOrigin origin_of(const Program& program) {
  CheckpointOrigin origin;
  origin.scenario = JsonValue::object().set("name", "a test");
  origin.scenario_hash = "s";
  origin.model_hash = "m";
  origin.tp = program.tp;
  origin.dp = program.dp;
  origin.steps_done = 3;
  origin.counters = {{"updates", 2}, {"loss_scale", 65536}};
  return origin;
}

inline void save(const Ranks& ranks, const std::string& path) {
  begin_checkpoint(path);
  for (int rank = 0; rank < ranks.program.grid().world(); ++rank)
    write_rank_file(path, rank, parts_to_save(ranks.program, Rank{rank}, ranks.bytes(rank)));
  finish_checkpoint(path, origin_of(ranks.program));
}

/// Reads a checkpoint back into memory that held something else.
inline Ranks loaded(const std::string& path, const Program& program) {
  Ranks ranks = ranks_of(program, std::byte{0xff});
  const Checkpoint checkpoint(path);
  for (int rank = 0; rank < program.grid().world(); ++rank)
    load_state(checkpoint, program, Rank{rank}, ranks.space(rank));
  return ranks;
}

}  // namespace shardproof::tests
