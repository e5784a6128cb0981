#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/hdf5/handle.hpp"
#include "scenarios/shape.hpp"

namespace shardproof::hdf5 {

bool has_attribute(const Handle& object, const std::string& name);
/// Over an older value, if there is one.
void write_number(const Handle& object, const std::string& name, std::uint64_t value);
std::uint64_t read_number(const Handle& object, const std::string& name);
/// At most 60,000 bytes: it lies in the object's header, where HDF5 guards it by a checksum.
void write_text(const Handle& object, const std::string& name, const std::string& text);
std::string read_text(const Handle& object, const std::string& name);
std::vector<std::string> attribute_names(const Handle& object);
/// A new attribute of any type and shape; `values` has their size.
void write_attribute(const Handle& object, const std::string& name, const Handle& type,
                     const Shape& shape, const void* values);

}  // namespace shardproof::hdf5
