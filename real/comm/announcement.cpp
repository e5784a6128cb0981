#include "real/comm/announcement.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {
/// What travels: plain numbers, and as much of the op's name as fits (its hash covers the rest).
struct Announcement {
  std::int64_t number;
  std::int64_t bytes;
  std::int64_t kind;
  std::int64_t axis;
  std::int64_t dtype;
  std::int64_t wire;
  std::int64_t origin_hash;
  std::array<char, 200> origin;
};

/// FNV-1a.
std::int64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return static_cast<std::int64_t>(hash);
}

Announcement announcement_of(std::int64_t number, const CollectiveRequest& request) {
  Announcement a{.number = number,
                 .bytes = static_cast<std::int64_t>(request.input.bytes()),
                 .kind = static_cast<std::int64_t>(request.kind),
                 .axis = static_cast<std::int64_t>(request.axis),
                 .dtype = static_cast<std::int64_t>(request.dtype()),
                 .wire = static_cast<std::int64_t>(request.wire),
                 .origin_hash = hash_of(request.origin),
                 .origin = {}};
  std::copy_n(request.origin.data(), std::min(request.origin.size(), a.origin.size() - 1),
              a.origin.data());
  return a;
}

std::string describe(const Announcement& a) {
  const auto dtype = static_cast<Dtype>(a.dtype);
  const auto elements = a.bytes / static_cast<std::int64_t>(size_bytes(dtype));
  return std::string(a.origin.data()) + " (" +
         name_of(static_cast<CollectiveRequest::Kind>(a.kind)) + " over " +
         name_of(static_cast<Axis>(a.axis)) + ", " + std::to_string(elements) + " x " +
         name_of(dtype) + ", wire " + name_of(static_cast<Dtype>(a.wire)) + ", collective " +
         std::to_string(a.number) + ")";
}
/// Everyone's, in group-rank order. What a member knows doubles with each message, as waiting is
/// what small ones cost: with 64 members 6 rounds, and not the ring's 63 (Bruck et al. 1997,
/// doi:10.1109/71.642949).
std::vector<Announcement> gathered(Channel& channel, const Announcement& own) {
  const auto members = static_cast<std::size_t>(channel.size());
  std::vector<Announcement> all(members);  // first of this member, then of those further up
  all[0] = own;
  for (std::size_t known = 1; known < members;) {
    const std::size_t more = std::min(known, members - known);
    const int distance = static_cast<int>(known);
    channel.exchange(neighbour(channel, -distance), std::as_bytes(std::span(all).first(more)),
                     neighbour(channel, +distance),
                     std::as_writable_bytes(std::span(all).subspan(known, more)));
    known += more;
  }
  std::rotate(all.begin(), all.end() - channel.rank().value, all.end());
  return all;
}
}  // namespace

void announce(Channel& channel, std::int64_t number, const CollectiveRequest& request) {
  const std::vector<Announcement> all = gathered(channel, announcement_of(number, request));
  for (std::size_t member = 1; member < all.size(); ++member)
    if (std::memcmp(&all[member], &all[0], sizeof(Announcement)) != 0)
      throw EnvironmentError("members of a group issued different collectives: group rank 0 " +
                             describe(all[0]) + ", group rank " + std::to_string(member) + " " +
                             describe(all[member]));
}

}  // namespace shardproof::real
