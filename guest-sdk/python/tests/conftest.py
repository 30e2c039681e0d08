import subprocess
import sys
from pathlib import Path

import pytest

from leveret_plugin.build import contract, named


@pytest.fixture(scope="session")
def bindings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bindings as componentize-py makes them, but for what talks to a host."""
    pytest.importorskip("componentize_py")
    directory = tmp_path_factory.mktemp("bindings")
    names = ("everything", "subscriber-plugin", "http-worker-plugin", "keyvalue-worker-plugin")
    worlds = [word for name in names for word in ("--world", f"leveret:plugin/{name}")]
    options = ["--quiet", "--wit-path", str(contract()), *worlds, *named(), "bindings", str(directory)]
    command = [sys.executable, "-c", "from componentize_py import script; script()", *options]
    subprocess.run(command, check=True)
    return directory
