#include "scenarios/hdf5/group_cache.hpp"

#include "scenarios/hdf5/group.hpp"

namespace shardproof::hdf5 {

const Handle& GroupCache::enter(const std::string& path) {
  if (open_.is_open() && path == open_path_) return open_;
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string prefix = path.substr(0, end);
    if (created_.insert(prefix).second) create_group(*file_, prefix);
    if (end == std::string::npos) break;
  }
  open_ = open_group(*file_, path);
  open_path_ = path;
  return open_;
}

}  // namespace shardproof::hdf5
