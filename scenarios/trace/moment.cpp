#include <charconv>
#include <cstdio>

#include "scenarios/errors.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof {

namespace {

constexpr std::string_view initial_folder = "/initial";
constexpr std::string_view final_folder = "/final";
constexpr std::string_view step_folder = "/step/";
constexpr std::string_view micro_folder = "/micro/";

// Takes `prefix` off the front of `text`, if it is there.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool take_number(std::string_view& text, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

struct Split {
  Moment moment;
  std::string_view name;
};

Split split(const std::string& path) {
  std::string_view rest = path;
  Moment moment;
  bool known = true;
  if (take(rest, step_folder)) {
    moment.stage = Moment::Stage::step;
    known = take_number(rest, moment.step);
    if (known && take(rest, micro_folder)) known = take_number(rest, moment.micro);
  } else if (take(rest, final_folder)) {
    moment.stage = Moment::Stage::final;
  } else {
    known = take(rest, initial_folder);
  }
  if (!known || (!rest.empty() && !take(rest, "/"))) {
    throw ScenarioError(path +
                        ": not a path of a trace: expected /initial/..., /step/NNNNNN/..., "
                        "/step/NNNNNN/micro/N/... or /final/...");
  }
  return {moment, rest};
}

}  // namespace

std::string in_words(const Moment& moment) {
  if (moment.step < 0) return "outside the steps";
  std::string text = "step " + std::to_string(moment.step);
  if (moment.micro >= 0) text += ", micro-step " + std::to_string(moment.micro);
  return text;
}

std::string folder_of(const Moment& moment) {
  if (moment.stage == Moment::Stage::initial) return std::string(initial_folder);
  if (moment.stage == Moment::Stage::final) return std::string(final_folder);
  char step[32];
  std::snprintf(step, sizeof step, "/step/%06d", moment.step);
  return moment.micro < 0 ? step : step + std::string(micro_folder) + std::to_string(moment.micro);
}

Moment moment_of(const std::string& path) { return split(path).moment; }

std::string name_in_folder(const std::string& path) { return std::string(split(path).name); }

}  // namespace shardproof
