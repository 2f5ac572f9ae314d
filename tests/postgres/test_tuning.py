from pathlib import Path

import pytest

from app.machine import cpu_limit, memory_limit
from app.postgres.tuning import GIB, MIB, Machine, inspect_machine, render, server_settings

UNLIMITED = "9223372036854771712"


def settings_of(
    memory: int = 16 * GIB, cores: int = 8, posix: int = 8 * GIB, system_v: int = 2**63
) -> dict[str, str]:
    machine = Machine(memory, cores, posix, system_v, disk=500 * GIB)
    return {setting.name: setting.value for setting in server_settings(machine)}


def control_groups(root: Path, membership: str, files: dict[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": membership, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_settings_of_a_large_machine_stay_within_their_caps():
    settings = settings_of(memory=256 * GIB, cores=64)
    assert settings["shared_buffers"] == "4096MB"
    assert settings["maintenance_work_mem"] == "2048MB"
    assert settings["work_mem"] == "64MB"
    assert settings["max_parallel_maintenance_workers"] == "8"


def test_settings_of_a_small_machine_shrink():
    settings = settings_of(memory=1 * GIB, cores=1)
    assert settings["shared_buffers"] == "256MB"
    assert settings["maintenance_work_mem"] == "128MB"
    assert settings["work_mem"] == "16MB"
    assert settings["max_parallel_maintenance_workers"] == "0"
    assert settings["max_parallel_workers_per_gather"] == "0"


@pytest.mark.parametrize(
    ("posix", "system_v", "expected"),
    [(64 * MIB, 2**63, "sysv"), (8 * GIB, 2**63, "sysv"), (8 * GIB, 32 * MIB, "posix"), (64 * MIB, 0, "mmap")],
)
def test_parallel_builds_get_shared_memory_that_has_room_for_them(posix: int, system_v: int, expected: str):
    assert settings_of(posix=posix, system_v=system_v)["dynamic_shared_memory_type"] == expected


def test_no_setting_is_written_twice_and_each_has_its_reason(tmp_path: Path):
    settings = server_settings(inspect_machine(tmp_path))
    assert len({setting.name for setting in settings}) == len(settings)
    lines = render(settings).splitlines()
    for setting in settings:
        assert lines[lines.index(f"{setting.name} = {setting.value}") - 1] == f"# {setting.reason}"


def test_memory_limit_of_version_2_is_the_least_of_all_ancestors(tmp_path: Path):
    root = control_groups(
        tmp_path,
        "0::/system.slice/lookalike.service\n",
        {
            "sys/fs/cgroup/system.slice/lookalike.service/memory.max": "max\n",
            "sys/fs/cgroup/system.slice/memory.max": "3221225472\n",
            "sys/fs/cgroup/memory.max": "8589934592\n",
        },
    )
    assert memory_limit(root) == 3 * GIB


def test_limits_of_version_1_are_found_where_the_path_is_the_hosts(tmp_path: Path):
    root = control_groups(
        tmp_path,
        "9:name=systemd:/\n4:memory:/docker/0123abc\n1:cpu,cpuacct:/docker/0123abc\n0::/\n",
        {
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "2147483648\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert memory_limit(root) == 2 * GIB
    assert cpu_limit(root) == 2


def test_cpu_quota_of_version_2_is_rounded_up_to_whole_cores(tmp_path: Path):
    root = control_groups(tmp_path, "0::/a\n", {"sys/fs/cgroup/a/cpu.max": "250000 100000\n"})
    assert cpu_limit(root) == 3


def test_no_limits_without_control_groups(tmp_path: Path):
    assert memory_limit(tmp_path) is None
    assert cpu_limit(tmp_path) is None


def test_unlimited_groups_do_not_limit(tmp_path: Path):
    root = control_groups(
        tmp_path,
        "4:memory:/\n1:cpu:/\n0::/\n",
        {
            "sys/fs/cgroup/memory/memory.limit_in_bytes": UNLIMITED,
            "sys/fs/cgroup/memory.max": "max",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/cpu.max": "max 100000",
        },
    )
    assert memory_limit(root) == int(UNLIMITED)
    assert cpu_limit(root) is None


def test_a_machine_is_measured(tmp_path: Path):
    machine = inspect_machine(tmp_path)
    assert machine.memory > 64 * MIB
    assert machine.cores >= 1
    assert machine.disk > 0
