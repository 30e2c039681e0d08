import os
import subprocess
import sys
from pathlib import Path

import pytest

from leveret_plugin.build import contract

ROOT = Path(__file__).parents[1]


def test_everything_is_typed_and_fits_the_bindings(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    pytest.importorskip("componentize_py")
    worlds = ["--world", "leveret:plugin/everything", "--world", "leveret:plugin/subscriber-plugin"]
    options = ["--quiet", "--wit-path", str(contract()), *worlds, "bindings", str(tmp_path)]
    run("-c", "from componentize_py import script; script()", *options)
    files = ["leveret_plugin", "tests", "template/plugin.py"]
    run("-m", "mypy", "--no-error-summary", "--cache-dir", str(tmp_path / "cache"), *files, MYPYPATH=str(tmp_path))


def run(*arguments: str, **environment: str) -> None:
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
