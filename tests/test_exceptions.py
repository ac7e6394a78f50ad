"""Errors of the course are caught by their names, also after the helpers were edited and loaded again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from mnist_lr_helpers.files import PROJECT

import pytest

RAISES = {
    "training.TrainingError": "train(spoilt)",
    "checkpoints.CheckpointError": "train(sound, after_epoch=checkpoints.checkpoint(no_file))",
    "data.DataError": "data.read_idx(no_file.with_name('none'))",
    "files.FileError": "files.write_atomically(no_file / 'none', b'')",
}
# A user's session: names are imported, then every helper is edited, then something goes wrong.
SESSION = """
import os, sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell
package, shell = Path(sys.argv[1]), InteractiveShell()
assert shell.run_cell("%load_ext autoreload\\n%autoreload 2").success
assert shell.run_cell('''
from pathlib import Path
from mnist_lr_helpers import checkpoints, data, files, models, training
import torch
IMPORTS
model, no_file = models.LogisticRegression(4, 3, initialisation="zeros"), Path(r"NO_FILE")
''').success
for module in (sys.modules[name] for name in [*sys.modules] if name.startswith("mnist_lr_helpers.")):
    path = Path(module.__file__)
    assert path.is_relative_to(package)
    if path.stem != "exceptions":
        path.write_text(path.read_text(encoding="utf-8") + "# edited\\n", encoding="utf-8")
        os.utime(path, (path.stat().st_mtime + 9,) * 2)
shell.run_cell('''
labels = torch.zeros(5, dtype=torch.int64)
sound, spoilt = data.Split(torch.zeros(5, 4), labels), data.Split(torch.full((5, 4), torch.nan), labels)
def train(split, **options):
    config = training.TrainingConfig(epochs=1, progress=False)
    return training.fit(model, split, split, config, generator=data.seeded(0), **options)
''')
shell.run_cell('''
TRIALS
print("done")
''')
"""


@pytest.mark.slow
def test_errors_are_caught_by_name_after_an_autoreload(tmp_path: Path) -> None:
    package = shutil.copytree(PROJECT / "mnist_lr_helpers", tmp_path / "mnist_lr_helpers")
    (tmp_path / "no").write_text("no checkpoint, and no folder", encoding="utf-8")
    imports = "\n".join("from mnist_lr_helpers.{} import {}".format(*name.split(".")) for name in RAISES)
    trials = "\n".join(
        f"try: {call}\nexcept {name.split('.')[1]}: print('caught {name}')" for name, call in RAISES.items()
    )
    code = SESSION.replace("IMPORTS", imports).replace("TRIALS", trials).replace("NO_FILE", str(tmp_path / "no"))
    command = [sys.executable, "-c", code, str(package)]
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    told = done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("caught")] == [f"caught {n}" for n in RAISES]
    assert "done" in told
    assert "failed" not in told, "a helper could not be loaded again"
