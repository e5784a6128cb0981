// Writes a trace of two ranks with its master into FOLDER, and FOLDER/expected.txt: for each tensor
//     path dtype shape value...        shape as "4,3", "" for a scalar as "-"; values whole,
//     row-major
// h5py_reads.py compares what h5py reads with it.

#include <cmath>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <limits>

#include "tests/scenarios/trace/trace_fixture.hpp"

using namespace shardproof;
using namespace shardproof::tests;

namespace {

// What each of the two ranks stores of a tensor; nothing if the rank has no dataset of it.
using Pieces = std::vector<std::vector<Region>>;

struct Tensor {
  std::string name;
  Dtype dtype;
  Shape shape;
  Pieces pieces;
};

std::vector<Tensor> sample_tensors() {
  const Region all = whole({4, 3}), top{{0, 0}, {2, 3}}, bottom{{2, 0}, {2, 3}};
  std::vector<Tensor> tensors;
  for (const Dtype dtype : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16, Dtype::int64}) {
    const std::string suffix = name_of(dtype);
    tensors.push_back({"parameter/rows." + suffix, dtype, {4, 3}, {{top}, {bottom}}});
    tensors.push_back({"parameter/replicated." + suffix, dtype, {4, 3}, {{all}, {all}}});
    tensors.push_back({"scalar/" + suffix, dtype, {}, {{whole({})}, {whole({})}}});
    tensors.push_back({"parameter/half_missing." + suffix, dtype, {4, 3}, {{top}, {}}});
  }
  const Region columns{{0, 0}, {4, 2}};
  // Flat pieces [0, 5) and [5, 12): each rank's are two or three boxes, stored as a list.
  tensors.push_back({"optimizer/w/exp_avg",
                     Dtype::fp32,
                     {4, 3},
                     {flat_range(all, 0, 5), flat_range(all, 5, 12)}});
  // Replicas that overlap in part: the master shows each element once.
  tensors.push_back(
      {"parameter/overlap", Dtype::bf16, {4, 3}, {{top}, {columns, {{0, 2}, {4, 1}}}}});
  tensors.push_back({"parameter/overlap_box", Dtype::bf16, {4, 3}, {{columns}, {all}}});
  // A partial has a leading axis over its ranks.
  tensors.push_back({"forward/o_proj/partial",
                     Dtype::bf16,
                     {2, 2, 3},
                     {{{{0, 0, 0}, {1, 2, 3}}}, {{{1, 0, 0}, {1, 2, 3}}}}});
  tensors.push_back(
      {"optimizer/w/empty_on_rank_1", Dtype::fp16, {4}, {{whole({4})}, {{{4}, {0}}}}});
  // 5000 boxes, whose list is longer than one attribute.
  std::vector<Region> left, right;
  for (std::int64_t row = 0; row < 5000; ++row) {
    left.push_back({{row, 0}, {1, 1}});
    right.push_back({{row, 1}, {1, 1}});
  }
  tensors.push_back({"parameter/many_boxes", Dtype::fp32, {5000, 2}, {left, right}});
  // Two and a half of the blocks that are hashed.
  tensors.push_back({"parameter/blocks", Dtype::fp32, {160, 256}, {{whole({160, 256})}, {}}});
  tensors.push_back({"parameter/no_rows", Dtype::fp32, {0, 3}, {{whole({0, 3})}, {}}});
  return tensors;
}

// Values that are exact in every dtype, with those at the borders of the formats among them.
std::vector<double> values_of(const Tensor& tensor) {
  std::vector<double> values(static_cast<std::size_t>(element_count(tensor.shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0 + static_cast<double>(i);
  if (tensor.dtype == Dtype::int64 || values.size() < 8) return values;
  const FloatFormat format = format_of(tensor.dtype);
  values[1] = -std::numeric_limits<double>::infinity();
  values[2] = std::ldexp(1.0, format.min_exponent - format.precision + 1);  // least subnormal
  values[3] = std::ldexp(2.0 - std::ldexp(1.0, 1 - format.precision), format.max_exponent);
  values[4] = -0.0;
  values[5] = std::numeric_limits<double>::quiet_NaN();
  return values;
}

void write_rank(const std::string& folder, int rank) {
  TraceWriter writer(folder, small_header(rank, 2));
  for (const Tensor& tensor : sample_tensors()) {
    const auto& regions = tensor.pieces[static_cast<std::size_t>(rank)];
    if (regions.empty()) continue;
    const auto full = bytes_of(tensor.dtype, values_of(tensor));
    const std::size_t width = size_bytes(tensor.dtype);
    std::vector<std::byte> bytes(static_cast<std::size_t>(element_count(std::span(regions))) *
                                 width);
    extract(full, tensor.shape, regions, width, bytes);
    writer.write(piece(tensor.name, tensor.dtype, tensor.shape, regions), bytes);
  }
  writer.log(CollectiveRecord{
      {Moment::Stage::step, 0, 1}, 7, "all_reduce", "tp", "bf16", 12, 24, 0, "o_proj/forward"});
  writer.close();
}

void write_expected(const std::string& path) {
  std::ofstream file(path);
  file << std::setprecision(17);
  for (const Tensor& tensor : sample_tensors()) {
    file << "/step/000000/" << tensor.name << ' ' << name_of(tensor.dtype) << ' ';
    if (tensor.shape.empty()) file << '-';
    for (const auto extent : tensor.shape) file << extent << ',';
    const std::vector<double> values = values_of(tensor);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const bool missing = tensor.name.find("half_missing") != std::string::npos && i >= 6;
      const double fill = tensor.dtype == Dtype::int64 ? -1.0 : std::nan("");
      file << ' ' << (missing ? fill : values[i]);
    }
    file << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_sample_trace FOLDER\n";
    return 2;
  }
  const std::string folder = argv[1];
  write_rank(folder, 0);
  write_rank(folder, 1);
  write_master(folder);
  write_expected(folder + "/expected.txt");
}
