#pragma once

#include <cstddef>
#include <functional>

namespace shardproof::blas {

/// What OpenBLAS maps at its first product, and again for each that is under way beside others, and
/// keeps. Where the system refuses (`ulimit -v`), it
/// asks again for ever: measured with 0.3.21.
constexpr std::size_t kWorkSpace = std::size_t{128} << 20;

/// Makes OpenBLAS take its work space by `product`, the first of this process, which must be large
/// enough to need it. Throws EnvironmentError, before the call, if so many bytes are not to be had;
/// should the library want more than that, the process ends with status 3 and a sentence on stderr
/// as soon as the call has computed for some seconds.
void take_work_space(const std::function<void()>& product, std::size_t bytes = kWorkSpace);

/// Whether a further one would leave as much again to those who compute.
bool has_room_for_work_space();

}  // namespace shardproof::blas
