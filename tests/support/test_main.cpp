// The main() of every test program that is not run under MPI.
#define BOOST_TEST_MODULE shardproof
#include <boost/test/unit_test.hpp>
