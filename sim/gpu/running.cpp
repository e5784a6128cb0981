#include "sim/gpu/running.hpp"

#include <cuda_runtime.h>
#include <nvtx3/nvToolsExt.h>

#include <vector>

#include "scenarios/errors.hpp"
#include "sim/gpu/kernel_name.hpp"
#include "sim/gpu/runtime.hpp"

namespace shardproof::sim::gpu {
namespace {

std::vector<std::string> labels(1);  // what set_label says, and the ranges that are open
bool lost = false;

std::string place_text(const char* what, std::uint32_t number, const dim3& extents) {
  const std::string name = std::string(what) + " ";
  if (extents.y == 1 && extents.z == 1) return name + std::to_string(number);
  const std::uint32_t x = number % extents.x;
  const std::uint32_t y = number / extents.x % extents.y;
  const std::uint32_t z = number / extents.x / extents.y;
  return name + "(" + std::to_string(x) + ", " + std::to_string(y) + ", " + std::to_string(z) + ")";
}

/// "kernel add_kernel<float>, block 0, thread 5, of model/add: ".
std::string place_of_finding() {
  const std::string& op = running.work != nullptr ? *running.label : current_label();
  const std::string of = op.empty() ? "" : ", of " + op;
  if (running.work == nullptr) return op.empty() ? "" : "while " + op + " is asked for: ";
  if (running.kernel == nullptr) return *running.work + of + ": ";
  std::string text = "kernel " + kernel_name(running.kernel);
  if (running.block_run != 0) text += ", " + block_text(running.block);
  if (running.thread != 0) text += ", " + thread_text(running.thread);
  return text + of + ": ";
}

}  // namespace

Running running;

std::string thread_text(std::uint16_t thread) {
  return place_text("thread", thread - 1U, blockDim);
}
std::string block_text(std::uint32_t block) { return place_text("block", block, gridDim); }

const std::string& current_label() { return labels.back(); }

bool is_lost() { return lost; }
void set_lost(bool now) { lost = now; }

void set_label(const char* label) { labels.front() = label; }

int nvtxRangePushA(const char* name) {
  labels.emplace_back(name);
  return static_cast<int>(labels.size()) - 2;
}

int nvtxRangePop() {
  if (labels.size() > 1) labels.pop_back();
  return static_cast<int>(labels.size()) - 1;
}

void fail(const std::string& what) {
  lost = true;
  throw InvariantError("simulated GPU: " + place_of_finding() + what);
}

}  // namespace shardproof::sim::gpu
