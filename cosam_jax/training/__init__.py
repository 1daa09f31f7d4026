"""Losses, optimiser, jitted step, checkpoints, and the loop around them."""
