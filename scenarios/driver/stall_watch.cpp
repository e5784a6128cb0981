#include "scenarios/driver/stall_watch.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <utility>

#include "scenarios/listed.hpp"

namespace shardproof {

namespace {

std::string in_seconds(double seconds) { return std::to_string(std::llround(seconds)) + " s"; }

// Two hosts may have processes of one number.
std::string key(const PulseRecord& pulse) {
  return pulse.host + "." + std::to_string(pulse.process);
}

// The letter behind the name in /proc/PID/stat, which may have blanks and brackets; 0 if the
// process is gone.
char state_of(const PulseRecord& pulse) {
  std::ifstream file("/proc/" + std::to_string(pulse.process) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return 0;
  const auto end = line.rfind(')');
  return end == std::string::npos || end + 2 >= line.size() ? 0 : line[end + 2];
}

// "is stopped by a signal at step 0: forward/norm"
std::string activity(const PulseRecord& pulse) {
  const std::string at = pulse.what.empty() ? "at its start" : "at " + pulse.what;
  const bool here = pulse.host == host_name();
  const char state = here ? state_of(pulse) : 'S';
  if (state == 'T' || state == 't') return "is stopped by a signal " + at;
  if (state == 0 || state == 'Z') return "is gone, last seen " + at;
  if (waits(pulse.doing)) return "waits " + at;
  return (here ? "is " : "(on " + pulse.host + ") is ") + at;
}

// Who does the same: "rank 0", "ranks 1 and 3" as the names come.
std::string names(const std::vector<std::string>& who) {
  if (who.size() == 1) return who[0].empty() ? "it" : who[0];
  std::vector<std::string> numbers;
  for (const std::string& name : who) numbers.push_back(name.substr(name.rfind(' ') + 1));
  return "ranks " + listed(numbers, "and");
}

}  // namespace

std::vector<StallWatch::Silence> StallWatch::silences(const std::vector<PulseRecord>& pulses,
                                                      Time now) {
  std::vector<Silence> all;
  for (const PulseRecord& pulse : pulses) {
    Seen& seen = seen_[key(pulse)];
    if (std::exchange(seen.beats, pulse.beats) != pulse.beats) seen.since = now;
    all.push_back({&pulse, std::chrono::duration<double>(now - seen.since).count()});
  }
  return all;
}

double StallWatch::limit(const PulseRecord& pulse) const {
  if (limits_.seconds) return *limits_.seconds;
  if (pulse.doing == Doing::starting || pulse.doing == Doing::waiting_to_start)
    return limits_.start_seconds + pulse.expected_seconds;
  return std::max(limits_.work_seconds, 10 * pulse.slowest_seconds) + pulse.expected_seconds;
}

bool StallWatch::hangs(const std::vector<Silence>& all, Time now) const {
  double shortest = std::numeric_limits<double>::infinity();  // silence of those that wait
  double longest_limit = 0;
  bool all_wait = true;
  for (const Silence& silence : all) {
    const double allowed = limit(*silence.pulse);
    if (!waits(silence.pulse->doing)) {
      if (silence.seconds > allowed) return true;
      all_wait = false;
    }
    shortest = std::min(shortest, silence.seconds);
    longest_limit = std::max(longest_limit, allowed);
  }
  // Those that are there may wait for others that have yet to be started.
  if (std::ssize(all) < processes_)
    all_wait = all_wait && std::chrono::duration<double>(now - started_).count() >
                               limits_.seconds.value_or(limits_.start_seconds);
  return all_wait && shortest > longest_limit;
}

void StallWatch::forgive(std::chrono::steady_clock::duration pause) {
  started_ += pause;
  for (auto& [name, seen] : seen_) seen.since += pause;
}

std::string StallWatch::describe(const std::vector<Silence>& all) const {
  struct Group {
    std::string activity;
    bool waits;
    std::vector<std::string> who;
    double seconds;
  };
  std::vector<Group> groups;
  for (const auto& [pulse, seconds] : all) {
    const std::string what = activity(*pulse);
    const auto same = std::ranges::find(groups, what, &Group::activity);
    if (same == groups.end()) {
      groups.push_back({what, what.starts_with("waits "), {pulse->who}, seconds});
    } else {
      same->who.push_back(pulse->who);
      same->seconds = std::max(same->seconds, seconds);
    }
  }
  // Those that keep the others waiting first.
  std::ranges::stable_sort(groups, {}, &Group::waits);
  std::string text;
  for (const Group& group : groups) {
    std::string does = group.activity;
    if (group.who.size() > 1 && does.starts_with("is ")) does.replace(0, 2, "are");
    if (group.who.size() > 1 && does.starts_with("waits ")) does.replace(0, 5, "wait");
    text += (text.empty() ? "" : "; ") + names(group.who) + " " + does + " for " +
            in_seconds(group.seconds);
  }
  const auto missing = processes_ - std::ssize(all);
  if (missing > 0)
    text += (text.empty() ? "" : "; ") + std::to_string(missing) + " of its " +
            std::to_string(processes_) + (processes_ == 1 ? " process" : " processes") +
            " never gave a sign";
  return text;
}

std::optional<std::string> StallWatch::look(const std::vector<PulseRecord>& pulses, Time now) {
  const std::vector<Silence> all = silences(pulses, now);
  double silent = std::chrono::duration<double>(now - started_).count();
  if (all.empty()) {
    if (silent <= limits_.seconds.value_or(limits_.start_seconds)) return std::nullopt;
  } else {
    if (!hangs(all, now)) return std::nullopt;
    silent = std::ranges::max(all, {}, &Silence::seconds).seconds;
  }
  return "no progress for " + in_seconds(silent) + ": " + describe(all);
}

}  // namespace shardproof
