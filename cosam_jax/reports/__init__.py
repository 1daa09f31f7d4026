"""The files of a run for people: results, tables, pictures. No jax."""
