#pragma once

#include <cstdint>
#include <utility>

/// The part of HDF5's C API that traces need. Every call is checked: a failure is an
/// EnvironmentError with the call, the file and HDF5's own message. No HDF5 type leaves this
/// folder.
///
///     auto file = hdf5::create_file("a.h5");
///     auto type = hdf5::element_type(Dtype::bf16);
///     auto dataset = hdf5::create_dataset(file, "x", type, {2, 3});
///     hdf5::write_dataset(dataset, type, bytes);
namespace shardproof::hdf5 {

/// An open HDF5 object of any kind (an hid_t); closed when it goes.
class Handle {
 public:
  Handle() = default;
  explicit Handle(std::int64_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle();
  std::int64_t id() const { return id_; }
  bool is_open() const { return id_ >= 0; }

 private:
  std::int64_t id_ = -1;
};

}  // namespace shardproof::hdf5
