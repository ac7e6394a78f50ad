"""The command line: ``python -m mnist_lr_helpers run|test|lab|book|student|…``; ``--help`` lists all commands."""

import sys

from mnist_lr_helpers.course.command import main

if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # a console or file whose encoding lacks a letter gets a "?" for it
    sys.exit(main())
