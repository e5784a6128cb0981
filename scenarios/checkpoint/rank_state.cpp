#include "scenarios/checkpoint/rank_state.hpp"

#include <algorithm>
#include <set>

#include "scenarios/checkpoint/written_bytes.hpp"
#include "scenarios/config/scenario_writer.hpp"
#include "scenarios/counts.hpp"
#include "scenarios/errors.hpp"

namespace shardproof {

namespace {

PartToSave part_of(const HeldTensor& held) {
  return {held.piece.name, held.dtype, held.piece.full_shape, held.piece.regions, {}};
}

void expect_same_tensors(const Checkpoint& checkpoint, const Program& program) {
  std::set<std::string> names;
  for (const TensorRow& tensor : carried_tensors(program)) {
    checkpoint.expect(tensor.name, tensor.dtype, tensor.shape);
    names.insert(tensor.name);
  }
  for (const auto& [name, tensor] : checkpoint.tensors())
    if (!names.contains(name))
      throw ScenarioError({checkpoint.path()},
                          "tensor \"" + name + "\": is no state of the run that is to go on");
}

// What a rank holds and saves.
std::vector<HeldTensor> saved_state(const Program& program, Rank rank) {
  std::vector<HeldTensor> saved = held_state(program, rank);
  std::erase_if(saved, [](const HeldTensor& held) { return !held.saved; });
  return saved;
}

std::int64_t saved_bytes(const Program& program) {
  std::int64_t bytes = 0;
  for (int rank = 0; rank < program.grid().world(); ++rank)
    for (const HeldTensor& held : saved_state(program, Rank{rank}))
      bytes = sum(bytes, product(element_count(held.piece.regions),
                                 static_cast<std::int64_t>(size_bytes(held.dtype))));
  return bytes;
}

void repartition_rank(const Checkpoint& from, const Program& to, Rank rank, const std::string& path,
                      WrittenBytes& written) {
  std::vector<PartToSave> parts;
  std::vector<std::vector<std::byte>> bytes;
  for (const HeldTensor& held : saved_state(to, rank)) {
    bytes.push_back(from.read(held.piece.name, held.piece.regions));
    parts.push_back(part_of(held));
    written.add(0);
  }
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i].stretches = {bytes[i]};
  write_rank_file(path, rank.value, parts, [&](std::size_t more) { written.add(more); });
}

}  // namespace

CheckpointOrigin origin_of(const Scenario& scenario) {
  CheckpointOrigin origin;
  origin.scenario = parse_json(write_scenario(scenario), "the scenario");
  origin.scenario_hash = scenario_hash(scenario);
  origin.model_hash = hash_of(scenario.model);
  origin.tp = scenario.parallel.tensor_parallel;
  origin.dp = scenario.data_parallel();
  origin.zero_stage = scenario.parallel.zero_stage;
  return origin;
}

void expect_state_of(const Checkpoint& checkpoint, const ModelDescription& model,
                     const Program& program) {
  if (checkpoint.origin().model_hash != hash_of(model))
    throw ScenarioError({checkpoint.path()},
                        "is a checkpoint of another model, or of other hyper-parameters");
  expect_same_tensors(checkpoint, program);
}

std::vector<PartToSave> parts_to_save(const Program& program, Rank rank, const StateBytes& state) {
  std::vector<PartToSave> parts;
  for (const HeldTensor& held : held_state(program, rank)) {
    if (!held.saved) continue;
    PartToSave part = part_of(held);
    const std::size_t size = size_bytes(held.dtype);
    const std::span<const std::byte> bytes = state(held.value);
    for (const Run& run : held.piece.runs)
      part.stretches.push_back(bytes.subspan(static_cast<std::size_t>(run.first) * size,
                                             static_cast<std::size_t>(run.count) * size));
    parts.push_back(std::move(part));
  }
  return parts;
}

void load_state(const Checkpoint& checkpoint, const Program& program, Rank rank,
                const StateMemory& state) {
  expect_same_tensors(checkpoint, program);
  for (const ValueId id : carried_values(program)) std::ranges::fill(state(id), std::byte{0});
  for (const HeldTensor& held : held_state(program, rank)) {
    const std::vector<std::byte> stored = checkpoint.read(held.piece.name, held.piece.regions);
    put_back(held.piece, stored, size_bytes(held.dtype), state(held.value));
  }
}

void repartition(const Checkpoint& from, const Program& to, CheckpointOrigin origin,
                 const std::string& path, const WriteProgress& progress,
                 const CheckWritten& check) {
  expect_same_tensors(from, to);
  origin.steps_done = from.origin().steps_done;
  origin.counters = from.origin().counters;
  WrittenBytes written(progress, saved_bytes(to));
  try {
    begin_checkpoint(path);
    for (int rank = 0; rank < to.grid().world(); ++rank)
      repartition_rank(from, to, Rank{rank}, path, written);
    written.add(0);
    finish_checkpoint(path, origin, check);
  } catch (...) {
    try {
      drop_checkpoint(path);
    } catch (const std::exception&) {
      // The first error is the one to tell.
    }
    throw;
  }
}

}  // namespace shardproof
