#include "reports/checks/baseline.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>

#include "reports/checks/table.hpp"
#include "reports/verdict/findings.hpp"
#include "scenarios/config/scenario_writer.hpp"
#include "scenarios/digest/saved_files.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/plan/program_json.hpp"

namespace shardproof::reports {

namespace {

/// Where a rank's digest is first unlike that of the judged run.
struct Unlike {
  int rank = 0;
  std::optional<AccessRecord> first;  // nothing: it wrote less, or only its collectives differ
  std::string what;                   // "blocks 3, 7-9 of 16"
  std::int64_t values = 0;            // that have other bits, as far as both ran the same ops

  std::int64_t sequence() const {
    return first ? first->sequence : std::numeric_limits<std::int64_t>::max();
  }
};

bool one_place(const AccessRecord& a, const AccessRecord& b) {
  return a.moment == b.moment && a.sequence == b.sequence && a.segment == b.segment &&
         a.op == b.op && a.value == b.value && a.version == b.version;
}

// Those of one writing.
std::vector<std::uint64_t> blocks_of(const RankDigest& digest, std::size_t writing) {
  const auto found = std::ranges::equal_range(digest.blocks, static_cast<std::int64_t>(writing), {},
                                              &BlockRecord::access);
  std::vector<std::uint64_t> hashes;
  for (const BlockRecord& block : found) hashes.push_back(block.hash);
  return hashes;
}

// "3, 7-9"
std::string ranges_text(const std::vector<std::size_t>& numbers) {
  constexpr std::size_t shown = 8;
  std::string text;
  std::size_t ranges = 0;
  for (std::size_t i = 0; i < numbers.size(); ++ranges) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (ranges == shown) return text + ", ...";
    text += (text.empty() ? "" : ", ") + std::to_string(numbers[i]);
    if (last > i) text += "-" + std::to_string(numbers[last]);
    i = last + 1;
  }
  return text;
}

std::string unlike_blocks(const RankDigest& was, const RankDigest& is, std::size_t writing) {
  const auto before = blocks_of(was, writing), now = blocks_of(is, writing);
  if (before.size() != now.size()) return "another number of blocks";
  if (now.empty()) return "its only block";
  std::vector<std::size_t> unlike;
  for (std::size_t i = 0; i < now.size(); ++i)
    if (before[i] != now[i]) unlike.push_back(i);
  return (unlike.size() == 1 ? "block " : "blocks ") + ranges_text(unlike) + " of " +
         std::to_string(now.size());
}

std::optional<Unlike> unlike(const RankDigest& was, const RankDigest& is, int rank) {
  Unlike found{rank, {}, "", 0};
  const std::size_t both = std::min(was.writes.size(), is.writes.size());
  std::size_t i = 0;
  for (; i < both && one_place(was.writes[i], is.writes[i]); ++i) {
    if (was.writes[i].hash == is.writes[i].hash) continue;
    if (!found.first) {
      found.first = is.writes[i];
      found.what = unlike_blocks(was, is, i);
    }
    ++found.values;
  }
  if (found.first) return found;
  if (i < is.writes.size()) found.first = is.writes[i];
  if (i < both || was.writes.size() != is.writes.size()) {
    found.what = i < is.writes.size() ? "another op than in the judged run" : "it ended earlier";
    return found;
  }
  if (was.collectives == is.collectives) return std::nullopt;
  found.what = "its collectives are not those of the judged run";
  return found;
}

/// One execution beside the same of the judged run.
class ExecutionDigests {
 public:
  ExecutionDigests(const BaselineReader& baseline, const RecordedTrace& trace, Tally& tally)
      : trace_(trace) {
    const Baseline::Run* run = baseline.about().run(trace.execution());
    if (run == nullptr) {
      problem_ = "the baseline was judged without it";
    } else if (run->world != trace.world()) {
      problem_ = "the baseline is of " + std::to_string(run->world) + " ranks";
    } else {
      compare(baseline, tally);
      compare_saved(run->files);
    }
  }

