#include "scenarios/data/safetensors.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <fstream>
#include <limits>

#include "scenarios/data/region_runs.hpp"
#include "scenarios/errors.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using tests::error_of;
using tests::TemporaryFolder;

namespace {

TensorToStore tensor(const std::string& name, Dtype dtype, const Shape& shape, double first) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = first + static_cast<double>(i);
  TensorToStore out{name, dtype, shape, {}};
  out.bytes.resize(values.size() * size_bytes(dtype));
  encode(dtype, values, out.bytes);
  return out;
}

// A file of a given header, followed by `data_bytes` zeros.
std::string write_raw(const TemporaryFolder& folder, const std::string& header, int data_bytes) {
  const std::string path = folder / "w.safetensors";
  std::ofstream out(path, std::ios::binary);
  const std::uint64_t length = header.size();
  out.write(reinterpret_cast<const char*>(&length), 8);
  out << header << std::string(static_cast<std::size_t>(data_bytes), '\0');
  return path;
}

std::string error_of_header(const std::string& header, int data_bytes) {
  const TemporaryFolder folder;
  const std::string path = write_raw(folder, header, data_bytes);
  return error_of([&] { Safetensors{path}; }, folder.path().string() + "/");
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back_whole_and_by_region) {
  const TemporaryFolder folder;
  const std::string path = folder / "w.safetensors";
  write_safetensors(path,
                    {tensor("a", Dtype::fp32, {3, 4}, 0), tensor("b", Dtype::bf16, {5}, 10),
                     tensor("c", Dtype::fp64, {2, 2, 2}, 100), tensor("d", Dtype::fp16, {}, 7)});
  const Safetensors stored(path);

  BOOST_TEST(stored.tensors().size() == 4U);
  BOOST_TEST((stored.read("a", {{1, 1}, {2, 2}}) == std::vector<double>{5, 6, 9, 10}));
  BOOST_TEST((stored.read("b", {{3}, {2}}) == std::vector<double>{13, 14}));
  BOOST_TEST((stored.read("c", {{0, 1, 0}, {2, 1, 2}}) == std::vector<double>{102, 103, 106, 107}));
  BOOST_TEST((stored.read("d", whole({})) == std::vector<double>{7}));
  BOOST_TEST(stored.read("a", {{0, 0}, {3, 0}}).empty());
  BOOST_TEST(stored.read_bytes("b", whole({5})).size() == 10U);
}

BOOST_AUTO_TEST_CASE(a_region_is_read_in_as_few_runs_as_there_are) {
  BOOST_TEST((runs_of({{1, 1}, {2, 2}}, {3, 4}) == std::vector<Run>{{5, 2}, {9, 2}}));
  BOOST_TEST((runs_of({{1, 0}, {2, 4}}, {3, 4}) == std::vector<Run>{{4, 8}}));
  BOOST_TEST((runs_of(whole({}), {}) == std::vector<Run>{{0, 1}}));
  BOOST_TEST(runs_of({{0, 0}, {0, 4}}, {3, 4}).empty());
}

BOOST_AUTO_TEST_CASE(a_written_header_fills_a_multiple_of_eight_bytes) {
  const TemporaryFolder folder;
  write_safetensors(folder / "w.safetensors", {tensor("a", Dtype::fp32, {1}, 0)});
  std::ifstream in(folder / "w.safetensors", std::ios::binary);
  std::uint64_t length = 0;
  in.read(reinterpret_cast<char*>(&length), 8);

  BOOST_TEST(length % 8 == 0U);
  BOOST_CHECK_THROW(write_safetensors(folder / "no/w.safetensors", {}), EnvironmentError);
}

