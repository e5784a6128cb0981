# Whether there is a CUDA toolkit with NCCL: SHARDPROOF_HAS_CUDA. Without one the build is complete
# but for real GPUs: what is written for them is compiled for the simulated one.
set(SHARDPROOF_HAS_CUDA OFF)
set(missing "it is switched off")
if(SHARDPROOF_CUDA)
  include(CheckLanguage)
  check_language(CUDA)
  set(missing "there is no nvcc")
endif()
if(SHARDPROOF_CUDA AND CMAKE_CUDA_COMPILER)
  # Never `native`: no GPU is needed to build. Code for each architecture, and no PTX.
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 100-real)
  endif()
  enable_language(CUDA)
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  set(CMAKE_CUDA_EXTENSIONS OFF)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    # CMake 3.25 does not know that nvcc has it.
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  endif()
  set(CMAKE_CUDA_FLAGS_RELEASE "-O2")
  find_package(CUDAToolkit REQUIRED)
  # NCCL comes with no package file: beside the toolkit, of the system, or where NCCL_ROOT says.
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 HINTS ${CUDAToolkit_LIBRARY_DIR}
               PATH_SUFFIXES lib lib64)
  set(missing "NCCL or cuBLASLt is not found")
  if(NCCL_INCLUDE_DIR AND NCCL_LIBRARY AND TARGET CUDA::cublasLt)
    set(SHARDPROOF_HAS_CUDA ON)
  endif()
endif()

if(SHARDPROOF_HAS_CUDA)
  string(REPLACE ";" ", " architectures "${CMAKE_CUDA_ARCHITECTURES}")
  message(STATUS "Shardproof: CUDA ${CUDAToolkit_VERSION} for ${architectures}, NCCL from "
                 "${NCCL_LIBRARY}, and the simulated GPU")
else()
  message(STATUS "Shardproof: CPU and simulated GPU; nothing for real GPUs, since ${missing}")
endif()
