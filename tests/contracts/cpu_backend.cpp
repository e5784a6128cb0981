#include "real/cpu/backend.hpp"
#include "tests/contracts/backend_contract.hpp"
#include "tests/contracts/backend_experts_contract.hpp"
#include "tests/contracts/backend_heads_contract.hpp"

namespace shardproof::contract {

std::unique_ptr<Backend> make_backend() { return std::make_unique<real::CpuBackend>(); }

}  // namespace shardproof::contract
