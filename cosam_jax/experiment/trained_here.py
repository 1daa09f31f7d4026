"""Whether this program trained weights, or was only given them.

The configuration beside given weights is that with which somebody used them: its data set and its
fields of the training say nothing about them.
"""

from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.experiment.exported_weights import exported_configuration
from cosam_jax.experiment.flags_again import is_of_checkpoint
from cosam_jax.experiment.loaded_network import Network
from cosam_jax.models.exported_record import RECORD, TRAINED_HERE, WEIGHTS, read_record


def is_trained_here(network: Network) -> bool:
  """Whether this program trained the weights, by the configuration that the network has.

  Of exported weights, and so of a name on the Hub, the record beside the file says it. A
  configuration that was given with such a file is not that of their training.
  """
  if is_of_checkpoint(network.label):
    return True
  place = network.place
  if place is None or place.name not in WEIGHTS or not place.with_name(RECORD).is_file():
    return False
  record = read_record(place.with_name(RECORD))
  if record.get("weights_hash") != weights_hash(network.variables):
    return False
  if dict(network.flat) != exported_configuration(place):
    return False
  trained = record.get(TRAINED_HERE)
  return is_of_checkpoint(str(record.get("weights"))) if trained is None else trained is True
