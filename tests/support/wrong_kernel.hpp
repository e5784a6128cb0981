#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "real/cpu/device.hpp"

namespace shardproof::tests {

/// What goes wrong in a call of a kernel, once the right one has written its outputs.
using KernelFault = std::function<void(const real::KernelCall&)>;

/// The processor, with one kernel that goes wrong in one op and in no other. A row of the device's
/// table is replaced, below the program: what a rank runs, and what it says that it runs, is as it
/// was. A kernel knows nothing of ops, so the device remembers the one that was begun.
class WrongKernelDevice : public real::CpuDevice {
 public:
  WrongKernelDevice(OpKind kind, std::string op, KernelFault fault)
      : right_(CpuDevice::kernels().find(kind)),
        op_(std::move(op)),
        fault_(std::move(fault)),
        table_({rows_with({kind, run})}) {}

  const real::KernelTable& kernels() const override { return table_; }
  void begin_op(const std::string& name) override { current_op_ = name; }

 private:
  static void run(real::Device& device, const real::KernelCall& call) {
    auto& self = static_cast<WrongKernelDevice&>(device);
    self.right_(device, call);
    if (self.current_op_ == self.op_) self.fault_(call);
  }

  std::span<const real::KernelRow> rows_with(const real::KernelRow& wrong) {
    for (const OpRow& row : op_table())
      if (const real::Kernel kernel = CpuDevice::kernels().find(row.kind))
        rows_.push_back(row.kind == wrong.kind ? wrong : real::KernelRow{row.kind, kernel});
    return rows_;
  }

  real::Kernel right_;
  std::string op_;
  KernelFault fault_;
  std::string current_op_;
  std::vector<real::KernelRow> rows_;
  real::KernelTable table_;
};

}  // namespace shardproof::tests
