#include "real/device.hpp"

namespace shardproof::real {

std::string describe(const KernelError& error) {
  const std::string value = std::to_string(error.value), limit = std::to_string(error.limit);
  switch (error.code) {
    case KernelError::Code::token: return "token " + value + " is not in [0, " + limit + ")";
    case KernelError::Code::label: return "label " + value + " is not below " + limit;
    case KernelError::Code::expert: return "expert " + value + " is not in [0, " + limit + ")";
    case KernelError::Code::rows:
      return "an expert that was chosen " + value + " times has " + limit + " rows";
  }
  return "?";
}

}  // namespace shardproof::real
