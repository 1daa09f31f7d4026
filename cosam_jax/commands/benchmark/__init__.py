"""`--mode=benchmark`: speed and memory of a configuration on this machine."""
