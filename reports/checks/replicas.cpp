#include "reports/checks/replicas.hpp"

#include <algorithm>
#include <map>

#include "reports/traces/assembled_tensor.hpp"
#include "reports/verdict/findings.hpp"

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

void check_copies(const RecordedTrace& trace, const Copies& copies, Tally& tally,
                  Findings& findings) {
  const std::int64_t count = element_count(copies.front()->info.regions);
  if (copies.size() < 2) return;
  const StoredDataset& first = *typical(copies);
  trace.reader().check(first);
  for (const StoredDataset* copy : copies) {
    if (have_same_bytes(first, *copy)) {
      trace.reader().check(*copy);
      tally.add(count, 0, Proof::bitwise);
      continue;
    }
    compare_stored(
        trace, *copy, *stored_tensor(trace.reader(), first),
        "its bits differ from those of its replica on rank " + std::to_string(first.rank), tally,
        findings);
  }
}

/// True if replicas hold the tensor in unlike parts, as TP ranks do whose flat vectors differ.
bool cut_differently(const std::vector<Copies>& groups) {
  for (std::size_t a = 0; a < groups.size(); ++a)
    for (std::size_t b = a + 1; b < groups.size(); ++b)
      if (overlap(groups[a].front()->info.regions, groups[b].front()->info.regions)) return true;
  return false;
}

/// Every copy against the same elements of the tensor as rank 0 sees it.
void check_parts(const RecordedTrace& trace, const std::vector<StoredDataset>& copies, Tally& tally,
                 Findings& findings) {
  const AssembledView tensor = assembled_view(trace.reader(), copies.front().info.path, 0);
  if (!tensor.problem.empty()) return tally.fail(trace.execution() + ": " + tensor.problem);
  for (const StoredDataset* part : tensor.copies) trace.reader().check(*part);
  for (const StoredDataset& copy : copies) {
    const bool is_part = std::ranges::any_of(
        tensor.copies, [&](const StoredDataset* part) { return have_same_bytes(*part, copy); });
    if (is_part) {  // check_copies has held it against its hash
      tally.add(element_count(copy.info.regions), 0, Proof::bitwise);
      continue;
    }
    compare_stored(trace, copy, *as_stored(tensor.elements, copy.info.regions),
                   "its bits differ from those of its replicas on other TP ranks", tally, findings);
  }
}

}  // namespace

Tally check_replicas(const JudgeContext& context) {
  Tally tally("replicas", Proof::bitwise);
  for (const RecordedTrace* trace : context.traces) {
    Findings findings;
    for (const auto& [path, stored] : trace->reader().datasets()) {
      const std::vector<Copies> groups = copies_by_regions(stored);
      for (const Copies& copies : groups) check_copies(*trace, copies, tally, findings);
      if (cut_differently(groups)) check_parts(*trace, stored, tally, findings);
    }
    findings.report(tally);
  }
  return tally;
}

}  // namespace shardproof::reports
