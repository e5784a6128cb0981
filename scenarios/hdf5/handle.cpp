#include "scenarios/hdf5/handle.hpp"

#include "scenarios/hdf5/hdf5_call.hpp"

namespace shardproof::hdf5 {

Handle::~Handle() {
  if (id_ >= 0) H5Idec_ref(id_);
}

}  // namespace shardproof::hdf5
