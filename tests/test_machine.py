"""What the machine grants; limits of control groups are tested with the settings that follow from them."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
from app.machine import keep_freed_memory

def work():
    arrays = [np.ones(1 << 17) for _ in range(64)]  # of 1 MiB

{first}
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(first: str) -> int:
    """How many pages the system had to clear, for arrays of 1.25 GiB in all."""
    done = subprocess.run([sys.executable, "-c", FAULTS.format(first=first)], check=True, stdout=subprocess.PIPE)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library decides for itself")
def test_freed_memory_is_taken_again_without_clearing_its_pages() -> None:
    assert faults("assert keep_freed_memory()") < faults("") / 10
