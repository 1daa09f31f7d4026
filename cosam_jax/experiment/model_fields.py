"""The fields of the network and of its initial weights, a part of `fields.SCHEMA`."""

from cosam_jax.experiment.field_kinds import Field

MODEL_SCHEMA: dict[str, Field] = {
}  # fmt: skip
