"""Pages out of the templates in `templates/`."""

from typing import Any

import jinja2

from cosam_jax.errors import printable


def filled(template: str, **content: Any) -> str:
  """The text of a page; values are escaped, and what cannot be written as UTF-8 is shown.

  Args:
    template: name of a file in `templates/`.
    content: its variables; one that is missing is an error.
  """
  environment = jinja2.Environment(
    loader=jinja2.PackageLoader("cosam_jax.reports"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
  )
  return printable(environment.get_template(template).render(content), keep="\n")
