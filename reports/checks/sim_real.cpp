#include "reports/checks/sim_real.hpp"

#include <algorithm>
#include <set>

#include "reports/verdict/findings.hpp"

namespace shardproof::reports {

namespace {

constexpr const char* name = "sim_real";

const EngineTrace* find(const JudgeContext& context, const std::string& execution) {
  for (const EngineTrace* trace : context.traces)
    if (trace->execution() == execution) return trace;
  return nullptr;
}

void collect_fingerprints(const EngineTrace& trace, std::set<std::string>& fingerprints) {
  for (int rank = 0; rank < trace.world(); ++rank) {
    const auto& settings = trace.reader().header(rank).settings;
    const auto found = settings.find("fingerprint");
    fingerprints.insert(found == settings.end() ? "" : found->second);
  }
}

/// Why bit equality is not promised; empty if it is.
std::string hindrance(const JudgeContext& context, const EngineTrace* sim,
                      const EngineTrace* real) {
  if (sim == nullptr || real == nullptr)
    return std::string("there is no trace of ") + (sim == nullptr ? "sim" : "real");
  if (context.policy.order == ReductionOrder::library)
    return "the order of the library's reductions is not known";
  std::set<std::string> fingerprints;
  collect_fingerprints(*sim, fingerprints);
  collect_fingerprints(*real, fingerprints);
  if (fingerprints.size() > 1 || fingerprints.contains(""))
    return "the ranks of sim and real do not have one arithmetic fingerprint";
  return "";
}

bool same_access(const AccessRecord& a, const AccessRecord& b) {
  return a.moment == b.moment && a.sequence == b.sequence && a.segment == b.segment &&
         a.op == b.op && a.value == b.value && a.write == b.write && a.version == b.version &&
         a.hash == b.hash;
}

class Comparer {
 public:
  Comparer(const EngineTrace& sim, const EngineTrace& real, Tally& tally)
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
    for (int rank = 0; rank < sim_.world(); ++rank) compare_accesses(rank);
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
    } else if (b->info.hash != a.info.hash || b->info.dtype != a.info.dtype) {
      compare_stored(real_, *b, sim_.reader().read(a), a.info.dtype,
                     "its bits differ from those of sim", tally_, findings_);
    } else {
      tally_.add(count, 0, Proof::bitwise);
    }
  }

  // The first difference is enough: it names the op also where its result is only hashed.
  void compare_accesses(int rank) {
    const auto& a = sim_.reader().accesses(rank);
    const auto& b = real_.reader().accesses(rank);
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
      if (!same_access(a[i], b[i])) return note_access(rank, b[i]);
    if (a.size() != b.size())
      tally_.fail("real: rank " + std::to_string(rank) + " read and wrote " +
                  std::to_string(b.size()) + " values, in sim " + std::to_string(a.size()));
  }

  void note_access(int rank, const AccessRecord& access) {
    for (const ExecutedOp& executed : real_.executed(rank)) {
      if (executed.sequence != access.sequence) continue;
      const std::string tensor =
          folder_of(access.moment) + "/" + real_.program(rank).value(access.value).name;
      findings_.add(failure_of(real_, rank, executed, tensor),
                    std::string("the bytes it ") + (access.write ? "wrote" : "read") +
                        " differ from those of sim");
      tally_.add(0, 1, Proof::bitwise);
      return;
    }
  }

  const EngineTrace& sim_;
  const EngineTrace& real_;
  Tally& tally_;
  Findings findings_;
};

}  // namespace

SimReal check_sim_real(const JudgeContext& context) {
  Tally tally(name, Proof::bitwise);
  const EngineTrace* sim = find(context, "sim");
  const EngineTrace* real = find(context, "real");
  if (const std::string reason = hindrance(context, sim, real); !reason.empty())
    return {not_run(name, reason), tally};
  Comparer(*sim, *real, tally).compare();
  return {tally.result(), tally};
}

}  // namespace shardproof::reports
