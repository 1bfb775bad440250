"""Names are found in the table, among entry points and as ``module:Class``."""

import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import lookup
from models.errors import BadInput

TABLE = {"tool": "json:JSONDecoder", "broken": "tests.models.broken_on_purpose:X"}
GROUP = "seqyard.nothing"


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder that is not on the path, with the path as it was afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_name_of_the_table_is_imported() -> None:
    import json

    assert lookup.find("tool", TABLE, GROUP, "tool") is json.JSONDecoder


def test_the_current_folder_is_searched_last(outside: Path) -> None:
    (outside / "lookup_probe.py").write_text("class Mine:\n    pass\n")
    (outside / "json.py").write_text("class JSONDecoder:\n    pass\n")
    assert lookup.find("lookup_probe:Mine", TABLE, GROUP, "tool").__name__ == "Mine"
    assert sys.path[-1] == str(outside)
    sys.modules.pop("lookup_probe")
    sys.modules.pop("colorsys", None)
    (outside / "colorsys.py").write_text("rgb_to_hsv = 'hidden'\n")
    assert lookup.find("colorsys:rgb_to_hsv", TABLE, GROUP, "tool") != "hidden"


def test_the_source_hash_follows_the_file(outside: Path) -> None:
    file = outside / "lookup_hashed.py"
    file.write_text("class Mine:\n    pass\n")
    thing = lookup.find("lookup_hashed:Mine", TABLE, GROUP, "tool")
    before = lookup.source_hash(thing)
    assert lookup.source_hash(thing) == before
    file.write_text("class Mine:\n    x = 1\n")
    assert lookup.source_hash(thing) != before
    sys.modules.pop("lookup_hashed")


def test_what_is_not_there_is_named(outside: Path) -> None:
    with pytest.raises(BadInput, match=r"unknown tool 'tol'\. Did you mean 'tool'\?"):
        lookup.find("tol", TABLE, GROUP, "tool")
    with pytest.raises(BadInput, match="no module 'nowhere_at_all' in the installed packages or in"):
        lookup.find("nowhere_at_all:X", TABLE, GROUP, "tool")
    with pytest.raises(BadInput, match=r"'json' has no 'JSONDecode'\. Did you mean 'JSONDecoder'\?"):
        lookup.find("json:JSONDecode", TABLE, GROUP, "tool")


def test_a_missing_import_inside_a_plug_in_is_not_hidden(outside: Path) -> None:
    (outside / "lookup_needy.py").write_text("import not_installed_anywhere\n")
    with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
        lookup.find("lookup_needy:X", TABLE, GROUP, "tool")


@pytest.fixture
def forgotten() -> Iterator[None]:
    lookup.installed.cache_clear()
    yield
    lookup.installed.cache_clear()


@pytest.mark.usefixtures("forgotten")
def test_entry_points_are_found_but_never_replace_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        importlib.metadata.EntryPoint("tool", "os:getcwd", GROUP),
        importlib.metadata.EntryPoint("extra", "json:JSONEncoder", GROUP),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    assert lookup.names(TABLE, GROUP) == {**TABLE, "extra": "json:JSONEncoder"}
    assert lookup.find("extra", TABLE, GROUP, "tool").__name__ == "JSONEncoder"


def test_a_description_is_read_without_importing(outside: Path) -> None:
    file = outside / "lookup_described.py"
    file.write_text(
        '"""Module line."""\n\nclass A:\n    """Class line.\n\n    More."""\n\nraise RuntimeError\n'
    )
    lookup.append_current_folder()
    assert lookup.describe("lookup_described:A") == "Class line."
    assert lookup.describe("lookup_described:B") == "Module line."
    assert lookup.describe("no_such_package.module:A") == ""
    assert "lookup_described" not in sys.modules
