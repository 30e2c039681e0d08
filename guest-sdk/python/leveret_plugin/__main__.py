"""`python -m leveret_plugin build`: makes a component of the project in this directory."""

import argparse
import sys
from pathlib import Path

from .build import build
from .project import Fault, Project


def main() -> int:
    """Runs the command. 0 if it worked, 1 if not; the reason is on standard error."""
    parser = argparse.ArgumentParser(prog="python -m leveret_plugin", description="Leveret plugins in Python.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("build", help="make a component of the project: build/<name>.wasm")
    command.add_argument("directory", nargs="?", type=Path, default=Path(), help="the project's [default: this one]")
    command.add_argument("--out", type=Path, metavar="FILE", help="the component's file")
    arguments = parser.parse_args()
    try:
        build(Project.read(arguments.directory.resolve()), arguments.out and arguments.out.resolve())
    except Fault as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
