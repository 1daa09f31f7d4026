"""`--mode=benchmark`: what this machine does with a configuration. Stands on top of the parts."""
