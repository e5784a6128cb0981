// What the library gives to the program that loads it (loaded.cpp).
#include "real/cuda/module.hpp"

#include "real/cuda/machine.hpp"

extern "C" const shardproof::real::CudaModule shardproof_cuda_module;
const shardproof::real::CudaModule shardproof_cuda_module{shardproof::real::cuda::machine,
                                                          shardproof::real::cuda::expect_machine,
                                                          shardproof::real::cuda::versions};
