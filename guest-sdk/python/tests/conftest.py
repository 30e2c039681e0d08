import subprocess
import sys
from pathlib import Path

import pytest

from leveret_plugin.build import contract


@pytest.fixture(scope="session")
def bindings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bindings as componentize-py makes them, but for what talks to a host."""
    pytest.importorskip("componentize_py")
    directory = tmp_path_factory.mktemp("bindings")
    worlds = ["--world", "leveret:plugin/everything", "--world", "leveret:plugin/subscriber-plugin"]
    options = ["--quiet", "--wit-path", str(contract()), *worlds, "bindings", str(directory)]
    command = [sys.executable, "-c", "from componentize_py import script; script()", *options]
    subprocess.run(command, check=True)
    return directory
