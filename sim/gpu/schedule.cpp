#include "sim/gpu/schedule.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <string>

#include "scenarios/errors.hpp"
#include "sim/gpu/runtime.hpp"

namespace shardproof::sim::gpu {
namespace {

struct Chosen {
  Schedule schedule;
  std::uint64_t state = 0;  // of the generator
};

Schedule initial() {
  const char* text = std::getenv("SHARDPROOF_GPU_SCHEDULE");
  if (text == nullptr) return {};
  try {
    return schedule_from(text);
  } catch (const ScenarioError& error) {
    throw ScenarioError("SHARDPROOF_GPU_SCHEDULE: " + std::string(error.what()));
  }
}

Chosen& chosen() {
  static Chosen now = [] {
    const Schedule first = initial();
    return Chosen{first, first.seed};
  }();
  return now;
}

// SplitMix64: Steele, Lea & Flood 2014, doi:10.1145/2714064.2660195, figure 17.
std::uint64_t next_number() {
  std::uint64_t z = chosen().state += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

}  // namespace

Schedule schedule_from(std::string_view text) {
  if (text == "latest") return {Schedule::Kind::latest};
  if (text == "earliest") return {Schedule::Kind::earliest};
  constexpr std::string_view random = "random:";
  if (text.starts_with(random)) {
    const std::string_view number = text.substr(random.size());
    Schedule schedule{Schedule::Kind::random};
    const char* end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data(), end, schedule.seed);
    if (error == std::errc{} && stop == end) return schedule;
  }
  throw ScenarioError("schedule \"" + std::string(text) +
                      "\": expected latest, earliest or random:SEED");
}

std::string to_string(const Schedule& schedule) {
  switch (schedule.kind) {
    case Schedule::Kind::latest: return "latest";
    case Schedule::Kind::earliest: return "earliest";
    case Schedule::Kind::random: break;
  }
  return "random:" + std::to_string(schedule.seed);
}

void set_schedule(const Schedule& schedule) { chosen() = {schedule, schedule.seed}; }
Schedule schedule() { return chosen().schedule; }

std::uint32_t next_choice(std::uint32_t limit) {
  return static_cast<std::uint32_t>((next_number() >> 32) * limit >> 32);
}

void fill_with_order(std::vector<std::uint32_t>& order, std::uint32_t count) {
  order.resize(count);
  std::iota(order.begin(), order.end(), 0U);
  switch (schedule().kind) {
    case Schedule::Kind::latest: return;
    case Schedule::Kind::earliest: std::ranges::reverse(order); return;
    case Schedule::Kind::random: break;
  }
  for (std::uint32_t i = count; i > 1; --i) std::swap(order[i - 1], order[next_choice(i)]);
}

}  // namespace shardproof::sim::gpu
