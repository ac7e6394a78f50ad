"""What can go wrong, by name.

All of it stands in this one file: a class whose file is loaded again, as ``%autoreload`` does with each file that is
edited, is another class, and an ``except`` written before would not know it.
"""


class FileError(RuntimeError):
    """A file cannot be written; the message says which, why, and what to do."""


class DataError(RuntimeError):
    """The images cannot be had; the message says what is wrong, where, and in its last line what to do."""


class TrainingError(RuntimeError):
    """Training cannot start or go on; the message says why and what to change."""


class CheckpointError(TrainingError):
    """A checkpoint cannot be used; the message says why."""
