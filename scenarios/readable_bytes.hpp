#pragma once

#include <cstdint>
#include <string>

namespace shardproof {

/// "1.5 GiB", "512 bytes".
std::string readable_bytes(std::uint64_t bytes);

}  // namespace shardproof
