#include "sim/communicator.hpp"

#include <algorithm>

#include "real/comm/collective.hpp"
#include "real/comm/host_memory.hpp"
#include "sim/reduction_order.hpp"

namespace shardproof::sim {

namespace {
using real::CollectiveRequest;
using real::Communicator;

// A ticket is the collective's number on its axis, and which axis.
Communicator::Ticket ticket_of(std::int64_t number, Axis axis) {
  return 2 * number + static_cast<Communicator::Ticket>(axis);
}
Axis axis_of(Communicator::Ticket ticket) { return ticket % 2 == 0 ? Axis::tp : Axis::dp; }

bool agree(const CollectiveRequest& a, const CollectiveRequest& b) {
  return a.kind == b.kind && a.dtype() == b.dtype() && a.wire == b.wire &&
         a.input.elements() == b.input.elements() && a.origin == b.origin &&
         a.in_rank_order == b.in_rank_order;
}

std::string names_of(const std::vector<Rank>& members) {
  std::string text;
  for (const Rank member : members)
    text += (text.empty() ? "" : ", ") + std::to_string(member.value);
  return "{" + text + "}";
}

std::string describe(const CollectiveRequest& request, const std::vector<Rank>& members) {
  return request.origin + ": " + name_of(request.kind) + " over " + name_of(request.axis) + " " +
         names_of(members) + ", " + std::to_string(request.input.elements()) + " x " +
         name_of(request.dtype()) + ", wire " + name_of(request.wire);
}
}  // namespace

Rendezvous::Rendezvous(const ProcessGrid& grid, ReductionOrder order)
    : grid_(grid),
      order_(order),
      places_(static_cast<std::size_t>(grid.world())),
      waits_(static_cast<std::size_t>(grid.world())) {
  for (int r = 0; r < grid.world(); ++r)
    for (const Axis axis : {Axis::tp, Axis::dp}) {
      const std::vector<Rank> members = grid.group(Rank{r}, axis);
      Place& mine = places_[static_cast<std::size_t>(r)][static_cast<std::size_t>(axis)];
      mine.at = grid.group_rank(Rank{r}, axis);
      mine.group =
          members[0] == Rank{r} ? std::make_shared<Group>() : place(members[0], axis).group;
      mine.group->members = members;
    }
}

const Rendezvous::Place& Rendezvous::place(Rank rank, Axis axis) const {
  return places_[static_cast<std::size_t>(rank.value)][static_cast<std::size_t>(axis)];
}

Rendezvous::Meeting& Rendezvous::meeting(Group& group, std::int64_t number) const {
  const std::size_t size = group.members.size();
  while (group.first_number + std::ssize(group.meetings) <= number)
    group.meetings.push_back({.arrivals = std::vector<std::optional<CollectiveRequest>>(size),
                              .left = std::vector<bool>(size),
                              .result = {}});
  return group.meetings[static_cast<std::size_t>(number - group.first_number)];
}

Communicator::Ticket Rendezvous::start(Rank rank, const CollectiveRequest& request) {
  Place& mine =
      places_[static_cast<std::size_t>(rank.value)][static_cast<std::size_t>(request.axis)];
  real::expect_well_formed(request, grid_.size(request.axis));
  meeting(*mine.group, mine.started).arrivals[static_cast<std::size_t>(mine.at.value)] = request;
  return ticket_of(mine.started++, request.axis);
}

bool Rendezvous::try_complete(Rank rank, Communicator::Ticket ticket) {
  const Place& mine = place(rank, axis_of(ticket));
  const std::int64_t number = ticket / 2;
  Group& group = *mine.group;
  SHARDPROOF_EXPECTS(ticket >= 0 && number < mine.started, ticket, mine.started);
  auto& waits = waits_[static_cast<std::size_t>(rank.value)];
  waits.reset();
  if (number < group.first_number) return true;  // everybody has left that meeting
  Meeting& met = meeting(group, number);
  if (met.left[static_cast<std::size_t>(mine.at.value)]) return true;
  waits = ticket;  // also if there is a mismatch: this is where the rank stays
  expect_agreement(group, met);
  if (!std::ranges::all_of(met.arrivals, [](const auto& a) { return a.has_value(); })) return false;
  waits.reset();
  deliver(group, met, mine.at);
  while (!group.meetings.empty() &&
         std::ranges::all_of(group.meetings.front().left, std::identity())) {
    group.meetings.pop_front();
    ++group.first_number;
  }
  return true;
}

void Rendezvous::expect_agreement(const Group& group, const Meeting& meeting) const {
  std::optional<std::size_t> first;
  for (std::size_t m = 0; m < meeting.arrivals.size(); ++m) {
    if (!meeting.arrivals[m]) continue;
    if (!first) first = m;
    if (agree(*meeting.arrivals[*first], *meeting.arrivals[m])) continue;
    throw CollectiveMismatch("members of a group issued different collectives: rank " +
                             std::to_string(group.members[*first].value) + " " +
                             describe(*meeting.arrivals[*first], group.members) + "; rank " +
                             std::to_string(group.members[m].value) + " " +
                             describe(*meeting.arrivals[m], group.members));
  }
}

/// The result is computed when the first member asks, from inputs that nobody may have changed yet,
/// and written to a member's output only when that member asks: until then it is the member's own.
void Rendezvous::deliver(Group& group, Meeting& meeting, GroupRank to) const {
  const auto member = static_cast<std::size_t>(to.value);
  const CollectiveRequest& request = *meeting.arrivals[member];
  if (!meeting.result) {
    std::vector<std::span<const std::byte>> inputs;
    for (const auto& arrival : meeting.arrivals) inputs.push_back(real::host_bytes(arrival->input));
    meeting.result = result_of(request.kind, order_, request.dtype(), request.wire, inputs,
                               request.in_rank_order);
  }
  SHARDPROOF_EXPECTS(request.output.bytes() == meeting.result->size(), request.origin,
                     group.members[member].value);
  real::copy_bytes(*meeting.result, real::host_bytes(request.output));
  meeting.left[member] = true;
}

std::string Rendezvous::what_it_does(Rank rank) const {
  const auto& ticket = waits_[static_cast<std::size_t>(rank.value)];
  if (!ticket) return "waits in no collective";
  const Place& mine = place(rank, axis_of(*ticket));
  const Group& group = *mine.group;
  const Meeting& met = group.meetings[static_cast<std::size_t>(*ticket / 2 - group.first_number)];
  return "waits in " +
         describe(*met.arrivals[static_cast<std::size_t>(mine.at.value)], group.members);
}

std::string Rendezvous::line_of(Rank rank) const {
  std::string line = "rank " + std::to_string(rank.value) + " " + what_it_does(rank);
  const auto& ticket = waits_[static_cast<std::size_t>(rank.value)];
  if (!ticket) return line + "\n";
  const Group& group = *place(rank, axis_of(*ticket)).group;
  const Meeting& met = group.meetings[static_cast<std::size_t>(*ticket / 2 - group.first_number)];
  for (std::size_t m = 0; m < group.members.size(); ++m) {
    if (met.arrivals[m]) continue;
    line += "; rank " + std::to_string(group.members[m].value) + " has not arrived (it " +
            what_it_does(group.members[m]) + ")";
  }
  return line + "\n";
}

std::string Rendezvous::who_waits_where() const {
  std::string text;
  for (int r = 0; r < grid_.world(); ++r) text += line_of(Rank{r});
  return text;
}

SimCommunicator::SimCommunicator(Rendezvous& rendezvous, Rank rank, real::Device& device)
    : rendezvous_(rendezvous), rank_(rank), device_(device) {
  real::expect_host_memory(device, "the simulated cluster");
}

Communicator::Ticket SimCommunicator::start(const CollectiveRequest& request) {
  device_.wait_on_host(device_.record(request.stream));
  return rendezvous_.start(rank_, request);
}

}  // namespace shardproof::sim
