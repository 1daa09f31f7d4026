"""The model card of a published network: `README.md` with front matter that the Hub reads."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.reports import facts
from cosam_jax.reports.calibration_table import calibration_table

LIBRARY = "cosam_jax"
LICENCES = (
  "afl-3.0", "agpl-3.0", "apache-2.0", "apple-amlr", "apple-ascl", "artistic-2.0",
  "bigcode-openrail-m", "bigscience-bloom-rail-1.0", "bigscience-openrail-m", "bsd", "bsd-2-clause",
  "bsd-3-clause", "bsd-3-clause-clear", "bsl-1.0", "c-uda", "cc", "cc-by-2.0", "cc-by-2.5",
  "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0",
  "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0",
  "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0",
  "cdla-sharing-1.0", "creativeml-openrail-m", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0",
  "eupl-1.1", "eupl-1.2", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "isc", "lgpl", "lgpl-2.1",
  "lgpl-3.0", "lgpl-lr", "lppl-1.3c", "mit", "mpl-2.0", "ms-pl", "ncsa", "odbl", "odc-by",
  "ofl-1.1", "openrail", "openrail++", "osl-3.0", "other", "pddl", "postgresql", "unknown",
  "unlicense", "wtfpl", "zlib",
)  # fmt: skip
"""Names that the Hub has for licences. It adds to them, so others are not refused."""
_TAGS = ("person-re-identification", "video", "jax", "flax")
_COSAM_TAG = "cosam"
_EXAMPLE = "org/name"
_ABOUT_SETS = {
  "dukemtmc_vidreid": "DukeMTMC-VideoReID was **withdrawn** by its authors in 2019, since people "
  "were filmed outside the approved protocol. New work on it is advised against.",
  "mars": "MARS was published for research in 2016. Neither a licence nor a statement that its "
  "people agreed is known.",
  "ilids_vid": "iLIDS-VID was cut from footage that the UK Home Office gave out under agreements "
  "with its users. Ask whether they allow your use.",
}
_INTENDED = """\
The network makes one vector of each tracklet, a short video of one person by one camera. Vectors of
the same person are meant to be near each other. It is intended for research on re-identification,
and for finding or linking tracklets of people who agreed to that, where somebody looks at what was
found before anything follows from it.
"""
_NOT_INTENDED = """\
- Do not identify or follow people without a lawful basis and their knowledge. A licence to use the
  weights is no permission to process anybody's images.
- Do not use it where people agreed to be filmed, but not to be searched for.
- Let nobody be stopped, refused or accused because of a ranking. A ranking always has a first
  place, even if the person is not in the gallery.
- Do not deduce race, opinions, religion, health or orientation from vectors.
- Do not rely on the numbers above for other people, cameras or clothes: measure errors on your own,
  by group, first.
- Do not keep frames and vectors longer than needed. A vector is made to find the same person again.

