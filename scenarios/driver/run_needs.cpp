#include "scenarios/driver/run_needs.hpp"

#include <algorithm>

#include "scenarios/dtype.hpp"
#include "scenarios/shape.hpp"

namespace shardproof {

namespace {

constexpr std::int64_t mebibyte = std::int64_t{1} << 20;
constexpr std::int64_t process_bytes = 100 * mebibyte;

// What HDF5 keeps of a file with so many tensors: 20 KiB of each until its cache is full, and then
// their names alone. The cache is larger of a file that is written (scenarios/hdf5/file.cpp).
std::int64_t open_file_bytes(std::int64_t tensors, std::int64_t cached) {
  constexpr std::int64_t kibibyte = 1024;
  return 20 * kibibyte * std::min(tensors, cached) + kibibyte * tensors;
}
std::int64_t written_file_bytes(std::int64_t tensors) { return open_file_bytes(tensors, 64 << 10); }
std::int64_t read_file_bytes(std::int64_t tensors) { return open_file_bytes(tensors, 3 << 10); }

std::int64_t engines(const Scenario& scenario) {
  return (scenario.runs(Execution::sim) ? 1 : 0) + (scenario.runs(Execution::real) ? 1 : 0);
}

std::int64_t parameter_elements(const ModelDescription& model) {
  std::int64_t elements = 0;
  for (const ParameterDescription& parameter : model.stored())
    elements += element_count(parameter.shape);
  return elements;
}

// What one engine saves of the run.
std::int64_t checkpoint_bytes(const Scenario& scenario, const MemoryAccount& rank) {
  const std::int64_t sharded = scenario.world() * (rank.parameters + rank.optimizer);
  const std::int64_t whole =
      scenario.checkpoint.consolidated ? scenario.world() * rank.parameters : 0;
  return static_cast<std::int64_t>(scenario.checkpoint.save_after.size()) * (sharded + whole);
}

// What the executions and the judge take, beside what any process does.
struct Terms {
  std::int64_t oracle = 0;   // its numbers, and its tape
  std::int64_t cluster = 0;  // all ranks' arenas
  std::int64_t rank = 0;     // the largest of them
  std::int64_t written = 0;  // a rank's file of a trace
  std::int64_t read = 0;     // the files of all ranks
};

Terms terms_of(const Scenario& scenario, const Accounts& accounts) {
  const MemoryAccount& rank = accounts.largest_rank;
  const std::int64_t widened = 8 / static_cast<std::int64_t>(size_bytes(scenario.training.working));
  Terms terms;
  terms.oracle = std::int64_t{8} * 6 * parameter_elements(scenario.model) +
                 2 * widened * rank.activations_peak * scenario.world();
  terms.cluster = rank.total_peak * scenario.world();
  terms.rank = rank.total_peak;
  terms.written = written_file_bytes(accounts.tensors_of_rank);
  terms.read = read_file_bytes(accounts.tensors_of_rank) * scenario.world();
  return terms;
}

// One of a kind of processes, beside what it takes by itself. The first that ends the trace of an
// engine reads all of it once more.
std::int64_t reference_bytes(const Terms& terms) { return terms.oracle + terms.written; }
std::int64_t sim_bytes(const Scenario& scenario, const Terms& terms) {
  return 3 * terms.cluster + std::max(scenario.world() * terms.written, terms.written + terms.read);
}
std::int64_t real_bytes(const Terms& terms) { return 3 * terms.rank + terms.written + terms.read; }
std::int64_t judge_bytes(const Scenario& scenario, const Terms& terms) {
  return 2 * terms.oracle + 2 * terms.cluster + engines(scenario) * terms.read +
         terms.read / scenario.world();
}

std::int64_t memory_bytes(const Scenario& scenario, const Terms& terms) {
  const std::int64_t ranks =
      scenario.world() * (process_bytes + terms.written) + 3 * terms.cluster + terms.read;
  const std::int64_t executions =
      (scenario.runs(Execution::reference) ? process_bytes + reference_bytes(terms) : 0) +
      (scenario.runs(Execution::sim) ? process_bytes + sim_bytes(scenario, terms) : 0) +
      (scenario.runs(Execution::real) ? ranks : 0);
  return std::max(executions, process_bytes + judge_bytes(scenario, terms));
}

// Of the thread that publishes the pulse: its stack, and its heap in the C library.
constexpr std::int64_t pulse_bytes = (8 + 64) * mebibyte;

// `mapped`: by the process itself; `shared` of it are libraries, and what Open MPI's ranks share.
ProcessNeeds process(const std::string& who, std::int64_t mapped, std::int64_t shared,
                     std::int64_t bytes) {
  return {who, static_cast<std::uint64_t>(mapped + pulse_bytes + bytes),
          static_cast<std::uint64_t>(mapped - shared + pulse_bytes + bytes)};
}

std::vector<ProcessNeeds> processes_of(const Scenario& scenario, const Terms& terms) {
  constexpr std::int64_t libraries = 72 * mebibyte, shared_by_ranks = 176 * mebibyte;
  std::vector<ProcessNeeds> processes;
  if (scenario.runs(Execution::reference))
    processes.push_back(
        process("the reference", 256 * mebibyte, libraries, reference_bytes(terms)));
  if (scenario.runs(Execution::sim))
    processes.push_back(process("sim", 256 * mebibyte, libraries, sim_bytes(scenario, terms)));
  if (scenario.runs(Execution::real))
    processes.push_back(
        process("a rank of real", 464 * mebibyte, libraries + shared_by_ranks, real_bytes(terms)));
  processes.push_back(
      process("the judge", 320 * mebibyte, libraries, judge_bytes(scenario, terms)));
  return processes;
}

}  // namespace

Needs run_needs(const Scenario& scenario, const Accounts& accounts,
                std::int64_t reference_trace_bytes, const std::string& out) {
  const MemoryAccount& rank = accounts.largest_rank;
  const std::int64_t trace = scenario.trace_tier == TraceTier::full ? accounts.trace_bytes : 0;
  const std::int64_t disk = engines(scenario) * (trace + checkpoint_bytes(scenario, rank)) +
                            (scenario.runs(Execution::reference) ? reference_trace_bytes : 0);
  const Terms terms = terms_of(scenario, accounts);
  return {static_cast<std::uint64_t>(memory_bytes(scenario, terms)),
          static_cast<std::uint64_t>(disk), out, processes_of(scenario, terms)};
}

}  // namespace shardproof
