#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "scenarios/hdf5/handle.hpp"
#include "scenarios/shape.hpp"

namespace shardproof::hdf5 {

/// Contiguous and unfiltered, as all are.
Handle create_dataset(const Handle& parent, const std::string& name, const Handle& type,
                      const Shape& shape);
Handle open_dataset(const Handle& parent, const std::string& path);
void write_dataset(const Handle& dataset, const Handle& type, std::span<const std::byte> bytes);
Shape shape_of(const Handle& dataset);
bool has_type(const Handle& dataset, const Handle& type);
/// All elements, unconverted; `bytes` has their size.
void read_dataset(const Handle& dataset, const Handle& type, std::span<std::byte> bytes);
/// The elements of a box of the dataset, row-major, and no others; `bytes` has their size.
void read_box(const Handle& dataset, const Handle& type, const Region& box,
              std::span<std::byte> bytes);

/// Where the bytes of a contiguous dataset lie in the file, one after another; nothing if they lie
/// otherwise, or there are none.
std::optional<std::uint64_t> offset_in_file(const Handle& dataset);

/// A string dataset of any length.
Handle write_long_text(const Handle& parent, const std::string& name, const std::string& text);
std::string read_long_text(const Handle& dataset);

}  // namespace shardproof::hdf5
