#include "reports/units/held_values.hpp"

#include "reports/verdict/findings.hpp"
#include "scenarios/checkpoint/hash.hpp"
#include "scenarios/plan/pieces.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::reports {

namespace {

bool is_of_another_step(const Moment& written, const Moment& read) {
  return std::pair(written.stage, written.step) != std::pair(read.stage, read.step);
}

}  // namespace

std::vector<SharedHeld> HeldValues::read(const OpOnRank& at) {
  std::vector<SharedHeld> inputs;
  if (at.op().kind == OpKind::wait) return inputs;
  for (const AccessRecord* access : at.executed.reads) inputs.push_back(read(at, *access));
  return inputs;
}

SharedHeld HeldValues::read(const OpOnRank& at, const AccessRecord& access) {
  const auto found = of(at).find(access.value);
  const Held* held = found == of(at).end() ? nullptr : &found->second;
  const Value& value = at.program().value(access.value);
  const bool across_steps = held != nullptr && value.lifetime == Lifetime::state &&
                            is_of_another_step(held->written, access.moment);
  Tally& tally = across_steps ? findings_.continuity : findings_.edges;
  const std::int64_t elements = element_count(at.shape_of(value));
  const bool same = held != nullptr && held->hash == access.hash;
  tally.add(elements, same ? 0 : elements, Proof::bitwise);
  if (same) return held->tensor;
  report_edge(at, access, held, tally);
  return nullptr;
}

void HeldValues::report_edge(const OpOnRank& at, const AccessRecord& access, const Held* held,
                             Tally& tally) {
  const Value& value = at.program().value(access.value);
  const std::string reader = full_name(at.op()) + " on rank " + std::to_string(at.rank);
  const Moment& written = held != nullptr ? held->written : access.moment;
  Failure failure =
      failure_of(at.trace, at.rank, at.executed, folder_of(written) + "/" + value.name);
  failure.divergence.op = full_name(at.op());
  if (held != nullptr) {
    // The value was right when its writer wrote it: that is where the wrong bytes belong.
    failure.divergence.op = held->writer;
    failure.divergence.phase = held->phase;
  }
  const std::string hashes =
      held == nullptr ? "hash " + to_hex(access.hash)
                      : "hash " + to_hex(access.hash) + ", written " + to_hex(held->hash);
  std::string problem = " read bytes of " + value.name;
  if (const auto steps_done = checkpoint_read_between(scenario_, written, access.moment)) {
    put_at_checkpoint(failure.divergence, "load", *steps_done, value.name);
    problem = " read other bytes of " + value.name + " from the checkpoint after step " +
              std::to_string(*steps_done - 1) + " than " + held->writer + " wrote";
  } else {
    problem += held == nullptr ? " that nobody wrote" : " that " + held->writer + " did not write";
  }
  tally.fail(std::move(failure),
             at.trace.execution() + ": " + reader + problem + " (" + hashes + ")");
}

// Put back from its pieces; nullptr if one is missing.
SharedHeld HeldValues::recorded(const OpOnRank& at, const Value& value, std::uint64_t hash) {
  auto elements = std::make_shared<TensorView>(value.dtype, at.shape_of(value));
  const std::vector<Piece> pieces = pieces_of(at.program(), value, Rank{at.rank}, at.rows());
  const TraceReader& reader = at.trace.reader();
  bool is_one_dataset = pieces.size() == 1;
  for (const Piece& piece : pieces) {
    const StoredDataset* dataset = at.trace.dataset(at.folder() + "/" + piece.name, at.rank);
    if (dataset == nullptr || element_count(dataset->info.regions) != element_count(piece) ||
        dataset->info.dtype != value.dtype)
      return nullptr;
    elements->add(piece.runs, stored(reader, *dataset));
    const bool in_order =
        piece.runs.empty() || (piece.runs.size() == 1 && piece.runs[0].first == 0);
    is_one_dataset = is_one_dataset && in_order && dataset->info.hash == hash;
    if (!reader.is_confirmed(*dataset)) batch_.add(std::make_shared<Confirming>(reader, *dataset));
  }
  auto held = std::make_shared<HeldTensor>(HeldTensor{elements, hash, nullptr});
  if (!is_one_dataset) {
    const auto hash_of_pieces = std::make_shared<HashedOnce>();
    hash_of_pieces->underway = std::make_shared<Hashing>(elements);
    batch_.add(hash_of_pieces);
    held->claim = std::make_shared<Claim>(Claim{hash_of_pieces, hash});
  }
  return held;
}

SharedHeld HeldValues::accept(const OpOnRank& at, std::size_t output) {
  const AccessRecord* write = at.write_of(output);
  if (write == nullptr) {
    findings_.plan_units.unknown(at.trace.execution() + ": " + full_name(at.op()) +
                                 " has no log entry of what it wrote");
    return nullptr;
  }
  SharedHeld tensor;
  if (at.op().recorded) {
    tensor = recorded(at, at.output(output), write->hash);
    if (tensor == nullptr) report_unlike_log(at, output);
  }
  of(at)[at.op().outputs[output]] = {write->hash, tensor, at.executed.moment, writer_name(at.op()),
                                     at.op().phase};
  return tensor;
}

void HeldValues::report_unlike_log(const OpOnRank& at, std::size_t output) {
  findings_.edges.fail(at.trace.execution() + ": rank " + std::to_string(at.rank) +
                       ": the recorded bytes of " + at.output(output).name + " in " + at.folder() +
                       " are not those that were written");
}

void HeldValues::know(const OpOnRank& at, std::size_t output, SharedTensor elements,
                      std::shared_ptr<const Claim> claim) {
  Held& held = of(at).at(at.op().outputs[output]);
  const Shape shape = at.shape_of(at.output(output));
  if (elements->elements() == element_count(shape)) elements = reshaped(elements, shape);
  held.tensor =
      std::make_shared<HeldTensor>(HeldTensor{std::move(elements), held.hash, std::move(claim)});
}

}  // namespace shardproof::reports
