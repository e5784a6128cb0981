// The expected numbers are Python's, with the package xxhash and another way of cutting:
//     x = xxhash.xxh3_64_intdigest
//     data = bytes(i % 251 for i in range(SIZE))
//     blocks = [x(data[at:at + 65536]) for at in range(0, SIZE, 65536)]
//     print(hex(x(b"".join(h.to_bytes(8, "little") for h in blocks))))

#include "scenarios/trace/tensor_hash.hpp"

#include <boost/test/unit_test.hpp>

using namespace shardproof;

namespace {

// 0, 1, ..., 250, 0, 1, ...: no block is like another.
std::vector<std::byte> counting_bytes(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i % 251);
  return bytes;
}

std::uint64_t hash_of_counting(std::size_t size) { return tensor_hash(counting_bytes(size)); }

}  // namespace

BOOST_AUTO_TEST_SUITE(tensor_hash_suite)

BOOST_AUTO_TEST_CASE(xxh3_of_nothing_is_the_published_value) {
  BOOST_TEST(xxh3({}) == 0x2D06800538D394C2ull);
}

BOOST_AUTO_TEST_CASE(the_hash_has_its_known_values_around_the_size_of_a_block) {
  BOOST_TEST(hash_of_counting(0) == 0x2d06800538d394c2ull);  // no block
  BOOST_TEST(hash_of_counting(1) == 0x113425e2d3c1afc3ull);
  BOOST_TEST(hash_of_counting(65535) == 0xfb772df7fc398af2ull);
  BOOST_TEST(hash_of_counting(65536) == 0x78c1ccf0dbf12f4eull);  // one whole block
  BOOST_TEST(hash_of_counting(65537) == 0x01ec78dbb7b205f2ull);  // and another of one byte
  BOOST_TEST(hash_of_counting(3 * 65536) == 0x72c2ab78bccc76caull);
}

BOOST_AUTO_TEST_CASE(each_block_has_its_known_value) {
  const std::vector<std::uint64_t> three{0xaaae63800707a868ull, 0x80ce0fa0e3effe5full,
                                         0x54aea2bdfdd38f28ull};
  BOOST_TEST(block_hashes(counting_bytes(3 * 65536)) == three, boost::test_tools::per_element());
  const std::vector<std::uint64_t> two{0xaaae63800707a868ull, 0x2937a3883ed0333bull};
  BOOST_TEST(block_hashes(counting_bytes(65537)) == two, boost::test_tools::per_element());
  BOOST_TEST(block_hashes({}).empty());
}

BOOST_AUTO_TEST_CASE(parts_made_apart_give_the_hash_of_the_whole) {
  const auto bytes = counting_bytes(5 * hash_block_bytes + 7);
  const std::span<const std::byte> all(bytes);

  const auto last = block_hashes(all.subspan(2 * hash_block_bytes));
  auto blocks = block_hashes(all.first(2 * hash_block_bytes));
  blocks.insert(blocks.end(), last.begin(), last.end());

  BOOST_TEST(hash_of_blocks(blocks) == tensor_hash(all));
}

BOOST_AUTO_TEST_SUITE_END()
