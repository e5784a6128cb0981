#include "scenarios/driver/run_needs.hpp"

#include <algorithm>

#include "scenarios/dtype.hpp"
#include "scenarios/precision/shadow.hpp"
#include "scenarios/shape.hpp"

namespace shardproof {

namespace {

constexpr std::int64_t kibibyte = std::int64_t{1} << 10, mebibyte = std::int64_t{1} << 20;

// What HDF5 keeps of a file with so many tensors: of each some KiB until its cache is full, and
// then its name alone. The cache is larger of a file that is written (scenarios/hdf5/file.cpp).
std::int64_t written_file_bytes(std::int64_t tensors) {
  return 15 * kibibyte * std::min<std::int64_t>(tensors, 64 << 10) + kibibyte * tensors;
}
std::int64_t read_file_bytes(std::int64_t tensors) {
  return 20 * kibibyte * std::min<std::int64_t>(tensors, 3 << 10) + kibibyte * tensors;
}

// What one engine saves of the run.
std::int64_t checkpoint_bytes(const Scenario& scenario, const MemoryAccount& rank) {
  const std::int64_t sharded = scenario.world() * (rank.parameters + rank.optimizer);
  const std::int64_t whole =
      scenario.checkpoint.consolidated ? scenario.world() * rank.parameters : 0;
  return static_cast<std::int64_t>(scenario.checkpoint.save_after.size()) * (sharded + whole);
}

// What the processes of a run are made of, beside what any process takes.
struct Terms {
  // An arena, and room for its largest value, as measured: for what a collective sends in another
  // dtype or receives ahead, and where a device's tensors are brought to the host to be hashed.
  std::int64_t rank = 0;
  std::int64_t kernels = 0;  // what they widen, one rank at a time
  std::int64_t written = 0;  // a rank's file of a trace
  std::int64_t read = 0;     // the files of all ranks, by whoever makes them one, and that one
};

// Kernels widen 16-bit weights to fp32, and gradients of weights: measured as four at a time.
std::int64_t kernel_bytes(const Scenario& scenario, const Accounts& accounts) {
  const bool widens = size_bytes(scenario.training.working) == 2;
  return accounts.largest_weight *
         (widens ? std::int64_t{4} * 4
                 : static_cast<std::int64_t>(size_bytes(scenario.training.working)));
}

Terms terms_of(const Scenario& scenario, const Accounts& accounts) {
  Terms terms;
  terms.rank = accounts.largest_rank.total_peak + accounts.largest_value;
  terms.kernels = kernel_bytes(scenario, accounts);
  terms.written = written_file_bytes(accounts.tensors_of_rank);
  if (scenario.trace_keep != TraceKeep::never)
    terms.read = read_file_bytes(accounts.tensors_of_rank) * scenario.world() + terms.written;
  return terms;
}

// Ranks have ended when their files are made one.
std::int64_t sim_bytes(const Scenario& scenario, const Terms& terms) {
  return std::max(scenario.world() * (terms.rank + terms.written) + terms.kernels, terms.read);
}
std::int64_t rank_bytes(const Terms& terms) { return terms.rank + terms.written + terms.kernels; }
std::int64_t first_rank_bytes(const Terms& terms) {
  return std::max(rank_bytes(terms), terms.read);
}

// The judge streams: of what it reads it holds a tile for each thread, and of the units that are
// one tile the whole: measured as 384 MiB, and of a run smaller than that what there is. Of the
// leaves it holds one weight as it was recorded and as it must be.
std::int64_t streamed_bytes(const Scenario& scenario, const Accounts& accounts) {
  const std::int64_t tiles =
      std::min(384 * mebibyte, 32 * mebibyte + 2 * scenario.engines() * accounts.trace_bytes);
  const auto element = static_cast<std::int64_t>(size_bytes(scenario.training.working));
  return tiles + 2 * accounts.largest_weight * element;
}

// Beside that it holds what it knows of every tensor and every op.
std::int64_t known_bytes(const Scenario& scenario, const Accounts& accounts) {
  return 8 * kibibyte * scenario.engines() * scenario.world() * accounts.tensors_of_rank;
}

// A run and its shadow are judged one after another.
std::int64_t judge_bytes(const Scenario& scenario, const Accounts& accounts,
                         const std::optional<ShadowNeeds>& shadow) {
  std::int64_t known = known_bytes(scenario, accounts);
  std::int64_t streamed = streamed_bytes(scenario, accounts);
  if (shadow) {
    known += known_bytes(shadow->scenario, shadow->accounts);
    streamed = std::max(streamed, streamed_bytes(shadow->scenario, shadow->accounts));
  }
  return known + streamed;
}

// What a process has to itself: `bytes`, beside code, stacks, and what it reads of the scenario.
// Mapped are libraries and the pulse's thread too; `shared` of that are libraries, and what Open
// MPI's ranks share.
struct Sizes {
  std::int64_t mapped, shared, bytes;
  std::int64_t count = 1;
  std::int64_t beyond = 0;  // of one of the processes, beside the others
};

ProcessNeeds process(const std::string& who, const std::string& key, const Sizes& sizes) {
  constexpr std::int64_t own_bytes = 5 * mebibyte;
  constexpr std::int64_t pulse_bytes = (8 + 64) * mebibyte;  // its stack, and its heap in libc
  const std::int64_t most = sizes.bytes + sizes.beyond;
  ProcessNeeds needs;
  needs.who = who;
  needs.key = key;
  needs.address_space_bytes = static_cast<std::uint64_t>(sizes.mapped + pulse_bytes + most);
  needs.data_bytes = static_cast<std::uint64_t>(sizes.mapped - sizes.shared + pulse_bytes + most);
  needs.memory_bytes = static_cast<std::uint64_t>(own_bytes + most);
  needs.count = static_cast<int>(sizes.count);
  needs.together_bytes =
      static_cast<std::uint64_t>(sizes.count * (own_bytes + sizes.bytes) + sizes.beyond);
  return needs;
}

std::vector<ProcessNeeds> processes_of(const Scenario& scenario, const Accounts& accounts,
                                       const ReferenceNeeds& reference,
                                       const std::optional<ShadowNeeds>& shadow) {
  constexpr std::int64_t libraries = 72 * mebibyte, shared_by_ranks = 176 * mebibyte;
  const Terms terms = terms_of(scenario, accounts);
  std::vector<ProcessNeeds> processes;
  if (scenario.runs(Execution::reference))
    processes.push_back(process("the reference", "reference",
                                {256 * mebibyte, libraries,
                                 reference.memory_bytes + written_file_bytes(reference.tensors)}));
  const auto simulation = [&](const std::string& who, const std::string& key,
                              const Scenario& simulated, const Terms& of) {
    processes.push_back(process(who, key, {256 * mebibyte, libraries, sim_bytes(simulated, of)}));
  };
  if (scenario.runs(Execution::sim)) simulation("sim", "sim", scenario, terms);
  if (scenario.runs(Execution::real))
    processes.push_back(process("a rank of real", "real_rank",
                                {.mapped = 464 * mebibyte,
                                 .shared = libraries + shared_by_ranks,
                                 .bytes = rank_bytes(terms),
                                 .count = scenario.world(),
                                 .beyond = first_rank_bytes(terms) - rank_bytes(terms)}));
  if (shadow)
    simulation("the shadow", shadow_name, shadow->scenario,
               terms_of(shadow->scenario, shadow->accounts));
  processes.push_back(process("the judge", judge_key,
                              {.mapped = 320 * mebibyte,
                               .shared = libraries,
                               .bytes = judge_bytes(scenario, accounts, shadow)}));
  return processes;
}

}  // namespace

Needs run_needs(const Scenario& scenario, const Accounts& accounts, const ReferenceNeeds& reference,
                const std::string& out, const std::optional<ShadowNeeds>& shadow) {
  const MemoryAccount& rank = accounts.largest_rank;
  const std::int64_t trace = scenario.trace_tier == TraceTier::full ? accounts.trace_bytes : 0;
  const std::int64_t disk = scenario.engines() * (trace + checkpoint_bytes(scenario, rank)) +
                            (scenario.runs(Execution::reference) ? reference.trace_bytes : 0) +
                            (shadow ? shadow->accounts.trace_bytes : 0);
  Needs needs{0, static_cast<std::uint64_t>(disk), out,
              processes_of(scenario, accounts, reference, shadow)};
  for (const ProcessNeeds& kind : needs.processes) needs.memory_bytes += kind.together_bytes;
  return needs;
}

}  // namespace shardproof
