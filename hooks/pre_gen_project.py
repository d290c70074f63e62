"""Stops a bake with answers that the template cannot use.

While answers are read, slot_line.py has rejected them already; a replay skips
that, so the same check runs once more here.
"""

import sys

PROBLEMS = {{cookiecutter | problems | tojson}}

if PROBLEMS:
    sys.exit("Error: " + "\n  - ".join(["these answers are invalid:", *PROBLEMS]))
