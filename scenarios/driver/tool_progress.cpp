#include "scenarios/driver/tool_progress.hpp"

#include <unistd.h>

#include <iostream>
#include <string_view>

#include "scenarios/driver/supervisor.hpp"

namespace shardproof {

namespace {

volatile sig_atomic_t writing = 0;
volatile sig_atomic_t stopped_by = 0;

// It may interrupt anything: only calls that are safe there.
void on_signal(int signal) {
  const bool again = stopped_by != 0;
  stopped_by = signal;
  if (again) ::_exit(128 + signal);  // what is being written does not end
  if (writing != 0) return;
  constexpr std::string_view words = "\nshardproof: interrupted: nothing was written yet\n";
  if (::write(STDERR_FILENO, words.data(), words.size()) < 0) ::_exit(128 + signal);
  ::_exit(128 + signal);
}

}  // namespace

ToolProgress::ToolProgress(std::string name, std::string left, const Unit& unit)
    : name_(std::move(name)),
      left_(std::move(left)),
      unit_(unit),
      display_(std::cerr, stderr_is_terminal()) {
  writing = 0;
  stopped_by = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  const auto take = [&](int signal, struct sigaction& before) {
    ::sigaction(signal, nullptr, &before);
    // A shell lets what runs in the background ignore its interrupts.
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  };
  take(SIGINT, interrupt_before_);
  take(SIGTERM, terminate_before_);
}

ToolProgress::~ToolProgress() {
  ::sigaction(SIGINT, &interrupt_before_, nullptr);
  ::sigaction(SIGTERM, &terminate_before_, nullptr);
  display_.clear();
}

void ToolProgress::report(std::int64_t done, std::int64_t all) {
  writing = 1;
  if (stopped_by != 0) throw Interrupted(stopped_by, name_ + ": " + left_);
  const std::int64_t percent = all > 0 ? 100 * done / all : 100;
  if (percent == percent_) return;
  percent_ = percent;
  display_.show({name_, unit_.name, done >> unit_.power, all >> unit_.power});
}

}  // namespace shardproof
