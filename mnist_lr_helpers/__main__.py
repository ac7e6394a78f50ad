"""The command line: ``python -m mnist_lr_helpers run|publish|student|environment|reproduce``."""

import sys

from mnist_lr_helpers.course.command import main

if __name__ == "__main__":
    sys.exit(main())
