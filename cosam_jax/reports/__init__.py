"""What a run leaves behind for people: results, tables, pictures. No jax."""
