"""Training: one plain loop that knows a task by its protocol, and what it needs to stop and go on exactly.

Start with loop.py. `settings` and `run` import nothing heavy.
"""
