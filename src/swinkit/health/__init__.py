"""What is wrong with a set of pictures before anything is learnt from it: files, copies, classes.

Start with checkup.py; findings.py holds the table of everything that may be found.
"""
