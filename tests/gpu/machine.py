"""The machine: its GPUs, its driver, and the libraries of CUDA that it has to bring."""

import json
import os
import pathlib
import platform
import re
import shutil
import sys

import libraries
import process


class Machine:
    def __init__(self, place, log):
        self.libraries = {name: libraries.find(name) for name in place.of_the_machine}
        self.driver_library = libraries.find("libcuda.so.1")
        paths = [self.driver_library or "libcuda.so.1", *filter(None, self.libraries.values())]
        probe = pathlib.Path(__file__).with_name("probe.py")
        folders = [*place.runtime_folders(), os.environ.get("LD_LIBRARY_PATH", "")]
        loader_path = ":".join(filter(None, folders))
        ended = process.run([sys.executable, probe, *paths],
                            {**os.environ, "LD_LIBRARY_PATH": loader_path}, log, 60)
        try:
            answer = json.loads(ended.output.strip().rpartition("\n")[2])
        except ValueError:
            last_line = ended.output.strip().rpartition("\n")[2]
            answer = {"gpus": [], "versions": {}, "no_gpu": last_line}
        self.gpus = answer["gpus"]
        self.no_gpu = answer.get("no_gpu", "the driver lists none")
        self.driver_cuda = answer.get("driver_cuda", "")
        self.versions = {pathlib.Path(path).name: version
                         for path, version in answer["versions"].items()}
        self.driver = driver_version()
        self.sanitizer = libraries.find_sanitizer()

    def missing(self):
        return [name for name, path in self.libraries.items() if path is None]

    def folders(self):
        """Where the loader has to look for what was found."""
        found = filter(None, [*self.libraries.values(), self.driver_library])
        return list(dict.fromkeys(str(pathlib.Path(path).parent) for path in found))

    def sentence(self):
        """"NVIDIA H200 (9.0, 139.8 GiB); driver 580.65.06, CUDA 13.0; libnccl.so.2 2.28.9"."""
        names = [f"{gpu['name']} ({gpu['compute_capability']}, {gpu['memory_gib']} GiB)"
                 for gpu in self.gpus]
        counted = [f"{names.count(name)} x {name}" if names.count(name) > 1 else name
                   for name in dict.fromkeys(names)]
        gpus = ", ".join(counted) or f"no GPU ({self.no_gpu})"
        driver = [f"driver {self.driver}, CUDA {self.driver_cuda}"] if self.gpus else []
        versions = [f"{name} {version}" for name, version in self.versions.items()]
        return "; ".join([gpus, *driver, *versions])

    def json(self):
        return {"gpus": self.gpus, "driver": self.driver, "driver_cuda": self.driver_cuda,
                "libraries": [{"name": name, "path": path, "version": self.versions.get(name)}
                              for name, path in self.libraries.items()],
                "compute_sanitizer": self.sanitizer, "libc": " ".join(platform.libc_ver())}


def driver_version():
    """"580.65.06": from the kernel's module, or by nvidia-smi."""
    module = pathlib.Path("/proc/driver/nvidia/version")
    if module.exists():
        match = re.search(r"\s(\d+\.\d+(?:\.\d+)?)\s", module.read_text(errors="replace"))
        if match:
            return match[1]
    smi = shutil.which("nvidia-smi")
    text = libraries.output_of([smi, "--query-gpu=driver_version", "--format=csv,noheader"]) \
        if smi else ""
    return text.split("\n")[0].strip() or "unknown"
