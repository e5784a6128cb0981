#include "scenarios/hdf5/types.hpp"

#include "scenarios/errors.hpp"
#include "scenarios/hdf5/hdf5_call.hpp"

namespace shardproof::hdf5 {

namespace {

Handle sixteen_bit_float(std::size_t exponent_bits, std::size_t mantissa_bits) {
  Handle type = owned(H5Tcopy(H5T_IEEE_F32LE), "H5Tcopy");
  // Fields before size: the library refuses fields outside of the size, and sizes that cut fields.
  check(H5Tset_fields(type.id(), 15, mantissa_bits, exponent_bits, 0, mantissa_bits),
        "H5Tset_fields");
  check(H5Tset_precision(type.id(), 16), "H5Tset_precision");
  check(H5Tset_size(type.id(), 2), "H5Tset_size");
  check(H5Tset_ebias(type.id(), (std::size_t{1} << (exponent_bits - 1)) - 1), "H5Tset_ebias");
  return type;
}

}  // namespace

Handle element_type(Dtype dtype) {
  keep_quiet();
  switch (dtype) {
    case Dtype::fp64: return owned(H5Tcopy(H5T_IEEE_F64LE), "H5Tcopy");
    case Dtype::fp32: return owned(H5Tcopy(H5T_IEEE_F32LE), "H5Tcopy");
    case Dtype::bf16: return sixteen_bit_float(8, 7);
    case Dtype::fp16: return sixteen_bit_float(5, 10);
    case Dtype::int64: return owned(H5Tcopy(H5T_STD_I64LE), "H5Tcopy");
  }
  SHARDPROOF_EXPECTS(false, "unknown dtype");
  return {};
}

const Handle& ElementTypes::of(Dtype dtype) {
  const auto found = made_.find(dtype);
  return found != made_.end() ? found->second
                              : made_.emplace(dtype, element_type(dtype)).first->second;
}

Handle text_type(std::size_t bytes) {
  Handle type = owned(H5Tcopy(H5T_C_S1), "H5Tcopy");
  check(H5Tset_size(type.id(), bytes), "H5Tset_size");
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "H5Tset_cset");
  check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "H5Tset_strpad");
  return type;
}

}  // namespace shardproof::hdf5
