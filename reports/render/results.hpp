#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "scenarios/driver/results_listing.hpp"

namespace shardproof::reports {

/// A table for the terminal, with what is to be known of leftovers below it. No row is longer than
/// `columns`, if there are any.
std::string results_text(const std::vector<ListedResults>& all, const std::string& folder,
                         std::size_t columns = 0);
/// Schema "shardproof-results-1".
std::string results_json(const std::vector<ListedResults>& all, const std::string& folder);

}  // namespace shardproof::reports
