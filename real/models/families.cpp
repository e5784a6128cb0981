#include "real/models/families.hpp"

#include <map>

#include "scenarios/errors.hpp"

namespace shardproof::real {

FamilyLowering family_lowering(const std::string& family) {
  static const std::map<std::string, FamilyLowering> families{
      {"llama", lower_llama},
  };
  const auto found = families.find(family);
  if (found == families.end())
    throw ScenarioError("the engine cannot lower a model of family '" + family + "'");
  return found->second;
}

}  // namespace shardproof::real