BOOST_AUTO_TEST_CASE(every_truncation_of_a_file_is_refused_by_name) {
  const TemporaryFolder folder;
  const std::string path = folder / "w.safetensors";
  write_safetensors(path, {tensor("a", Dtype::fp32, {2}, 0), tensor("b", Dtype::bf16, {3}, 0)});
  std::string bytes;
  {
    std::ifstream in(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    std::ofstream(path, std::ios::binary) << bytes.substr(0, length);
    BOOST_REQUIRE(error_of([&] { Safetensors{path}; }).find("w.safetensors") != std::string::npos);
  }
  std::ofstream(path, std::ios::binary) << bytes.substr(0, bytes.size() - 1);
  BOOST_TEST(error_of([&] { Safetensors{path}; }, folder.path().string() + "/") ==
             "w.safetensors: tensor \"b\": truncated: its data end at byte 14, the file holds 13");
}

BOOST_AUTO_TEST_CASE(a_header_that_lies_is_refused_with_file_and_tensor) {
  const auto one = [](const std::string& row) { return "{\"a\":" + row + "}"; };
  const std::string good = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";

  BOOST_TEST(error_of_header(one(good), 8) == "no error");
  BOOST_TEST(
      error_of_header(one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"), 8) ==
      "w.safetensors: tensor \"a\": data_offsets hold 8 bytes, shape (3) and dtype fp32 need 12");
  BOOST_TEST(error_of_header(one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"), 8) ==
             "w.safetensors: tensor \"a\": the extent -2 is no count");
  BOOST_TEST(error_of_header(
                 one(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})"),
                 8) == "w.safetensors: tensor \"a\": the shape (4294967296, 4294967296) overflows");
  BOOST_TEST(error_of_header(one(R"({"dtype":"I64","shape":[1],"data_offsets":[0,8]})"), 8) ==
             "w.safetensors: tensor \"a\": dtype \"I64\": expected F64, F32, F16 or BF16");
  BOOST_TEST(error_of_header(one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), 8) ==
             "w.safetensors: tensor \"a\": data_offsets = [8,0]: expected [begin, end]");
  BOOST_TEST(error_of_header(one(R"({"dtype":"F32","shape":[2],"data_offsets":[4,12]})"), 12) ==
             "w.safetensors: tensor \"a\": there is a gap of 4 bytes before its data");
  BOOST_TEST(error_of_header(one(good), 9) ==
             "w.safetensors: 1 bytes at the end belong to no tensor");
  BOOST_TEST(error_of_header("{\"a\":" + good + ",\"b\":" + good + "}", 8)
                 .find("overlaps another tensor's data") != std::string::npos);
  BOOST_TEST(error_of_header("{\"a\":" + good + ",\"a\":" + good + "}", 8) ==
             "w.safetensors (header):1:55: duplicate key \"a\"");
  BOOST_TEST(error_of_header("[]", 0) == "w.safetensors: the header is no JSON object");
  BOOST_TEST(error_of_header(R"({"__metadata__":{"n":1}})", 0) ==
             "w.safetensors: __metadata__ is no map from strings to strings");
  BOOST_TEST(error_of_header(R"({"__metadata__":{"format":"pt"}})", 0) == "no error");
}

BOOST_AUTO_TEST_CASE(a_header_longer_than_the_file_or_100_mb_is_refused) {
  const TemporaryFolder folder;
  const std::string path = folder / "w.safetensors";
  const auto with_length = [&](std::uint64_t length) {
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(&length), 8);
    out << "{}";
    out.close();
    return error_of([&] { Safetensors{path}; }, folder.path().string() + "/");
  };

  BOOST_TEST(with_length(3) ==
             "w.safetensors: truncated: the header has 3 bytes, the file only 10");
  BOOST_TEST(with_length(100'000'001) ==
             "w.safetensors: the header's length 100000001 is more than 100 MB");
  BOOST_TEST(with_length(std::numeric_limits<std::uint64_t>::max()) ==
             "w.safetensors: the header's length 18446744073709551615 is more than 100 MB");
}

BOOST_AUTO_TEST_CASE(an_index_joins_several_files) {
  const TemporaryFolder folder;
  write_safetensors(folder / "1.safetensors", {tensor("a", Dtype::fp32, {2}, 1)});
  write_safetensors(folder / "2.safetensors", {tensor("b", Dtype::fp32, {2}, 5)});
  const auto with_map = [&](const std::string& map) {
    std::ofstream(folder / "model.safetensors.index.json")
        << R"({"metadata":{"total_size":16},"weight_map":)" << map << "}";
    return error_of([&] { Safetensors{folder.path().string()}; }, folder.path().string() + "/");
  };

  BOOST_TEST(with_map(R"({"a":"1.safetensors","b":"2.safetensors"})") == "no error");
  const Safetensors stored(folder.path().string());
  BOOST_TEST((stored.read("b", whole({2})) == std::vector<double>{5, 6}));
  BOOST_TEST(with_map(R"({"a":"1.safetensors","b":"1.safetensors"})") ==
             "1.safetensors: tensor \"b\": not here, though the index says so");
  BOOST_TEST(with_map(R"({"a":"1.safetensors","b":"3.safetensors"})")
                 .ends_with("there is no \"3.safetensors\""));
  BOOST_TEST(with_map(R"({"a":"../1.safetensors"})").ends_with("expected a file beside the index"));
  write_safetensors(folder / "1.safetensors",
                    {tensor("a", Dtype::fp32, {2}, 1), tensor("c", Dtype::fp32, {2}, 1)});
  BOOST_TEST(with_map(R"({"a":"1.safetensors","b":"2.safetensors"})") ==
             "1.safetensors: tensor \"c\": here, though the index does not say so");
}

BOOST_AUTO_TEST_CASE(a_folder_without_weights_says_what_it_lacks) {
  const TemporaryFolder folder;
  BOOST_TEST(error_of([&] { Safetensors{folder.path().string()}; }) ==
             folder.path().string() +
                 ": holds neither model.safetensors nor model.safetensors.index.json");
  BOOST_TEST(error_of([&] { Safetensors{folder / "x.safetensors"}; }) ==
             folder / "x.safetensors" + ": the weights cannot be read");
}
