#include "sim/gpu/fault.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "sim/gpu/kernel_name.hpp"
#include "sim/gpu/memory.hpp"
#include "sim/gpu/running.hpp"

namespace shardproof::sim::gpu {
namespace {

struct sigaction before;

/// Who did it: the engine's host code, enqueued work, or a kernel that went around its views.
std::string who() {
  const std::string& op = running.work != nullptr ? *running.label : current_label();
  const std::string of = op.empty() ? "" : ", of " + op + ",";
  if (running.kernel != nullptr)
    return "kernel " + kernel_name(running.kernel) + of + " touched, by a bare pointer, ";
  if (running.work != nullptr) return *running.work + of + " touched ";
  return "the host touched " + (op.empty() ? "" : "(while " + op + " was asked for) ");
}

// The fault is the program's own, in code that holds no lock of the allocator: memory can be had.
void tell(int signal, siginfo_t* info, void* context) {
  const Allocation* const found = find(info->si_addr);
  if (found == nullptr) {
    const bool forward = (before.sa_flags & SA_SIGINFO) != 0;
    if (forward) return before.sa_sigaction(signal, info, context);
    if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
      return before.sa_handler(signal);
  } else {
    const auto offset = static_cast<std::byte*>(info->si_addr) - found->device;
    const std::string text = "simulated GPU: " + who() + "device memory: byte " +
                             std::to_string(offset) + " of " + describe(*found) +
                             (found->alive ? "" : ", which was freed") + "\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text.data(), text.size());
  }
  // Back where it happened, it happens again and ends the process.
  ::signal(signal, SIG_DFL);
}

/// A fault of a thread whose stack is full needs another stack.
void give_signals_a_stack() {
  static std::vector<std::byte> stack(std::size_t{1} << 18);
  stack_t now{};
  sigaltstack(nullptr, &now);
  if ((now.ss_flags & SS_ONSTACK) != 0) return;
  if ((now.ss_flags & SS_DISABLE) == 0 && now.ss_size >= stack.size()) return;
  stack_t larger{};
  larger.ss_sp = stack.data();
  larger.ss_size = stack.size();
  sigaltstack(&larger, nullptr);
}

}  // namespace

void watch_faults() {
  struct sigaction now {};
  sigaction(SIGSEGV, nullptr, &now);
  if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == tell) return;
  give_signals_a_stack();
  before = now;
  struct sigaction ours {};
  ours.sa_sigaction = tell;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&ours.sa_mask);
  sigaction(SIGSEGV, &ours, nullptr);
}

}  // namespace shardproof::sim::gpu
