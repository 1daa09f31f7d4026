"""Three processes that say different things, seen from the first."""

import jax
import pytest

from cosam_jax.errors import InputError, TryLaterError
from cosam_jax.runtime import hosts


@pytest.fixture
def three(monkeypatch):
  """Adds two processes; the list holds their answers, one entry for each gathering."""
  answers = []
  monkeypatch.setattr(jax, "process_count", lambda: 3)
  monkeypatch.setattr(hosts, "gather", lambda value: [value, *answers.pop(0)])
  return answers


def test_one_process_has_nobody_to_wait_for():
  assert hosts.gather({"a": 1}) == [{"a": 1}]
  assert hosts.together(lambda: 5) == hosts.first_before_others(lambda: 5) == 5
  hosts.check_agreement({"a": 1}, "never said")
  with pytest.raises(OSError, match="full"):
    hosts.together(lambda: (_ for _ in ()).throw(OSError(28, "full", "a")))


def test_what_processes_disagree_in_is_named(three):
  mine = {"seed": 0, "batch": 8, "same": "x"}
  three.append([{"seed": 0, "batch": 4, "same": "x"}, {"seed": 1, "batch": 4, "same": "x", "b": 2}])
  with pytest.raises(InputError) as raised:
    hosts.check_agreement(mine, "start them alike")
  assert str(raised.value) == (
    "the 3 processes do not agree (b is None in process 0 and 2 in process 2; batch is 8 in "
    "process 0 and 4 in process 1; seed is 0 in process 0 and 1 in process 2): start them alike"
  )
  other = dict.fromkeys("abcdef", 1)
  three.append([other, other])
  with pytest.raises(InputError, match=r"d is 0 in process 0 and 1 in process 1; and 2 more\)"):
    hosts.check_agreement(dict.fromkeys("abcdef", 0), "start them alike")


@pytest.mark.parametrize("later", [False, True])
def test_all_refuse_if_another_process_refuses(three, later):
  three.append([[None, False], ["no room", later]])
  kind = TryLaterError if later else InputError
  with pytest.raises(InputError, match=r"^process 2 of 3: no room$") as raised:
    hosts.together(lambda: 5)
  assert type(raised.value) is kind


def test_a_file_that_cannot_be_used_is_everybodys_refusal(three):
  three.append([[None, False], [None, False]])

  def work():
    raise PermissionError(13, "Permission denied", "a.json")

  with pytest.raises(InputError, match=r"process 0 of 3: Permission denied \(a.json\): make it us"):
    hosts.together(work)
  three.append([[None, False], [None, False]])
  assert hosts.together(lambda: "mine") == "mine"


def test_the_first_works_before_the_others(three, monkeypatch):
  three += [[[None, False]] * 2] * 2
  done = []
  assert hosts.first_before_others(lambda: done.append(1) or "made") == "made"
  assert (done, three) == ([1], [])
  monkeypatch.setattr(jax, "process_index", lambda: 1)
  three += [[[None, False]] * 2] * 2

  def work():
    done.append(len(three))
    return "read"

  assert hosts.first_before_others(work) == "read"
  assert done == [1, 1]  # After the first process had said that it is done.


class Device:
  def __init__(self, process_index):
    self.process_index = process_index


def test_processes_have_equally_many_devices(monkeypatch):
  monkeypatch.setattr(jax, "devices", lambda: [Device(0), Device(1), Device(1)])
  with pytest.raises(InputError, match="the processes have 1, 2 devices: each must have as many"):
    hosts.check_devices()
  monkeypatch.setattr(jax, "devices", lambda: [Device(0), Device(1)])
  hosts.check_devices()
