#pragma once

#include <cstdint>
#include <string>

#include "scenarios/random/draw.hpp"

namespace shardproof {

struct CampaignOptions {
  std::uint64_t seed = 1;  // the first
  int count = 100;
  int runs = 200;  // to make one smaller; 0: it is left as it is
  bool faulty = false, real = false;
  std::string out = "shardproof-fuzz";
};

/// Draws a scenario of each seed, and leaves in `out` those that end wrongly, each made smaller,
/// and fuzz.json; tells of them on stdout. Returns how many those are. What has been found when it
/// is interrupted is told, too.
int run_campaign(const CampaignOptions& options, const Laboratory& laboratory);

}  // namespace shardproof
