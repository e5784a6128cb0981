#pragma once

// The contracts that every device must hold.

#include "tests/contracts/device_contract.hpp"
#include "tests/contracts/kernel_contract.hpp"
#include "tests/contracts/kernel_experts_contract.hpp"
#include "tests/contracts/kernel_families_contract.hpp"
#include "tests/contracts/kernel_heads_contract.hpp"
