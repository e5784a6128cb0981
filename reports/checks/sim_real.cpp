#include "reports/checks/sim_real.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "reports/verdict/findings.hpp"

namespace shardproof::reports {

namespace {

const RecordedTrace* find(const JudgeContext& context, Execution execution) {
  for (const RecordedTrace* trace : context.traces)
    if (trace->execution() == name_of(execution)) return trace;
  return nullptr;
}

// What may make other bits of the same ops: where none of these differ, nothing excuses other bits.
constexpr std::array environment{"cpu",     "cpu_features", "device",   "binary",
                                 "version", "commit",       "compiler", "libc",
                                 "blas",    "mpi",          "cuda",     "nccl"};

/// Where a rank ran, as its trace's settings say, and the bits of its arithmetic.
struct Machine {
  std::vector<std::string> environment;  // "" and "unknown": not known
  std::string fingerprint;               // "": not known
  std::string rank;                      // "rank 0 of sim": the first there

  bool is_of(const Machine& other) const {
    return fingerprint == other.fingerprint && environment == other.environment;
  }
};

Machine machine_of(const RecordedTrace& trace, int rank) {
  const auto& settings = trace.reader().header(rank).settings;
  const auto setting = [&](const char* key) {
    const auto found = settings.find(key);
    return found == settings.end() ? "" : found->second;
  };
  Machine machine{{}, setting("fingerprint"), ""};
  for (const char* key : environment) machine.environment.push_back(setting(key));
  machine.rank = "rank " + std::to_string(rank) + " of " + trace.execution();
  return machine;
}

/// Those that differ, of all ranks of both.
std::vector<Machine> machines_of(const RecordedTrace& sim, const RecordedTrace& real) {
  std::vector<Machine> machines;
  for (const RecordedTrace* trace : {&sim, &real})
    for (int rank = 0; rank < trace->world(); ++rank) {
      const Machine machine = machine_of(*trace, rank);
      if (std::ranges::none_of(machines, [&](const Machine& m) { return m.is_of(machine); }))
        machines.push_back(machine);
    }
  return machines;
}

/// True only where something is known to differ: what a trace does not say excuses nothing.
bool excused(const Machine& a, const Machine& b) {
  const auto is_known = [](const std::string& text) { return !text.empty() && text != "unknown"; };
  for (std::size_t i = 0; i < environment.size(); ++i)
    if (is_known(a.environment[i]) && is_known(b.environment[i]) &&
        a.environment[i] != b.environment[i])
      return true;
  return false;
}

/// What forbids to say anything, though something must be said; empty if nothing does.
std::string doubt(const std::vector<Machine>& machines) {
  for (const Machine& a : machines)
    if (a.fingerprint.empty()) return a.rank + " does not tell its arithmetic fingerprint";
  for (const Machine& a : machines)
    for (const Machine& b : machines)
      if (a.fingerprint != b.fingerprint && !excused(a, b))
        return "suspect hardware: " + a.rank + " and " + b.rank +
               " have the same processor, program and libraries, and not the same arithmetic "
               "fingerprint (" +
               a.fingerprint + " and " + b.fingerprint + ")";
  return "";
}

bool have_one_fingerprint(const std::vector<Machine>& machines) {
  return std::ranges::all_of(
      machines, [&](const Machine& m) { return m.fingerprint == machines.front().fingerprint; });
}

bool same_access(const AccessRecord& a, const AccessRecord& b) {
  return a.moment == b.moment && a.sequence == b.sequence && a.segment == b.segment &&
         a.op == b.op && a.value == b.value && a.write == b.write && a.version == b.version &&
         a.hash == b.hash;
}

class Comparer {
 public:
  Comparer(const RecordedTrace& sim, const RecordedTrace& real, Tally& tally)
      : sim_(sim), real_(real), tally_(tally) {}

  void compare() {
    if (sim_.world() != real_.world()) {
      tally_.fail("sim and real do not have the same number of ranks");
      return;
    }
    for (const auto& [path, stored] : sim_.reader().datasets())
      for (const StoredDataset& a : stored) compare_tensor(a);
    for (const auto& [path, stored] : real_.reader().datasets())
      for (const StoredDataset& b : stored)
        if (sim_.dataset(path, b.rank) == nullptr)
          tally_.fail("real: " + path + " is recorded on rank " + std::to_string(b.rank) +
                      ", in sim it is not");
    if (sim_.engine() != nullptr && real_.engine() != nullptr)
      for (int rank = 0; rank < sim_.world(); ++rank)
        compare_accesses(*sim_.engine(), *real_.engine(), rank);
    findings_.report(tally_);
  }

 private:
  void compare_tensor(const StoredDataset& a) {
    const StoredDataset* b = real_.dataset(a.info.path, a.rank);
    const std::int64_t count = element_count(a.info.regions);
    if (b == nullptr || b->info.regions != a.info.regions) {
      tally_.add(count, 0, Proof::bitwise);
      tally_.fail("real: " + a.info.path + " is not recorded on rank " + std::to_string(a.rank) +
                      " as in sim",
                  count);
      return;
    }
    sim_.reader().check(a);
    if (!have_same_bytes(a, *b))
      return compare_stored(real_, *b, *stored_tensor(sim_.reader(), a),
                            "its bits differ from those of sim", tally_, findings_);
    real_.reader().check(*b);
    tally_.add(count, 0, Proof::bitwise);
  }

  // The first difference is enough: it names the op also where its result is only hashed.
  void compare_accesses(const EngineTrace& sim, const EngineTrace& real, int rank) {
    const auto& a = sim.reader().accesses(rank);
    const auto& b = real.reader().accesses(rank);
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
      if (!same_access(a[i], b[i])) return note_access(real, rank, b[i]);
    if (a.size() != b.size())
      tally_.fail("real: rank " + std::to_string(rank) + " read and wrote " +
                  std::to_string(b.size()) + " values, in sim " + std::to_string(a.size()));
  }

  void note_access(const EngineTrace& real, int rank, const AccessRecord& access) {
    for (const ExecutedOp& executed : real.executed(rank)) {
      if (executed.sequence != access.sequence) continue;
      const std::string tensor =
          folder_of(access.moment) + "/" + real.program(rank).value(access.value).name;
      findings_.add(failure_of(real, rank, executed, tensor),
                    std::string("the bytes it ") + (access.write ? "wrote" : "read") +
                        " differ from those of sim");
      tally_.add(0, 1, Proof::bitwise);
      return;
    }
  }

  const RecordedTrace& sim_;
  const RecordedTrace& real_;
  Tally& tally_;
  Findings findings_;
};

}  // namespace

Tally check_sim_real(const JudgeContext& context) {
  Tally tally("sim_real", Proof::bitwise);
  const RecordedTrace* sim = find(context, Execution::sim);
  const RecordedTrace* real = find(context, Execution::real);
  if (sim == nullptr || real == nullptr) {
    tally.not_run(std::string("there is no trace of ") + (sim == nullptr ? "sim" : "real"));
    return tally;
  }
  if (context.policy.order == ReductionOrder::library) {
    tally.not_required("the order of the library's reductions is not known");
    return tally;
  }
  const std::vector<Machine> machines = machines_of(*sim, *real);
  if (const std::string sentence = doubt(machines); !sentence.empty())
    tally.unknown(sentence);
  else if (!have_one_fingerprint(machines))
    tally.not_required(
        "the ranks of sim and real, in unlike environments, do not have one "
        "arithmetic fingerprint");
  else
    Comparer(*sim, *real, tally).compare();
  return tally;
}

}  // namespace shardproof::reports
