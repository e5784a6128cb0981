"""Where a machine has a shared library that a bundle does not bring: by name, in the places where
CUDA's libraries are put.

    LD_LIBRARY_PATH, the toolkit, what the loader knows, nvidia/*/lib of every Python, and where a
    container has the driver
"""

import glob
import os
import pathlib
import re
import shutil
import subprocess


def output_of(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def pythons():
    """Every python3 of PATH, in its order."""
    folders = os.environ.get("PATH", "").split(":")
    found = [os.path.join(folder, "python3") for folder in folders if folder]
    return [path for path in dict.fromkeys(found) if os.access(path, os.X_OK)]


def python_folders(last="lib"):
    """What pip's packages of CUDA bring: .../site-packages/nvidia/cu13/lib, nvidia/nccl/lib."""
    script = "import site, sys; print('\\n'.join(sys.path + site.getsitepackages()))"
    folders = []
    for python in pythons():
        for line in output_of([python, "-c", script]).splitlines():
            folders += sorted(glob.glob(f"{glob.escape(line)}/nvidia/*/{last}"))
    return list(dict.fromkeys(folders))


def toolkit_folders():
    """The roots of toolkits: that of nvcc first, then the newest."""
    nvcc = shutil.which("nvcc")
    beside_nvcc = [str(pathlib.Path(nvcc).resolve().parents[1])] if nvcc else []
    return list(dict.fromkeys(beside_nvcc + sorted(glob.glob("/usr/local/cuda*"), reverse=True)))


def loader_paths(name):
    """Where the loader's cache has it."""
    ldconfig = shutil.which("ldconfig") or "/sbin/ldconfig"
    return re.findall(rf"^\s*{re.escape(name)} .*=> (/\S+)$", output_of([ldconfig, "-p"]), re.M)


def candidates(name):
    for folder in filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":")):
        yield f"{folder}/{name}"
    for toolkit in toolkit_folders():
        yield f"{toolkit}/lib64/{name}"
        yield f"{toolkit}/targets/x86_64-linux/lib/{name}"
    yield from loader_paths(name)
    for folder in python_folders():
        yield f"{folder}/{name}"
    yield f"/usr/local/nvidia/lib64/{name}"


def find(name):
    """The path of libnccl.so.2, or None."""
    return next((path for path in candidates(name) if os.path.exists(path)), None)


def find_sanitizer():
    """The path of compute-sanitizer, or None."""
    paths = [shutil.which("compute-sanitizer")]
    for toolkit in toolkit_folders():
        paths += [f"{toolkit}/bin/compute-sanitizer",
                  f"{toolkit}/compute-sanitizer/compute-sanitizer"]
    paths += [f"{folder}/compute-sanitizer" for folder in python_folders("bin")]
    return next((path for path in paths if path and os.access(path, os.X_OK)), None)
