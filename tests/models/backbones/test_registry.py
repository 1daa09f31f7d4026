"""The registry of backbones loads nothing slow; each row's network knows its variables' names."""

import subprocess
import sys

import pytest

from cosam_jax.errors import InputError
from cosam_jax.models import ReidNet
from cosam_jax.models.backbones.family import STAGES
from cosam_jax.models.backbones.registry import BACKBONES, backbone_of, families
from cosam_jax.models.interop import variable_shapes
from cosam_jax.models.state_names import of_file, of_variable, order, to_file


def test_names_load_nothing_slow():
  """Needs a process of its own, since other tests have loaded everything here."""
  code = (
    "import sys\n"
    "import cosam_jax.models\n"
    "from cosam_jax.models.backbones.registry import BACKBONES\n"
    "from cosam_jax.models.temporal_names import TEMPORAL_HEADS\n"
    "heavy = ('numpy', 'jax', 'flax', 'tensorflow')\n"
    "loaded = [name for name in heavy if name in sys.modules]\n"
    "assert not loaded, loaded\n"
    "from cosam_jax.models import Cosam, ReidNet, from_torch, to_torch\n"
    "assert 'tensorflow' not in sys.modules\n"
  )
  subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def leaves(tree, path=()):
  for name, value in tree.items():
    yield from leaves(value, (*path, name)) if isinstance(value, dict) else [(*path, name)]


@pytest.mark.parametrize("name", ["resnet18", "se_resnet50"])
def test_every_variable_has_one_name_that_files_and_back_agree_on(name):
  model = ReidNet(name, width=0.25, num_frames=2, image_size=(64, 32), num_classes=3)
  backbone = backbone_of(name, width=0.25)
  plain = [of_variable(path, backbone) for path in leaves(variable_shapes(model))]
  assert len(set(plain)) == len(plain)
  assert len({order(each, backbone) for each in plain}) == len(plain)
  first = backbone.first_cosam(plain)
  for published in (True, False):
    outside = [to_file(each, backbone, published=published, first_cosam=first) for each in plain]
    assert [of_file(each, backbone, first_cosam=first) for each in outside] == plain
    assert [of_file(each, first_cosam=first) for each in outside] == plain


def test_each_row_is_of_a_family_and_widens_with_its_stages():
  for name, row in BACKBONES.items():
    backbone = backbone_of(name, width=0.5)
    assert type(backbone) is row.load()
    assert row.load() in families()
    widths = [backbone.channels(stage) for stage in STAGES]
    assert widths == sorted(widths)
    assert backbone_of(name).channels(5) == 2 * widths[-1]


@pytest.mark.parametrize(
  ("options", "message"),
  [
    ({"name": "resnet51"}, "backbone 'resnet51' is not known"),
    ({"name": "resnet50", "pool": "wide"}, "pool is 'wide': choose one of padded, ceil, or None"),
    ({"name": "resnet50", "width": 0}, "width is 0: choose a multiplier greater than 0"),
  ],
)
def test_values_outside_their_sets_are_refused(options, message):
  with pytest.raises(InputError, match=message):
    backbone_of(**options)
