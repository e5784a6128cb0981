#include "reports/checks/exact.hpp"

#include "reports/traces/assembled_tensor.hpp"
#include "reports/values/ranges.hpp"
#include "reports/verdict/findings.hpp"
#include "scenarios/exact/exact.hpp"

namespace shardproof::reports {

namespace {

// The norm alone is a square root, rounded to where it is kept.
bool is_rounded(const std::string& path) { return path.ends_with("/scalar/grad_norm"); }

bool are_numbers_of(Dtype dtype, const TensorView& reference) {
  bool all = true;
  for_each_decoded(reference, [&](Numbers some) { all = all && all_representable(dtype, some); });
  return all;
}

// Every copy of a tensor that the reference has, too.
void compare(const RecordedTrace& trace, const std::vector<StoredDataset>& copies,
             const AssembledView& reference, Tally& tally, Findings& findings) {
  for (const StoredDataset& copy : copies) {
    if (copy.info.full_shape != reference.elements->shape()) continue;  // coverage says so
    if (!is_rounded(copy.info.path) && !are_numbers_of(copy.info.dtype, *reference.elements)) {
      tally.unknown("the reference's " + copy.info.path + " is no tensor of " +
                    name_of(copy.info.dtype) + ", though it was proved to be one");
      continue;
    }
    const SharedTensor expected = rounded_to(copy.info.dtype, reference.elements);
    compare_stored(trace, copy, *as_stored(expected, copy.info.regions),
                   "it is not the reference's number, and nothing here is rounded", tally,
                   findings);
  }
}

void check_trace(const JudgeContext& context, const RecordedTrace& trace, Tally& tally) {
  Findings findings;
  for (const auto& [path, copies] : context.reference->datasets()) {
    const auto recorded = trace.reader().datasets().find(path);
    if (recorded == trace.reader().datasets().end()) continue;
    const AssembledView reference = assembled_view(*context.reference, path, 0);
    if (!reference.problem.empty()) {
      tally.unknown("reference: " + reference.problem);
      continue;
    }
    for (const StoredDataset* part : reference.copies) context.reference->check(*part);
    compare(trace, recorded->second, reference, tally, findings);
  }
  findings.report(tally);
}

}  // namespace

Tally check_exact(const JudgeContext& context) {
  Tally tally("exact", Proof::bitwise);
  if (context.reference == nullptr) {
    tally.not_run("there is no trace of the reference");
    return tally;
  }
  if (const std::string why = why_not_exact(context.scenario); !why.empty()) {
    tally.unknown("its numbers are not all exact: " + why);
    return tally;
  }
  for (const RecordedTrace* trace : context.traces) check_trace(context, *trace, tally);
  return tally;
}

}  // namespace shardproof::reports
