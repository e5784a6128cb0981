#pragma once

#include <map>

#include "real/machine/machine.hpp"
#include "tests/contracts/communicator_contract.hpp"

namespace shardproof::contract {

/// A communicator whose tensors lie on a device, for a contract whose tensors lie on the host:
/// takes them there and brings the result back when the collective is complete.
class HostedCommunicator : public Communicator {
 public:
  explicit HostedCommunicator(real::Machine& machine)
      : device_(*machine.device), communicator_(*machine.communicator) {}
  ~HostedCommunicator() override {
    for (const real::TensorView& view : on_device_) device_.release(view.data, view.bytes());
  }
  HostedCommunicator(const HostedCommunicator&) = delete;
  HostedCommunicator& operator=(const HostedCommunicator&) = delete;

  Ticket start(const CollectiveRequest& request) override {
    CollectiveRequest there = request;
    there.input.data = there.output.data = nullptr;
    there.input = copied(request.input, request.stream);
    there.output = copied(request.output, request.stream);
    const Ticket ticket = communicator_.start(there);
    outputs_[ticket] = {there.output, request.output};
    return ticket;
  }
  bool try_complete(Ticket ticket) override {
    if (!communicator_.try_complete(ticket)) return false;
    const auto& [from, to] = outputs_.at(ticket);
    device_.copy_to_host(from, {to.data, to.bytes()}, real::Stream::communication);
    device_.synchronize();
    return true;
  }

 private:
  real::TensorView copied(const real::TensorView& host, real::Stream stream) {
    real::TensorView view = host;
    view.data = device_.allocate(view.bytes());
    on_device_.push_back(view);
    device_.copy_from_host({host.data, host.bytes()}, view, stream);
    return view;
  }

  real::Device& device_;
  Communicator& communicator_;
  std::vector<real::TensorView> on_device_;
  std::map<Ticket, std::pair<real::TensorView, real::TensorView>> outputs_;
};

/// This process's rank of a job, on a machine.
class MachineCluster : public Cluster {
 public:
  MachineCluster(real::Machine machine, Rank rank)
      : machine_(std::move(machine)), communicator_(machine_), rank_(rank) {}
  std::vector<Rank> ranks() const override { return {rank_}; }
  Communicator& of(Rank) override { return communicator_; }
  // Of a misuse NCCL makes what it likes; the simulated one says so in its own words.
  bool tells_mismatches() const override { return false; }

 private:
  real::Machine machine_;
  HostedCommunicator communicator_;
  Rank rank_;
};

}  // namespace shardproof::contract
