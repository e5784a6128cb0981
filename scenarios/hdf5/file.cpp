#include "scenarios/hdf5/file.hpp"

#include <array>
#include <utility>

#include "scenarios/errors.hpp"
#include "scenarios/hdf5/hdf5_call.hpp"
#include "scenarios/hdf5/object_properties.hpp"

namespace shardproof::hdf5 {

namespace {

// Advice for the commonest complaint about HDF5 on network file systems.
std::string advice(const std::string& message) {
  const bool locking = message.find("lock") != std::string::npos;
  return locking ? " (a file system without locks? try HDF5_USE_FILE_LOCKING=FALSE)" : "";
}

[[noreturn]] void fail_on_file(const std::string& path, const char* call) {
  const std::string message = library_message();
  fail(path, call, message + advice(message));
}

Handle access_properties() {
  Handle list = new_property_list(H5P_FILE_ACCESS);
  check(H5Pset_libver_bounds(list.id(), H5F_LIBVER_V18, H5F_LIBVER_V110), "H5Pset_libver_bounds");
  check(H5Pset_fclose_degree(list.id(), H5F_CLOSE_STRONG), "H5Pset_fclose_degree");
  check(H5Pset_file_locking(list.id(), false, true), "H5Pset_file_locking");
  check(H5Pset_meta_block_size(list.id(), 1 << 18), "H5Pset_meta_block_size");
  return list;
}

// Metadata that changed since the last flush must not reach the disk before the next one, or a
// killed run would leave a file of two minds. A cache larger than what one step writes keeps it in
// memory.
void keep_metadata_until_flush(const Handle& access) {
  H5AC_cache_config_t config;
  config.version = H5AC__CURR_CACHE_CONFIG_VERSION;
  check(H5Pget_mdc_config(access.id(), &config), "H5Pget_mdc_config");
  config.set_initial_size = true;
  config.initial_size = config.min_size = config.max_size = 64 << 20;
  config.min_clean_fraction = 0;
  config.incr_mode = H5C_incr__off;
  config.flash_incr_mode = H5C_flash_incr__off;
  config.decr_mode = H5C_decr__off;
  check(H5Pset_mdc_config(access.id(), &config), "H5Pset_mdc_config");
}

}  // namespace

Handle create_file(const std::string& path) {
  keep_quiet();
  const Handle access = access_properties();
  keep_metadata_until_flush(access);
  const Handle creation = make_group_properties(H5P_FILE_CREATE);
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id());
  if (file < 0) fail_on_file(path, "H5Fcreate");
  return Handle(file);
}

Handle open_file(const std::string& path) {
  keep_quiet();
  const Handle access = access_properties();
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id());
  if (file < 0) fail_on_file(path, "H5Fopen");
  return Handle(file);
}

void flush(const Handle& file) {
  check(H5Fflush(file.id(), H5F_SCOPE_LOCAL), "H5Fflush", file.id());
}

void close_file(Handle& file) {
  flush(file);
  const std::string path = file_of(file.id());
  const Handle closing = std::move(file);
  if (H5Idec_ref(closing.id()) < 0) fail_on_file(path, "H5Fclose");
}

std::string library_version() {
  unsigned major = 0, minor = 0, release = 0;
  check(H5get_libversion(&major, &minor, &release), "H5get_libversion");
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

}  // namespace shardproof::hdf5
