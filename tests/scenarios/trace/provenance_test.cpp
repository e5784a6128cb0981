#include "scenarios/trace/provenance.hpp"

#include <boost/test/unit_test.hpp>
#include <cfenv>

using namespace shardproof;

BOOST_AUTO_TEST_SUITE(provenance)

BOOST_AUTO_TEST_CASE(everything_is_known_and_the_same_each_time) {
  const auto first = collect_provenance();
  for (const char* key :
       {"version", "commit", "binary", "compiler", "libc", "hdf5", "fmt", "xxhash", "host", "cpu",
        "cores", "rounding", "flush_to_zero", "denormals_are_zero"}) {
    BOOST_TEST_CONTEXT(key) {
      BOOST_REQUIRE(first.contains(key));
      BOOST_TEST(!first.at(key).empty());
    }
  }
  BOOST_TEST(first.at("hdf5").starts_with("1."));
  BOOST_TEST((collect_provenance() == first));
}

BOOST_AUTO_TEST_CASE(the_rounding_environment_is_that_of_the_call) {
  BOOST_TEST(collect_provenance().at("rounding") == "nearest");
  BOOST_TEST(collect_provenance().at("flush_to_zero") != "on");
  std::fesetround(FE_UPWARD);
  const auto upward = collect_provenance().at("rounding");
  std::fesetround(FE_TONEAREST);
  BOOST_TEST(upward == "upward");
}

BOOST_AUTO_TEST_SUITE_END()
