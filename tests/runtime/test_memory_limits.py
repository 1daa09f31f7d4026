"""Limits of control groups, of both versions, at each level of their trees."""

import pytest

from cosam_jax.runtime import host_memory
from cosam_jax.runtime.memory_limits import Limit, limits

FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
SECOND = ("memory.max", "memory.current", "inactive_file")


def group(folder, most, used, dropped, names):
  folder.mkdir(parents=True, exist_ok=True)
  (folder / names[0]).write_text(f"{most}\n")
  (folder / names[1]).write_text(f"{used}\n")
  (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {dropped}\n")


@pytest.mark.parametrize(
  ("root", "line", "names"),
  [
    ("", "0::/jobs/seven", SECOND),
    ("unified", "0::/jobs/seven", SECOND),
    ("memory", "4:memory:/jobs/seven", FIRST),
    ("memory", "4:hugetlb,memory:/jobs/seven", FIRST),
  ],
)
def test_each_level_has_its_limit(tmp_path, root, line, names):
  own = tmp_path / "own"
  own.write_text(f"1:cpu:/elsewhere\n{line}\n")
  tree = tmp_path / "tree"
  assert limits(tree, own) == []
  group(tree / root / "jobs", 1000, 700, 100, names)
  group(tree / root / "jobs" / "seven", 600, 100, 0, names)
  group(tree / root / "elsewhere", 1, 1, 0, names)
  assert sorted(limits(tree, own)) == [Limit(600, 100), Limit(1000, 600)]
  group(tree / root / "jobs" / "seven", "max", 100, 0, names)
  assert limits(tree, own) == [Limit(1000, 600)]
  (tmp_path / "meminfo").write_text("MemAvailable: 1 kB\n")
  assert host_memory.free_bytes(tmp_path / "meminfo", tree, own) == 400
  assert host_memory.machine_bytes(tree, own) == 1000


def test_a_container_shows_its_own_group_as_the_root(tmp_path):
  (tmp_path / "own").write_text("4:memory:/docker/abc\n0::/../../outside\n")
  group(tmp_path / "memory", 1000, 1200, 0, FIRST)
  group(tmp_path / "outside", 1, 0, 0, SECOND)
  (found,) = limits(tmp_path, tmp_path / "own")
  assert found.free == 0


def test_without_such_files_there_is_no_limit(tmp_path):
  assert limits(tmp_path / "tree", tmp_path / "own") == []
