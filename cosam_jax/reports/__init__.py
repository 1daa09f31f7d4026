"""The files of a run that people read: results, tables, pictures. Without jax."""
