"""Asks the driver for its GPUs and CUDA's libraries for their versions, and prints the answers as
JSON. A process of its own, since a driver that is not well may never answer.

    python3 probe.py libcuda.so.1 [libcublasLt.so.13] [libnccl.so.2]     paths of the libraries
"""

import ctypes
import json
import sys

COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR = 75, 76  # CUdevice_attribute


def dotted(version):
    return f"{version // 1000}.{version % 1000 // 10}"


def ask(call, *arguments):
    answer = call(*arguments)
    if answer != 0:
        raise OSError(f"{call.__name__} answers {answer}")


def gpu(driver, number):
    device = ctypes.c_int()
    ask(driver.cuDeviceGet, ctypes.byref(device), number)
    name = ctypes.create_string_buffer(256)
    ask(driver.cuDeviceGetName, name, 256, device)
    capability = []
    for attribute in (COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR):
        value = ctypes.c_int()
        ask(driver.cuDeviceGetAttribute, ctypes.byref(value), attribute, device)
        capability.append(str(value.value))
    size = ctypes.c_size_t()
    ask(driver.cuDeviceTotalMem_v2, ctypes.byref(size), device)
    return {"name": name.value.decode(), "compute_capability": ".".join(capability),
            "memory_gib": round(size.value / 2**30, 1)}


def gpus(path):
    driver = ctypes.CDLL(path)
    ask(driver.cuInit, 0)
    version, count = ctypes.c_int(), ctypes.c_int()
    ask(driver.cuDriverGetVersion, ctypes.byref(version))
    ask(driver.cuDeviceGetCount, ctypes.byref(count))
    return {"driver_cuda": dotted(version.value),
            "gpus": [gpu(driver, number) for number in range(count.value)]}


def library_version(path):
    library = ctypes.CDLL(path)
    if "nccl" in path:
        version = ctypes.c_int()
        ask(library.ncclGetVersion, ctypes.byref(version))
        number = version.value
        return f"{number // 10000}.{number // 100 % 100}.{number % 100}"
    library.cublasLtGetVersion.restype = ctypes.c_size_t
    number = library.cublasLtGetVersion()
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def main():
    found = {"gpus": [], "versions": {}}
    try:
        found.update(gpus(sys.argv[1]))
    except (OSError, AttributeError) as error:
        found["no_gpu"] = str(error)
    for path in sys.argv[2:]:
        try:
            found["versions"][path] = library_version(path)
        except (OSError, AttributeError) as error:
            found["versions"][path] = f"not known: {error}"
    print(json.dumps(found))


main()
