"""``make sabotage`` and ``make seeds``: python tests/sabotage {sabotage,seeds} …

The processes that run notebooks import again what was started, unless it is called ``__main__``: seconds for each.
"""

import sys

import sabotage
import seeds

COMMANDS = {"sabotage": sabotage.main, "seeds": seeds.main}
sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