  bool is_alike() const { return problem_.empty() && unlike_.empty(); }

  /// "sim: OP, step 0, ranks 0, 1": of one that is unlike.
  std::string place() const {
    if (!unlike_.empty() && unlike_.front().first)
      return trace_.execution() + ": " + divergence().op + ", " +
             in_words(unlike_.front().first->moment) + ", " + ranks_text(first_ranks());
    return trace_.execution() + ": " + (problem_.empty() ? details() : problem_);
  }

  /// "rank 0: blocks 3, 7-9 of 16; 312 values have other bits"
  std::string details() const {
    std::string text;
    std::int64_t values = 0;
    for (const Unlike& each : unlike_) values += each.values;
    constexpr std::size_t shown = 4;
    const auto ranks = first_ranks();
    for (std::size_t i = 0; i < std::min(shown, ranks.size()); ++i)
      text += (i ? ", rank " : "rank ") + std::to_string(ranks[i]) + ": " + unlike_[i].what;
    if (values > 0)
      text += "; in all " + std::to_string(values) + " of " + std::to_string(compared_) +
              " values have other bits";
    return text + other_programs();
  }

  FirstDivergence divergence() const {
    FirstDivergence divergence;
    divergence.execution = trace_.execution();
    if (unlike_.empty() || !unlike_.front().first) return divergence;
    const AccessRecord& first = *unlike_.front().first;
    const int rank = unlike_.front().rank;
    const Program program = program_from_json(
        parse_json(trace_.reader().header(rank).program_json, "rank " + std::to_string(rank)));
    const Op& op = program.segments.at(static_cast<std::size_t>(first.segment))
                       .ops.at(static_cast<std::size_t>(first.op));
    divergence.moment = first.moment;
    divergence.phase = op.phase;
    divergence.op = full_name(op);
    divergence.tensor = folder_of(first.moment) + "/" + program.value(first.value).name;
    divergence.ranks = first_ranks();
    divergence.rank = rank;
    divergence.reason = details();
    return divergence;
  }

 private:
  void compare(const BaselineReader& baseline, Tally& tally) {
    for (int rank = 0; rank < trace_.world(); ++rank) {
      const RankDigest is = digest_of(trace_.reader(), rank);
      compared_ += std::ssize(is.writes);
      if (auto found = unlike(baseline.digest(trace_.execution(), rank), is, rank))
        unlike_.push_back(std::move(*found));
      if (trace_.reader().header(rank).program_hash != baseline.about().program_hash)
        other_programs_.push_back(rank);
    }
    tally.add(compared_, 0, Proof::bitwise);
    std::ranges::stable_sort(unlike_, {}, &Unlike::sequence);
    if (unlike_.empty() && !other_programs_.empty()) problem_ = other_programs();
  }

  // Of bits that were saved as they were computed the rest has said enough.
  void compare_saved(const std::map<std::string, std::string>& was) {
    if (!is_alike()) return;
    const auto is = saved_files(trace_.reader().folder());
    std::set<std::string> names;
    for (const auto& [name, hash] : was) names.insert(name);
    for (const auto& [name, hash] : is) names.insert(name);
    for (const std::string& name : names) {
      const auto before = was.find(name), now = is.find(name);
      if (before != was.end() && now != is.end() && before->second == now->second) continue;
      problem_ = name + (before == was.end() ? " was not saved by the judged run"
                         : now == is.end()   ? " is not there"
                                             : " has other bytes, though all that was computed is "
                                               "alike");
      return;
    }
  }

  // Those of the op that is unlike first.
  std::vector<int> first_ranks() const {
    std::vector<int> ranks;
    for (const Unlike& each : unlike_)
      if (each.sequence() == unlike_.front().sequence()) ranks.push_back(each.rank);
    return ranks;
  }

  std::string other_programs() const {
    return other_programs_.empty() ? ""
                                   : (unlike_.empty() ? "" : "; ") + ranks_text(other_programs_) +
                                         " ran another program than the judged run";
  }

