#pragma once

#include <cstdint>
#include <string>

namespace shardproof {

/// Bytes of a disk that are kept for later, by a file that goes with this or when it is released:
/// then what has to be written last finds room, however full others have made the disk meanwhile.
/// Where the file system keeps nothing, or has not so much, nothing is kept.
class ReservedSpace {
 public:
  ReservedSpace(std::string path, std::int64_t bytes);
  ~ReservedSpace() { release(); }
  ReservedSpace(const ReservedSpace&) = delete;
  ReservedSpace& operator=(const ReservedSpace&) = delete;

  void release();

 private:
  std::string path_;  // "" once it is released
};

}  // namespace shardproof
