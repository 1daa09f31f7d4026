"""The process, not the science: how it starts and ends, how it prints, how files stay whole.

Of our modules it imports the errors alone.
"""
