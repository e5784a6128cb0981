// Which ops stand next to each other in a program.
#include "scenarios/plan/op_neighbours.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

namespace shardproof::tests {
namespace {

BOOST_AUTO_TEST_SUITE(op_neighbours)

BOOST_AUTO_TEST_CASE(an_op_is_next_to_who_writes_what_it_reads) {
  Program program;
  Op a, b, c, wait;
  a.name = "a";
  a.outputs = {0};
  b.name = "b";
  b.kind = OpKind::all_reduce;
  b.inputs = {0};
  b.outputs = {1};
  wait = b;
  wait.name = "b.wait";
  wait.kind = OpKind::wait;
  wait.inputs = {1};
  c.name = "c";
  c.inputs = {1};
  c.outputs = {2};
  program.segments = {{"all", {a, b, wait, c}, "", ""}};
  OpNeighbours neighbours;
  neighbours.add(program);
  const std::string before = full_name(a), reduce = full_name(b), after = full_name(c);

  BOOST_TEST(neighbours.are_next(before, reduce));
  BOOST_TEST(neighbours.are_next(after, reduce));
  BOOST_TEST(!neighbours.are_next(before, after));
  BOOST_TEST(neighbours.are_next("of no program", "of no program"));
  BOOST_TEST(!neighbours.are_next("of no program", reduce));
  BOOST_TEST(neighbours.names() == (std::vector<std::string>{before, reduce, after}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(beside_an_op_stands_also_what_writes_the_same) {
  Program program;
  Op first, second, reader, apart;
  first.name = "first";
  first.outputs = {0};
  second.name = "second";
  second.outputs = {0};
  reader.name = "reader";
  reader.inputs = {0};
  reader.outputs = {1};
  apart.name = "apart";
  apart.inputs = {1};
  apart.outputs = {2};
  program.segments = {{"all", {first, second, reader, apart}, "", ""}};
  OpNeighbours neighbours;
  neighbours.add(program);

  std::vector<std::string> expected{full_name(first), full_name(second), full_name(reader)};
  std::ranges::sort(expected);
  BOOST_TEST(neighbours.names_beside(full_name(first)) == expected,
             boost::test_tools::per_element());
  BOOST_TEST(!neighbours.are_next(full_name(first), full_name(second)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
