"""The process, not the science: how it starts and ends, what it prints, how files stay whole.

Imports nothing of ours but the errors.
"""