In the European Union, the GDPR (Article 9) and the AI Act (Article 5 and Annex III) restrict or
prohibit such uses; other places have laws of their own. `docs/responsible_use.md` of cosam_jax says
more, and how the method fails.
"""


@dataclasses.dataclass(frozen=True)
class Published:
  """What a model card tells.

  Attributes:
    name: `org/name` on the Hub; None if it is not known yet.
    licence: of the weights, as the Hub names it.
    config: the flat configuration.
    weights: names the weights, such as "step 240".
    weights_hash: see `fingerprints`.
    people: the number of people of the training.
    trained: whether this program trained the weights; if not, the configuration's data set and
      initial weights say nothing about them, and are not told.
    recipe: field, value and meaning of what the training decided, or of the network and its frames.
    numbers: content of `protocol.json`; None if there is none.
    calibration: the fields of a `Calibration`; None if there is none.
    doubts: sentences on why the calibration's rates may be wrong.
    links: `people`, `of`, `numbers` and `intervals` of a calibration of links; None without one.
  """

  name: str | None
  licence: str
  config: Mapping[str, Any]
  weights: str
  weights_hash: str
  people: int
  trained: bool = True
  recipe: Sequence[tuple[str, str, str]] = ()
  numbers: Mapping[str, Any] | None = None
  calibration: Mapping[str, Any] | None = None
  links: Mapping[str, Any] | None = None
  doubts: Sequence[str] = ()


def model_card(one: Published) -> str:
  """The text of the card, with its front matter."""
  card = one.numbers["results"][0]["card"] if one.numbers else {"dataset": one.config["data.name"]}
  title = facts.title(one.config, card) if one.trained else facts.network_title(one.config)
  parts = [
    _front_matter(one),
    f"# {title}\n",
    f"A network of `cosam_jax` for video-based person re-identification{_about_cosam(one)}.\n",
    _usage(one),
    _data(one),
    _recipe(one),
    _numbers(one),
    _calibration(one),
    _licence(one),
    f"## Intended use\n\n{_INTENDED}",
    f"## What it must not be used for\n\n{_NOT_INTENDED}",
  ]
  return "\n".join(filter(None, parts))


def _front_matter(one: Published) -> str:
  """Its values are JSON, which YAML reads as well."""
  lines = [
    f"license: {json.dumps(one.licence)}",
    f"library_name: {json.dumps(LIBRARY)}",
    "tags:",
    *(f"- {json.dumps(tag)}" for tag in _tags(one)),
  ]
  if names := _public_sets(one.config) if one.trained else []:
    lines += ["datasets:", *(f"- {json.dumps(name)}" for name in names)]
  return "\n".join(["---", *lines, "---", ""])


def _about_cosam(one: Published) -> str:
  if not one.config["model.cosam_stages"]:
    return ", without COSAM"
  return (
    ". COSAM is the co-segmentation activation module (Subramaniam, Nambiar, Mittal, ICCV 2019)"
  )


def _tags(one: Published) -> tuple[str, ...]:
  return (*_TAGS, _COSAM_TAG) if one.config["model.cosam_stages"] else _TAGS


def _public_sets(config: Mapping[str, Any]) -> list[str]:
  """Data sets that others know by name, of the training and of the initial weights."""
  row, names = data_set_of(config["data.name"]), list[str]()
  if not row.own and not row.drawn:
    names.append(str(config["data.name"]))
  if str(config.get("init.weights", "")).startswith("imagenet"):
    names.append("imagenet-1k")
  return names


def _usage(one: Published) -> str:
  name = one.name or _EXAMPLE
  return f"""\
```python
import cosam_jax

embedder = cosam_jax.Embedder.from_pretrained("{name}")
vector = embedder.embed(frames)  # of one tracklet: RGB crops in the order of time
```

