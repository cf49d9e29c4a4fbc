"""The layout keeps its rules: imports go downwards only, swarm stands alone, nothing grows large.

What is read is the text of each file: an import made from a string at run time is not seen.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("swarm", "strategies", "proofs")
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
READ = (".py", ".js", ".mjs", ".css", ".html", ".sh")

# What each may import beside itself and the standard library. A package within another has rules
# of its own, and the one around it may not import it: but for its ``__main__``, whose work that is.
MAY_IMPORT = {
    "swarm": ("filelock",),
    "swarm.command": ("click", "swarm"),
    "strategies": ("hypothesis", "swarm.task", "swarm.errors", "swarm.strict_json"),
    "proofs.harness": ("filelock", "hypothesis", "swarm", "strategies"),
}


def imported_names(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of all that a module of ``package`` imports, wherever it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            module = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def forbidden_imports(root: Path, package: str) -> list[str]:
    """What the modules of ``package`` import and may not, as ``file:line imports name``."""
    allowed = (package, *MAY_IMPORT[package])
    folder = root.joinpath(*package.split("."))
    inner = [name for name in MAY_IMPORT if name.startswith(f"{package}.")]
    ours = [
        path
        for path in sorted(folder.rglob("*.py"))
        if not any(path.is_relative_to(root.joinpath(*name.split("."))) for name in inner)
    ]
    return [
        f"{path.relative_to(root)}:{line} imports {name}"
        for path in ours
        for line, name in imported_names(
            path.read_text(encoding="utf-8"), ".".join(path.relative_to(root).parent.parts)
        )
        if name.partition(".")[0] not in sys.stdlib_module_names
        and (
            not any(_is_in(name, prefix) for prefix in allowed)
            or (path.name != "__main__.py" and any(_is_in(name, other) for other in inner))
        )
    ]


def _is_in(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def too_long(path: Path) -> list[str]:
    """The file, and the functions in it, that have more lines than they may; only the file where
    it is none of Python's.
    """
    source = path.read_text(encoding="utf-8")
    lines = len(source.splitlines())
    found = [f"{path}: {lines} lines"] if lines > FILE_LINES_MAX else []
    for node in ast.walk(ast.parse(source if path.suffix == ".py" else "")):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                found.append(f"{path}:{node.lineno} {node.name}: {lines} lines")
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_downwards_only(package: str) -> None:
    if not ROOT.joinpath(*package.split("."), "__init__.py").exists():
        pytest.skip(f"not applicable: there is no package {package} yet")
    found = forbidden_imports(ROOT, package)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("package", "statement", "name"),
    [
        ("swarm", "import hypothesis", "hypothesis"),
        ("swarm", "from strategies.tasks import tasks", "strategies.tasks.tasks"),
        ("swarm", "def late() -> None:\n    import proofs.machine", "proofs.machine"),
        ("swarm", "import click", "click"),
        ("swarm", "from swarm.command.entry import main", "swarm.command.entry.main"),
        ("swarm.command", "import hypothesis", "hypothesis"),
        ("swarm.command", "from proofs import plugin", "proofs.plugin"),
        ("strategies", "from swarm import TaskBoard", "swarm.TaskBoard"),
        ("strategies", "import pytest", "pytest"),
        ("proofs.harness", "from proofs import plugin", "proofs.plugin"),
        ("proofs.harness", "from ..machine import TaskBoardMachine", "proofs.machine.Task"),
    ],
)
def test_an_upward_import_is_convicted(
    tmp_path: Path, package: str, statement: str, name: str
) -> None:
    folder = tmp_path.joinpath(*package.split("."))
    folder.mkdir(parents=True)
    (folder / "planted.py").write_text(f"import json\nfrom . import beside\n{statement}\n")
    [found] = forbidden_imports(tmp_path, package)
    assert f"imports {name}" in found


def test_no_file_and_no_function_is_too_long() -> None:
    found = [
        text
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*"))
        if path.suffix in READ
        for text in too_long(path)
    ]
    assert not found, "\n".join(found)


def test_a_long_file_and_a_long_function_are_convicted(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text("def long():\n" + "    pass\n" * FILE_LINES_MAX)
    assert len(too_long(path)) == 2
    path.write_text("def short():\n" + "    pass\n" * (FUNCTION_LINES_MAX - 1))
    assert too_long(path) == []


def test_a_long_script_and_a_long_style_are_convicted(tmp_path: Path) -> None:
    for name in ("long.js", "long.css"):
        (tmp_path / name).write_text("}\n" * (FILE_LINES_MAX + 1))
        assert len(too_long(tmp_path / name)) == 1
        (tmp_path / name).write_text("}\n" * FILE_LINES_MAX)
        assert too_long(tmp_path / name) == []


def python(code: str, *arguments: str, directory: Path) -> str:
    """What a fresh interpreter prints for this code; it fails where that fails or warns."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments, "-c", code],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


SWARM_ALONE = """
import sys
sys.path.insert(0, "alone")
for absent in ("click", "hypothesis", "pytest", "proofs", "strategies"):
    try:
        __import__(absent)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{absent} must be absent here")

from swarm import SwarmAgent, SwarmCoordinator, Task, TaskBoard, TaskType
board = TaskBoard("board")
board.post(Task("t1", TaskType.CODE_ANALYSIS, "a task"))
assert board.claim("t1", "a1")
assert board.complete("t1", {"found": 3})
parent_id = SwarmCoordinator(board).map("CODE_ANALYSIS", "more", [{"n": 1}, {"n": 2}])
agent = SwarmAgent("a2", board)
while agent.work_cycle():
    pass
print(board.get("t1").result, SwarmCoordinator(board).get_progress(parent_id)["completed"])
"""


def test_swarm_works_where_nothing_but_filelock_is_installed(tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    assert filelock.__file__ is not None
    for folder in (ROOT / "swarm", Path(filelock.__file__).parent):
        (tmp_path / "alone" / folder.name).symlink_to(folder)
    # -I -S: no site-packages, no PYTHONPATH, nothing of this directory
    printed = python(SWARM_ALONE, "-I", "-S", directory=tmp_path)
    assert printed == "{'found': 3} 2\n"


def test_the_command_says_in_one_line_that_click_is_missing(tmp_path: Path) -> None:
    """And with a status that no script takes for "nothing to claim"."""
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "swarm").symlink_to(ROOT / "swarm")
    (tmp_path / "alone" / "filelock").symlink_to(Path(filelock.__file__).parent)
    code = "import sys; sys.path.insert(0, 'alone'); from swarm.command.entry import main; "
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{code} sys.exit(main(['list']))"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2 and done.stdout == ""
    [line] = done.stderr.splitlines()
    assert "pip install click" in line


WITHOUT_LOCKS = """
import os, random, sys, tempfile
for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "pathconf"):
    delattr(os, name)
sys.modules["fcntl"] = None  # importing it fails, as on Windows
from swarm.command.entry import main
sys.exit(main(["--storage", "board", "post"]))
"""


def test_a_system_without_locks_is_refused_with_words_and_nothing_is_made(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_LOCKS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("swarm: the board must run where"), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_plugin_imports_neither_hypothesis_nor_a_proof(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import pytest
before = set(sys.modules)
import proofs.plugin
print(sorted(set(sys.modules) - before))
"""
    assert python(code, directory=tmp_path) == "['proofs', 'proofs.plugin']\n"
