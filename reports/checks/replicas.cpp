#include "reports/checks/replicas.hpp"

#include <algorithm>
#include <map>

#include "reports/checks/findings.hpp"

namespace shardproof::reports {

namespace {

using Copies = std::vector<const StoredDataset*>;

/// The copies of a tensor, those of the same regions together; by rank, as the reader lists them.
std::vector<Copies> copies_by_regions(const std::vector<StoredDataset>& stored) {
  std::vector<Copies> groups;
  for (const StoredDataset& copy : stored) {
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const Copies& copies) {
      return copies.front()->info.regions == copy.info.regions;
    });
    if (group != groups.end())
      group->push_back(&copy);
    else
      groups.push_back({&copy});
  }
  return groups;
}

/// The copy whose bits most others have; of equal numbers, that of the lowest rank.
const StoredDataset* typical(const Copies& copies) {
  std::map<std::uint64_t, int> votes;
  for (const StoredDataset* copy : copies) ++votes[copy->info.hash];
  return *std::max_element(copies.begin(), copies.end(), [&](const auto* a, const auto* b) {
    return std::pair(votes[a->info.hash], -a->rank) < std::pair(votes[b->info.hash], -b->rank);
  });
}

bool equal(const StoredDataset& a, const StoredDataset& b) {
  return a.info.hash == b.info.hash && a.info.dtype == b.info.dtype;
}

void check_copies(const EngineTrace& trace, const Copies& copies, Tally& tally,
                  Findings& findings) {
  const std::int64_t count = element_count(copies.front()->info.regions);
  if (trace.world() == 1) tally.add(count, 0, Proof::bitwise);
  if (copies.size() < 2) return;
  const StoredDataset& first = *typical(copies);
  std::vector<std::byte> bytes;  // of `first`, once a copy differs
  std::int64_t failed = 0;
  for (const StoredDataset* copy : copies) {
    if (equal(first, *copy)) continue;
    if (bytes.empty()) bytes = trace.reader().read(first);
    failed += compare_stored(
                  trace, *copy, bytes, first.info.dtype,
                  "its bits differ from those of its replica on rank " + std::to_string(first.rank),
                  findings)
                  .failed;
  }
  tally.add(count * static_cast<std::int64_t>(copies.size()), failed, Proof::bitwise);
}

}  // namespace

Tally check_replicas(const JudgeContext& context) {
  Tally tally("replicas", Proof::bitwise);
  for (const EngineTrace* trace : context.traces) {
    Findings findings;
    for (const auto& [path, stored] : trace->reader().datasets())
      for (const Copies& copies : copies_by_regions(stored))
        check_copies(*trace, copies, tally, findings);
    findings.report(tally);
  }
  return tally;
}

}  // namespace shardproof::reports
