import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_everything_is_typed_and_fits_the_bindings(bindings: Path, tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    files = ["leveret_plugin", "tests", "template/plugin.py"]
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir", str(tmp_path), *files],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(bindings)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