On the command line: `--weights=hf:{name}`. From a copy of this folder:
`cosam_jax.Embedder.from_checkpoint("FOLDER")`, `--weights=FOLDER`.
"""


def _data(one: Published) -> str:
  if not one.trained:
    return (
      f"## Data\n\nThese weights (`{one.weights}`, hash `{one.weights_hash}`) were not trained by "
      "this program, as far as it knows, so nobody can tell from this folder what they learned. "
      "The publisher should say here on whom they were trained, and where they come from.\n"
    )
  config, name = one.config, str(one.config["data.name"])
  row = data_set_of(name)
  run = one.numbers["run"] if one.numbers else {}
  lines = [f"- Trained on: `{name}`{_split(config)}, {one.people:,} people."]
  if row.own:
    lines[0] = f"- Trained on: the publisher's own data, {one.people:,} people."
  if row.drawn:
    lines.append("- The people are drawn figures, so the network knows no real ones.")
  if row.prepared:
    about = row.about()
    lines.append(f"- {about.description} <{about.homepage}>")
  if name in _ABOUT_SETS:
    lines.append(f"- {_ABOUT_SETS[name]}")
  held_out = config.get("data.validation_identities")
  if held_out:
    lines.append(f"- {held_out:,} people were held out, to choose the checkpoint.")
  start = run.get("initial_weights") or config.get("init.weights")
  lines.append(f"- Initial weights: `{start}`." if start else "- Initial weights: drawn.")
  return "\n".join(["## Data\n", *lines, ""])


def _split(config: Mapping[str, Any]) -> str:
  several = data_set_of(config["data.name"]).num_splits > 1
  return f", split {config['data.split']}" if several else ""


def _recipe(one: Published) -> str:
  rows = [f"| `{name}` | {_cell(value)} | {_cell(what)} |" for name, value, what in one.recipe]
  fields = (
    "Fields that the training decided; `export.json` has all of them:" if one.trained else
    "Fields of the network and its frames:"
  )  # fmt: skip
  return "\n".join([
    "## Recipe\n" if one.trained else "## Network\n",
    f"Weights: {one.weights} (hash `{one.weights_hash}`). {fields}\n",
    "| field | value | meaning |", "| --- | --- | --- |", *rows, "",
  ])  # fmt: skip


def _cell(text: str) -> str:
  return " ".join(text.split()).replace("|", "\\|")


def _numbers(one: Published) -> str:
  if one.numbers is None:
    return (
      "## Numbers\n\nNo evaluation of these weights was published with them, so nothing is said "
      "about how well they work.\n"
    )
  results = one.numbers["results"]
  heads = " | ".join(facts.COLUMNS)
  lines = ["## Numbers\n", f"| % | {heads} |", f"| --- |{' --- |' * len(facts.COLUMNS)}"]
  for row in facts.number_rows(results, ()):
    cells = map(_with_interval, row["cells"])
    lines.append(f"| {_cell(row['label'])} | {' | '.join(cells)} |")
  drawn = results[0].get("uncertainty")
  if drawn:
    lines.append(
      f"\nIn brackets: {100 * drawn['level']:.0f}% intervals, from drawing {drawn['identities']:,} "
      "people with replacement."
    )
  lines.append("\nHow they were measured (`protocol.json` has all of it):\n")
  lines += [f"- {name}: {value}" for name, value in facts.protocol(results[0]["card"])]
  if warnings := facts.warnings(one.numbers["run"], results):
    lines += ["\nBefore you compare them:\n", *(f"- {text}" for text in warnings)]
  return "\n".join([*lines, ""])


def _with_interval(cell: Mapping[str, str | None]) -> str:
  between = f" ({cell['interval']})" if cell["interval"] else ""
  return f"{cell['percent'] or ''}{between}"


def _calibration(one: Published) -> str:
  parts = []
  if one.calibration is not None:
    parts.append(
      "`calibration.json` has thresholds by which `Embedder.same_person` decides. Their rates are "
      "those of the people below, and need not hold "
      f"elsewhere.\n\n```\n{calibration_table(one.calibration)}\n```\n"
      + "".join(f"\n- {doubt[:1].upper()}{doubt[1:]}.\n" for doubt in one.doubts)
    )
  if one.links is not None:
    numbers, (low, high) = one.links["numbers"], one.links["intervals"]["bcubed_f"]
    parts.append(
      "`linking.npz` is for `--mode=link`, who is who across cameras. On "
      f"{one.links['people']:,} people of {one.links['of']} at a time it had B-cubed precision "
      f"{numbers['bcubed_precision']:.3f}, recall {numbers['bcubed_recall']:.3f} and F "
      f"{numbers['bcubed_f']:.3f} ({low:.3f} to {high:.3f}).\n"
    )
  return "\n".join(["## Calibration\n", *parts]) if parts else ""


def _licence(one: Published) -> str:
  terms = "the terms of the data sets and of the initial weights"
  if one.trained:
    terms += " above"
  return (
    f"## Licence\n\nThe weights: {one.licence}, as their publisher states. What they were trained "
    f"on binds beside it: {terms}, and the rights of the people in them.\n"
  )
