"""``make sabotage``, ``make seeds`` and ``make mutants``: python tests/sabotage {sabotage,seeds,mutants} …

The processes that run notebooks import again what was started, unless it is called ``__main__``: seconds for each.
"""

import sys

import mutants
import sabotage
import seeds

COMMANDS = {"sabotage": sabotage.main, "seeds": seeds.main, "mutants": mutants.main}
sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
