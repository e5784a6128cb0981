#pragma once

#include <string>
#include <vector>

#include "scenarios/hdf5/handle.hpp"

namespace shardproof::hdf5 {

Handle create_group(const Handle& parent, const std::string& name);
Handle open_group(const Handle& parent, const std::string& name);
/// A group or a dataset.
Handle open_object(const Handle& parent, const std::string& name);
bool is_group(const Handle& object);
bool has_link(const Handle& parent, const std::string& name);
/// In the order in which the file has them.
std::vector<std::string> names_in(const Handle& group);

}  // namespace shardproof::hdf5
