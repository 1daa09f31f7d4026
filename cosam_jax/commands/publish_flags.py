"""The flags of `--mode=publish` alone."""

from cosam_jax.commands.flag_forms import Flag, text_flag

PUBLISH_FLAGS: dict[str, Flag] = {
  "licence": text_flag(
    "For --mode=publish: the licence of the weights as the Hub names it, such as apache-2.0, "
    "cc-by-nc-4.0 or other."
  ),
  "push": text_flag(
    "For --mode=publish: org/name on the Hub, to which the folder is uploaded with the token of "
    "`hf auth login` or HF_TOKEN. Default: nothing is uploaded."
  ),
}
"""Name -> form."""
