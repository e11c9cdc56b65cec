"""The design's rules, read from the source."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent
_TOP = {"setup.cfg", "README.md", "app", "schemas", "tests", "wsgi.py"}
_ALLOWED_IN_WEBAPI = {"app", "urllib", "functools", "collections", "dataclasses", "typing", "enum"}
_ALLOWED_IN_WEBAPI |= {"re", "abc", "codecs", "ipaddress", "json"}


def _modules() -> dict[str, ast.Module]:
    """Return the product's modules by dotted name."""
    files = [*_ROOT.glob("app/**/*.py"), *_ROOT.glob("schemas/**/*.py"), _ROOT / "wsgi.py"]
    return {
        str(path.relative_to(_ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__"): (
            ast.parse(path.read_text(encoding="utf-8"))
        )
        for path in files
    }


_MODULES = _modules()


_ROOMS = ("webapi", "store", "host", "observe", "docs", "parity", "server")
"""From the bottom to the top: a room imports from those before it."""
_BESIDE = {"errors": (), "config": ("errors",), "cli": ("errors",)}
"""The modules beside the rooms, and what each may import; the rest composes and may all."""


def _imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found |= {f"{node.module}.{name.name}" for name in node.names} | {str(node.module)}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module":
            found |= {ast.unparse(argument).strip("'\"") for argument in node.args}
    return found


def _own_imports(name: str) -> set[str]:
    return {found for found in _imports(_MODULES[name]) if found in _MODULES and found != name}


@pytest.mark.parametrize("name", [name for name in _MODULES if name.startswith("app.webapi")])
def test_webapi_is_a_leaf(name: str) -> None:
    """The rules know no server, store or contract."""
    found = _imports(_MODULES[name])

    assert {module.partition(".")[0] for module in found} <= _ALLOWED_IN_WEBAPI
    assert all(own == "app" or own.startswith("app.webapi") for own in found if own[:3] == "app")


@pytest.mark.parametrize("name", [name for name in _MODULES if name.startswith("schemas")])
def test_schemas_are_a_leaf(name: str) -> None:
    """The contracts know marshmallow only."""
    assert not any(found.startswith("app") for found in _imports(_MODULES[name]))


def _room(module: str) -> str:
    """Return the second part of a dotted name, "" for ``app`` itself."""
    return module.removeprefix("app").strip(".").partition(".")[0]


@pytest.mark.parametrize("room", _ROOMS)
def test_arrows_point_down(room: str) -> None:
    """A room imports from the rooms below it, the settings, the errors and the contracts."""
    below = {"", "errors", "config", *_ROOMS[: _ROOMS.index(room) + 1]}
    names = [name for name in _MODULES if name.startswith(f"app.{room}")]

    upward = {
        (name, found)
        for name in names
        for found in _own_imports(name)
        if found.startswith("app") and _room(found) not in below
    }

    assert names
    assert upward == set()


@pytest.mark.parametrize("name", _BESIDE)
def test_what_stands_beside_the_rooms_knows_little(name: str) -> None:
    """The settings, the errors and the command table import no room."""
    imported = _imports(_MODULES[f"app.{name}"])

    assert {_room(found) for found in imported if found.startswith("app")} <= {*_BESIDE[name], ""}


def test_no_import_goes_round() -> None:
    """There is an order in which each module's imports come before it."""
    left = {name: {own for own in _own_imports(name) if own != "app"} for name in _MODULES}
    while ready := [name for name, needed in left.items() if not needed & left.keys()]:
        for name in ready:
            del left[name]

    assert left == {}


def test_imports_stand_at_the_top() -> None:
    """No function imports."""
    inside = [
        f"{name}:{node.lineno}"
        for name, tree in _MODULES.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


def test_the_members_are_named_once() -> None:
    """Only the contract, the examples of the demo and what a version of the store had."""
    naming = [
        path.relative_to(_ROOT).as_posix()
        for path in [*_ROOT.glob("app/**/*.py"), *_ROOT.glob("schemas/**/*.py")]
        if "socket_kwh" in path.read_text(encoding="utf-8")
    ]

    assert sorted(naming) == [
        "app/server/demo.py",
        "app/store/migrations/versions/0001_charge_process.py",
        "app/store/migrations/versions/0002_checks.py",
        "schemas/charge_process.py",
    ]


def test_a_clr_type_is_described_in_three_rooms() -> None:
    """schemas, webapi and store; others use these, and only contracts name types besides."""
    naming = {
        name
        for name, tree in _MODULES.items()
        if {"int32", "datetime"} <= {found.lower().replace("_", "") for found in _names(tree)}
    }

    assert naming == {
        "schemas.clr",
        "schemas.charge_process",
        "app.webapi.data_contract",
        "app.webapi.clr_types",
        "app.store.clr_types",
        "app.store.clr_values",
        "app.store.checks",
        "app.store.migrations.versions.0002_checks",
    }


def _names(tree: ast.AST) -> set[str]:
    """Return the last parts of all names in a module's code."""
    found = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_the_top_level_is_as_agreed() -> None:
    """Six names, and dotfiles."""
    files = subprocess.run(
        ["git", "ls-files"], cwd=_ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")

    assert {name.partition("/")[0] for name in files if name and not name.startswith(".")} == _TOP


_OF_NAMED_TUPLES = {"_asdict", "_fields", "_make", "_replace"}
"""Documented by collections.namedtuple, whose fields have the other names."""
_PRIVATE = {
    ("app.server.granian_server", "_spawn_worker"): "granian tells a worker's number nowhere else;"
    " setup.cfg bounds granian, and tests/server/test_servers.py holds that workers are pinned",
}
"""The underscore names of other libraries that the application uses, each with its reason."""


def test_only_listed_private_names_of_others_are_used() -> None:
    """A name with an underscore that is not ours is a debt."""
    found = {
        (name, node.attr)
        for name, tree in _MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and re.match(r"_(?!_)", node.attr)
        if node.attr not in _OF_NAMED_TUPLES and not _is_own(name, node)
    }
    imported = {
        (name, module)
        for name, tree in _MODULES.items()
        for module in _imports(tree)
        if re.search(r"(^|\.)_(?!_)", module) and not module.startswith(("app", "schemas"))
    }

    assert found | imported == _PRIVATE.keys()


def _defined(tree: ast.AST) -> set[str]:
    """Return the names that a module gives to functions, attributes and variables."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def _is_own(module: str, node: ast.Attribute) -> bool:
    """Whether the application defines an attribute: for ``super()``, in another module."""
    of = ast.unparse(node.value)
    if of != "super()" and node.attr in _defined(_MODULES[module]):
        return True
    others = (tree for name, tree in _MODULES.items() if name != module)
    return of in ("super()", "self", "cls") and any(node.attr in _defined(t) for t in others)


def test_no_pattern_repeats_possessively() -> None:
    """CPython 3.11.0 to 3.11.4 matches possessive repeats of groups wrongly (gh-106052)."""
    classes = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.S)
    found = [
        f"{name}: {node.value}"
        for name, tree in _MODULES.items()
        if "re" in _imports(tree)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.search(r"(?<!\\)[*+?}]\+|\(\?>", classes.sub("c", node.value))
    ]

    assert found == []


def test_recordings_are_the_captured_ones() -> None:
    """Nobody edited them to fit."""
    recorded = _ROOT / "tests" / "recordings"

    sums = subprocess.run(
        ["sha256sum", "edges.jsonl", "floats.jsonl", "processes.jsonl", "recordings.jsonl"],
        cwd=recorded,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert sums == _SUMS


_SUMS = """\
40e992f9773bf22ccd880d7fff3914d925f75a4bb812cb9ffc6c3d6cb709cbeb  edges.jsonl
32c8bb95fbeb42084c5c748b2892d4332f190a49c9ed4780cecc608cceaefe5f  floats.jsonl
ed63721073cf5e5afba27515290e866512f608533335f623f1416c83e5769707  processes.jsonl
2c71a536c967705741efa05309df641f74fc26ef2671fb42454d3408b62c36be  recordings.jsonl
"""