  const RecordedTrace& trace_;
  std::string problem_;         // what forbids to compare ranks, or is not of one
  std::vector<Unlike> unlike_;  // by sequence, then rank
  std::vector<int> other_programs_;
  std::int64_t compared_ = 0;
};

// What may have changed the bits comes first; the rest follows by name.
std::vector<std::string> in_order(const std::set<std::string>& keys) {
  constexpr std::array first{"commit", "version", "compiler", "blas",   "mpi",
                             "libc",   "cpu",     "host",     "device", "driver",
                             "cuda",   "cublas",  "nccl",     "cores",  "fingerprint"};
  std::vector<std::string> ordered;
  for (const char* key : first)
    if (keys.contains(key)) ordered.push_back(key);
  for (const std::string& key : keys)
    if (std::ranges::find(first, key) == first.end()) ordered.push_back(key);
  return ordered;
}

void add_changes(const std::map<std::string, std::string>& was,
                 const std::map<std::string, std::string>& is, std::vector<std::string>& changes) {
  std::set<std::string> keys;
  for (const auto* settings : {&was, &is})
    for (const auto& [key, value] : *settings) keys.insert(key);
  const auto value = [](const auto& settings, const std::string& key) {
    const auto found = settings.find(key);
    return found == settings.end() ? std::string("not told") : found->second;
  };
  for (const std::string& key : in_order(keys)) {
    if (value(was, key) == value(is, key)) continue;
    const std::string change = key + ": " + value(was, key) + ", now " + value(is, key);
    if (std::ranges::find(changes, change) == changes.end()) changes.push_back(change);
  }
}

BaselineUse use_of(const BaselineReader& baseline,
                   const std::vector<const RecordedTrace*>& traces) {
  BaselineUse use{baseline.path(), baseline.about().judged, {}};
  for (const RecordedTrace* trace : traces)
    if (const Baseline::Run* run = baseline.about().run(trace->execution()))
      add_changes(run->settings, settings_of(trace->reader()), use.changes);
  return use;
}

}  // namespace

void expect_usable(const BaselineReader& baseline, const Scenario& scenario,
                   const std::string& program_hash) {
  const Baseline& about = baseline.about();
  const auto refuse = [&](const std::string& why) { throw ScenarioError(baseline.path() + why); };
  const RunIdentity identity(hashed_scenario(scenario),
                             program_hash.empty() ? about.program_hash : program_hash);
  if (const std::string part = about.identity().difference(identity); !part.empty())
    refuse(": a baseline of another " + part + ": it says nothing of " + scenario.name);
  for (const Execution execution : scenario.executions)
    if (execution != Execution::reference && about.run(name_of(execution)) == nullptr)
      refuse(std::string(": the baseline was judged without ") + name_of(execution));
  if (about.judge != judge_identity())
    refuse(": judged by another judge than this one (" + about.judge + ", this is " +
           judge_identity() +
           "): judge it again, by shardproof judge where its traces still lie beside it, or by a "
           "run in full");
  baseline.check_all();
}

BaselineFindings compare_with_baseline(const BaselineReader& baseline,
                                       const std::vector<const RecordedTrace*>& traces) {
  BaselineFindings findings{Tally("baseline", Proof::bitwise), use_of(baseline, traces), {}};
  std::string alike;
  std::optional<ExecutionDigests> first;
  for (const RecordedTrace* trace : traces) {
    ExecutionDigests digests(baseline, *trace, findings.tally);
    if (digests.is_alike())
      alike += (alike.empty() ? "" : ", ") + trace->execution();
    else if (!first)
      first.emplace(std::move(digests));
  }
  if (!first) return findings;
  findings.tally.unknown("unlike the judged run of " + baseline.about().judged + ": " +
                         first->place() + (alike.empty() ? "" : " (alike: " + alike + ")"));
  if (FirstDivergence divergence = first->divergence(); !divergence.op.empty())
    findings.first = std::move(divergence);
  return findings;
}

}  // namespace shardproof::reports
