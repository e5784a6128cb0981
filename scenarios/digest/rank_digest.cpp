#include "scenarios/digest/rank_digest.hpp"

#include <algorithm>

#include "scenarios/trace/log_tables.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof {

RankDigest digest_of(const TraceReader& reader, int rank) {
  RankDigest digest;
  const std::vector<AccessRecord>& accesses = reader.accesses(rank);
  std::vector<std::int64_t> written;  // which writing an access is
  written.reserve(accesses.size());
  for (const AccessRecord& access : accesses) {
    written.push_back(std::ssize(digest.writes));
    if (access.write != 0) digest.writes.push_back(access);
  }
  for (const BlockRecord& block : reader.blocks(rank))
    digest.blocks.push_back({written.at(static_cast<std::size_t>(block.access)), block.hash});
  digest.collectives = xxh3(trace_schema::to_table(reader.collectives(rank)).bytes);
  return digest;
}

std::map<std::string, std::string> settings_of(const TraceReader& reader) {
  std::map<std::string, std::vector<std::string>> said;
  for (int rank = 0; rank < reader.world(); ++rank)
    for (const auto& [key, value] : reader.header(rank).settings)
      if (std::vector<std::string>& all = said[key]; std::ranges::find(all, value) == all.end())
        all.push_back(value);
  std::map<std::string, std::string> settings;
  for (const auto& [key, values] : said)
    for (const std::string& value : values)
      settings[key] += (settings[key].empty() ? "" : " and ") + value;
  return settings;
}

}  // namespace shardproof
