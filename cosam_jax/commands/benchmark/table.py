"""The benchmark's numbers for people: at most 80 columns."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

WIDTH = 79


def render(record: Mapping[str, Any]) -> str:
  """A table of the record that `measure.run` makes."""
  lines = [
    *_wrapped(f"on {_device(record['device'])}"),
    *_memory(record.get("memory")),
    f"{'what':<40}{'median':>12}   half of them between",
    "-" * WIDTH,
    *_lines(record),
  ]
  return "\n".join(lines)


def _wrapped(sentence: str) -> list[str]:
  """The lines of a sentence; a longer word, such as a path, has a line of its own and is whole."""
  return textwrap.wrap(
    sentence, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
  )


def _memory(found: Mapping[str, Any] | None) -> Iterator[str]:
  """The host's memory, if the devices are CPUs."""
  if found is not None:
    kept = "kept between calls" if found["kept"] else "given back after each call"
    total = f"{found['machine_bytes'] / 2**30:.1f} GiB"
    free = found["free_bytes"]
    known = f"{free / 2**30:.1f} of {total} free" if free is not None else f"{total} in all"
    yield f"memory: {kept}; {known}"


def _device(device: Mapping[str, Any]) -> str:
  return f"{device['count']} x {device['kind']} ({device['host']}), jax {device['jax']}"


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
  parts = record["parts"]
  peak = record["peak"]
  yield _row(f"matrix product {peak['size']}, {peak['dtype']}", _flops(peak["flops_per_second"]))
  if record["published_peak"]:
    share = peak["flops_per_second"] / record["published_peak"]
    yield _row("  the chip's published peak", _flops(record["published_peak"]),
               f"the product reaches {share:.0%}")  # fmt: skip
  # In the order in which they are measured, so that the most memory so far never falls.
  for name, title in (("embed", "embedding"), ("step", "training step")):
    if name in parts:
      yield from _network(title, parts[name], record)
  if "cosam" in parts:
    yield from _cosam(parts["cosam"])
  if "products" in parts:
    yield from _products(parts["products"])
  if "metrics" in parts:
    found = parts["metrics"]
    sizes = f"{found['queries']:,} x {found['gallery']:,} x {found['width']:,}"
    yield _row(f"ranking {sizes}", _time(found["ranking_seconds"]))
    yield _row("re-ranking", _time(found["reranking_seconds"]))
    yield _row("ranking by those distances", _time(found["ranking_by_distances_seconds"]))
  if "input" in parts:
    found = parts["input"]
    if "left_out" in found:
      yield from _wrapped(f"input left out: {found['left_out']}")
    else:
      yield _row("input, augmented", f"{found['images_per_second']:,.0f} /s",
                 f"{found['rates'][0]:,.0f} .. {found['rates'][-1]:,.0f} images/s")  # fmt: skip


def _network(title: str, found: Mapping[str, Any], record: Mapping[str, Any]) -> Iterator[str]:
  yield _row(f"{title}, {found['clips']} clips of {found['frames_per_clip']}", *_timing(found))
  yield _row("  clips, frames a second", f"{found['clips_per_second']:,.1f}",
             f"{found['frames_per_second']:,.1f} frames")  # fmt: skip
  if "flops_per_second" in found:
    of_product = found["flops_per_second"] / record["peak"]["flops_per_second"]
    yield _row(f"  {found['flops'] / 1e9:,.1f} GFLOP", _flops(found["flops_per_second"]),
               f"{of_product:.1%} of the product")  # fmt: skip
    if record["published_peak"]:
      share = found["flops_per_second"] / record["published_peak"]
      yield _row("  of the chip's published peak", f"{share:.1%}")
  if found["memory_bytes"]:
    peak = found["peak_memory_bytes"]
    seen = f"most so far {_bytes(peak)}" if peak else ""
    yield _row("  memory by XLA's plan", _bytes(found["memory_bytes"]["total"]), seen)
  yield _row("  compilation", _time(found["compile_seconds"]))


def _cosam(layers: list[Mapping[str, Any]]) -> Iterator[str]:
  clips = layers[0]["clips"]
  yield f"{f'COSAM alone, forwards and backwards, {clips} clips':<52}factored  explicit   ratio"
  for layer in layers:
    height, width = layer["grid"]
    title = f"  stage {layer['stage']}, T={layer['frames']}, {height}x{width}x{layer['channels']}"
    for name, value in (("time", _way_time), ("temporary memory", _way_memory)):
      numbers = [value(layer[way]) for way in ("factored", "explicit")]
      ratio = _ratio(layer, name)
      yield f"{title + ', ' + name:<50}{numbers[0]:>10}{numbers[1]:>10}{ratio:>8}"


def _products(found: Any) -> Iterator[str]:
  if "left_out" in found:
    yield from _wrapped(f"products left out: {found['left_out']}")
    return
  title = f"1x1 convolution and norm, both directions, {found[0]['frames']} frames"
  yield f"{title:<52}compiler     fused   ratio"
  for product in found:
    height, width = product["grid"]
    inputs, outputs = product["channels"]
    before = "norm, " if product["normed"] else ""
    title = f"  stage {product['stage']}, {height}x{width}, {before}{inputs} -> {outputs}"
    ways = [product[way] for way in ("compiler", "fused")]
    numbers = [_way_time(way) for way in ways]
    yield f"{title + ', time':<50}{numbers[0]:>10}{numbers[1]:>10}{product['ratio']:>8.2f}"
    numbers = [_way_memory(way) for way in ways]
    yield f"{'    temporary memory':<50}{numbers[0]:>10}{numbers[1]:>10}".rstrip()


def _way_time(way: Mapping[str, Any]) -> str:
  return "too big" if "left_out" in way else _time(way["median_seconds"])


def _way_memory(way: Mapping[str, Any]) -> str:
  found = way.get("memory_bytes", {}).get("temporary")
  return "" if found is None else _bytes(found)


def _ratio(layer: Mapping[str, Any], name: str) -> str:
  if "ratio" not in layer:
    return ""
  if name == "time":
    return f"{layer['ratio']:.1f}"
  sizes = [layer[way]["memory_bytes"].get("temporary", 0) for way in ("explicit", "factored")]
  return f"{sizes[0] / sizes[1]:.1f}" if sizes[1] else ""


def _timing(found: Mapping[str, Any]) -> tuple[str, str]:
  spread = f"{_time(found['low_seconds'])} .. {_time(found['high_seconds'])}"
  return _time(found["median_seconds"]), spread


def _row(name: str, value: str, note: str = "") -> str:
  return f"{name:<40}{value:>12}   {note}".rstrip()


def _time(seconds: float) -> str:
  for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
    if seconds * factor >= 1 or unit == "us":
      return f"{seconds * factor:.{2 if seconds * factor < 100 else 0}f} {unit}"
  return ""


def _bytes(count: float) -> str:
  return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def _flops(rate: float) -> str:
  return f"{rate / 1e12:.1f} TFLOP/s" if rate >= 1e12 else f"{rate / 1e9:.1f} GFLOP/s"
