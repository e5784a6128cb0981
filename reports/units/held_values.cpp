#include "reports/units/held_values.hpp"

#include "reports/verdict/findings.hpp"
#include "scenarios/plan/pieces.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::reports {

namespace {

bool is_of_another_step(const Moment& written, const Moment& read) {
  return std::pair(written.stage, written.step) != std::pair(read.stage, read.step);
}

// The recorded bytes of a value, put back from its pieces; nullptr if a piece is missing.
SharedBytes recorded_bytes(const OpOnRank& at, const Value& value) {
  const std::size_t size = size_bytes(value.dtype);
  auto bytes =
      std::make_shared<Bytes>(static_cast<std::size_t>(element_count(at.shape_of(value))) * size);
  for (const Piece& piece : pieces_of(at.program(), value, Rank{at.rank}, at.rows())) {
    const StoredDataset* stored = at.trace.dataset(at.folder() + "/" + piece.name, at.rank);
    if (stored == nullptr || element_count(stored->info.regions) != element_count(piece) ||
        stored->info.dtype != value.dtype)
      return nullptr;
    put_back(piece, at.trace.reader().read(*stored), size, *bytes);
  }
  return bytes;
}

}  // namespace

std::vector<SharedBytes> HeldValues::read(const OpOnRank& at) {
  std::vector<SharedBytes> inputs;
  if (at.op().kind == OpKind::wait) return inputs;
  for (const AccessRecord* access : at.executed.reads) inputs.push_back(read(at, *access));
  return inputs;
}

SharedBytes HeldValues::read(const OpOnRank& at, const AccessRecord& access) {
  const auto found = of(at).find(access.value);
  const Held* held = found == of(at).end() ? nullptr : &found->second;
  const Value& value = at.program().value(access.value);
  const bool across_steps = held != nullptr && value.lifetime == Lifetime::state &&
                            is_of_another_step(held->written, access.moment);
  Tally& tally = across_steps ? findings_.continuity : findings_.edges;
  const std::int64_t elements = element_count(at.shape_of(value));
  const bool same = held != nullptr && held->hash == access.hash;
  tally.add(elements, same ? 0 : elements, Proof::bitwise);
  if (same) return held->bytes;
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
  tally.fail(
      std::move(failure),
      at.trace.execution() + ": " + reader + " read bytes of " + value.name +
          (held == nullptr ? " that nobody wrote" : " that " + held->writer + " did not write"));
}

SharedBytes HeldValues::accept(const OpOnRank& at, std::size_t output) {
  const AccessRecord* write = at.write_of(output);
  if (write == nullptr) {
    findings_.plan_units.unknown(at.trace.execution() + ": " + full_name(at.op()) +
                                 " has no log entry of what it wrote");
    return nullptr;
  }
  SharedBytes bytes;
  if (at.op().recorded) {
    bytes = recorded_bytes(at, at.output(output));
    if (bytes == nullptr || tensor_hash(*bytes) != write->hash) {
      findings_.edges.fail(at.trace.execution() + ": rank " + std::to_string(at.rank) +
                           ": the recorded bytes of " + at.output(output).name + " in " +
                           at.folder() + " are not those that were written");
      bytes = nullptr;
    }
  }
  of(at)[at.op().outputs[output]] = {write->hash, bytes, at.executed.moment, writer_name(at.op()),
                                     at.op().phase};
  return bytes;
}

void HeldValues::know(const OpOnRank& at, std::size_t output, const Bytes& bytes) {
  of(at).at(at.op().outputs[output]).bytes = std::make_shared<Bytes>(bytes);
}

}  // namespace shardproof::reports
