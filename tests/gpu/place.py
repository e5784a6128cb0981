"""Where the program, its tests and what they need lie: a checkout with a build, or a bundle of one.

Both have the same folders below their root (scenarios/catalog, tests/gpu). A bundle has a list of
what is in it, bundle.json, the program and the tests in bin/, and the libraries in lib/.
"""

import json
import os
import pathlib
import re
import subprocess

import libraries

ROOT = pathlib.Path(__file__).resolve().parents[2]

# CTest's labels. `gpu`: needs a GPU. `gpu_fault`: a Boost.Test program of planted faults, of which
# a case passes if its fault was seen; but `none` is planted in the case of that name.
LABELS = ("gpu", "gpu_fault")

# What only the machine can bring, since it belongs to the driver or weighs hundreds of MB.
OF_THE_MACHINE = re.compile(r"lib(cuda|cudart|cublas|cublasLt|nccl|nvrtc|nvJitLink|nvidia-ml)\.so")

# Ranks may be root, more than there are cores, and in a container. They are on this machine, which
# may have neither a network nor the ssh that Open MPI would look for.
MPI = {
    "OMPI_MCA_plm": "isolated",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    "OMPI_MCA_mpi_yield_when_idle": "1",
}


def is_launcher(command):
    return pathlib.Path(command).name in ("mpirun", "mpiexec", "orterun")


def libraries_of(program):
    """{name: path, or None where the loader finds none} of all shared libraries, by ldd."""
    text = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    found = {}
    for line in text.splitlines():
        match = re.match(r"\s*(\S+) => (not found|/\S+)", line)
        if match:
            found[match[1]] = None if match[2] == "not found" else match[2]
    return found


def tests_of_build(build):
    """The tests with one of LABELS, as CTest knows them."""
    command = ["ctest", "--test-dir", str(build), "--show-only=json-v1"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {answer.stderr.strip()}")
    tests = []
    for test in json.loads(answer.stdout)["tests"]:
        properties = {each["name"]: each["value"] for each in test.get("properties", [])}
        labels = [label for label in LABELS if label in properties.get("LABELS", [])]
        if labels:
            tests.append({
                "name": test["name"],
                "label": labels[0],
                "command": test.get("command", []),  # CTest gives none of what is not built
                "environment": dict(pair.split("=", 1)
                                    for pair in properties.get("ENVIRONMENT", [])),
            })
    return tests


class Place:
    """A checkout with a build, or a bundle; `build` says which build of a checkout."""

    def __init__(self, root=ROOT, build=None):
        self.root = pathlib.Path(root)
        listed = self.root / "bundle.json"
        self.bundled = listed.exists()
        if self.bundled:
            bundle = json.loads(listed.read_text(encoding="utf-8"))
            self.program = self.root / "bin/shardproof"
            self.of_the_machine = bundle["of_the_machine"]
            self.tests = bundle["tests"]
        else:
            build = pathlib.Path(build) if build else self.root / "build/release"
            self.program = build.resolve() / "shardproof"
            self.of_the_machine = sorted(
                name for name in libraries_of(self.module) if OF_THE_MACHINE.match(name))
            self.tests = tests_of_build(build)

    @property
    def module(self):
        """What the program loads for GPUs."""
        return self.program.parent / "libshardproof_cuda.so"

    @property
    def catalog(self):
        return self.root / "scenarios/catalog"

    @staticmethod
    def not_built(test):
        """The program of a test that is not there, or None."""
        absent = [word for word in test["command"]
                  if word.startswith("/") and not os.path.exists(word)]
        return test["name"] if not test["command"] else next(iter(absent), None)

    def test_command(self, test):
        return [word.replace("{root}", str(self.root)) for word in test["command"]]

    def environment(self, machine_folders):
        """Of what is started here: a bundle's own mpirun and libraries before the machine's."""
        environment = {**os.environ, **MPI}
        folders = [str(folder) for folder in machine_folders]
        if self.bundled:
            folders.insert(0, str(self.root / "lib"))
            folders = self.runtime_folders() + folders
            # Open MPI finds its plugins and messages from there; no settings or plugins that the
            # machine has of another Open MPI or PMIx.
            environment["OPAL_PREFIX"] = str(self.root)
            environment["OPAL_SYSCONFDIR"] = str(self.root / "etc")
            environment["PMIX_PKGLIBDIR"] = str(self.root / "lib/pmix")
            environment["PATH"] = f"{self.root}/bin:{environment.get('PATH', '/usr/bin:/bin')}"
        if environment.get("LD_LIBRARY_PATH"):
            folders.append(environment["LD_LIBRARY_PATH"])
        environment["LD_LIBRARY_PATH"] = ":".join(folders)
        return environment

    def runtime_folders(self):
        """Where a bundle has libstdc++. None if the machine's has all that the bundle's has: its
        other libraries may need more than that, so that then its own must be loaded."""
        ours = self.root / "lib/runtime/libstdc++.so.6"
        theirs = libraries.find("libstdc++.so.6")
        if not self.bundled or theirs and newest_version(theirs) >= newest_version(ours):
            return []
        return [str(ours.parent)]


def newest_version(path):
    """(3, 4, 30) of a libstdc++ whose newest symbols are of GLIBCXX_3.4.30."""
    versions = re.findall(rb"GLIBCXX_(\d+)\.(\d+)\.?(\d*)\0", pathlib.Path(path).read_bytes())
    return max((tuple(int(part or 0) for part in version) for version in versions), default=(0,))
