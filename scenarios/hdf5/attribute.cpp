#include "scenarios/hdf5/attribute.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"
#include "scenarios/hdf5/hdf5_call.hpp"
#include "scenarios/hdf5/space.hpp"
#include "scenarios/hdf5/types.hpp"

namespace shardproof::hdf5 {

namespace {

herr_t append_attribute_name(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

void write_attribute(const Handle& object, const std::string& name, const Handle& type,
                     const Shape& shape, const void* values) {
  const Handle attribute = owned(H5Acreate2(object.id(), name.c_str(), type.id(),
                                            space_of(shape).id(), H5P_DEFAULT, H5P_DEFAULT),
                                 "H5Acreate2", object.id());
  check(H5Awrite(attribute.id(), type.id(), values), "H5Awrite", object.id());
}

bool has_attribute(const Handle& object, const std::string& name) {
  return check(H5Aexists(object.id(), name.c_str()), "H5Aexists", object.id()) > 0;
}

void write_number(const Handle& object, const std::string& name, std::uint64_t value) {
  const Handle type = owned(H5Tcopy(H5T_STD_U64LE), "H5Tcopy");
  if (has_attribute(object, name)) {
    const Handle attribute =
        owned(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), "H5Aopen", object.id());
    check(H5Awrite(attribute.id(), type.id(), &value), "H5Awrite", object.id());
  } else {
    write_attribute(object, name, type, {}, &value);
  }
}

std::uint64_t read_number(const Handle& object, const std::string& name) {
  const Handle attribute =
      owned(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), "H5Aopen", object.id());
  std::uint64_t value = 0;
  check(H5Aread(attribute.id(), H5T_NATIVE_UINT64, &value), "H5Aread", object.id());
  return value;
}

void write_text(const Handle& object, const std::string& name, const std::string& text) {
  SHARDPROOF_EXPECTS(text.size() <= 60'000, name, text.size());
  const Handle type = text_type(std::max<std::size_t>(text.size(), 1));
  write_attribute(object, name, type, {}, text.c_str());
}

std::string read_text(const Handle& object, const std::string& name) {
  const Handle attribute =
      owned(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), "H5Aopen", object.id());
  const Handle type = owned(H5Aget_type(attribute.id()), "H5Aget_type", object.id());
  std::string text(H5Tget_size(type.id()), '\0');
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) != 0) {
    throw EnvironmentError(file_of(object.id()) + ": attribute " + name + " is not a fixed string");
  }
  check(H5Aread(attribute.id(), type.id(), text.data()), "H5Aread", object.id());
  return text.c_str();
}

std::vector<std::string> attribute_names(const Handle& object) {
  std::vector<std::string> names;
  check(
      H5Aiterate2(object.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, append_attribute_name, &names),
      "H5Aiterate2", object.id());
  return names;
}

}  // namespace shardproof::hdf5
