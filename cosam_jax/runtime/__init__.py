"""The process, not the science: how it starts and ends, how it prints, how files stay whole.

Imports nothing of ours but the errors.
"""
