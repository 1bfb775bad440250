import errno
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.record import FORMAT, Record
from experiments.store import Store, _readable
from models.errors import BadInput
from tests.experiments.toys import toy


def record(seed=0, **changes):
    cell = toy(seed=seed)
    return Record(**{"key": cell.key, "cell": cell, "status": "ok", **changes})


def one_line(error):
    return "\n" not in str(error.value)


def test_what_is_written_is_read(store):
    written = record(metrics={"test": 0.5, "none": None}, curves={"loss": [[1, 2.0]]})
    store.write(written)
    assert store.has(written.key)
    assert store.read(written.key) == written


def test_records_come_in_the_order_of_their_keys(store):
    for seed in range(5):
        store.write(record(seed))
    keys = [found.key for found in store]
    assert keys == sorted(keys)
    assert len(keys) == 5


@pytest.mark.parametrize(
    "fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]
)
def test_a_write_that_fails_leaves_the_old_record_whole_and_nothing_else(store, monkeypatch, fault):
    old = record(metrics={"test": 0.1})
    store.write(old)

    def fail(handle):
        raise fault

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(fault)):
        store.write(record(metrics={"test": 0.2}))
    assert store.read(old.key) == old
    assert [path.name for path in store.records.iterdir()] == [f"{old.key}.json"]


def test_nan_never_reaches_a_file(store):
    with pytest.raises(ValueError, match="JSON"):
        store.write_json(store.manifest, {"x": float("nan")})
    assert not store.manifest.exists()


@pytest.mark.parametrize("text", ["", "{", '{"format": 1}', "[1, 2]", "\x00\x00"])
def test_a_damaged_record_is_named_in_one_line(store, text):
    key = record().key
    store.path(key).write_text(text)
    with pytest.raises(BadInput, match=key) as error:
        store.read(key)
    assert one_line(error)


def test_a_record_that_is_no_text_is_named(store):
    store.path("0" * 16).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="damaged"):
        store.read("0" * 16)


@pytest.mark.parametrize("newer", [FORMAT + 1, FORMAT + 100])
def test_a_newer_store_is_refused(store, newer):
    store.manifest.write_text(json.dumps({"format": newer}))
    with pytest.raises(BadInput, match="newer Seqyard") as error:
        Store(store.folder).create()
    assert one_line(error)


def test_a_newer_record_is_refused(store):
    found = record()
    store.path(found.key).write_text(
        json.dumps({**found.model_dump(mode="json"), "format": FORMAT + 1})
    )
    with pytest.raises(BadInput, match="newer Seqyard"):
        store.read(found.key)


def test_a_format_that_is_no_number_is_damage(store):
    store.manifest.write_text(json.dumps({"format": "two"}))
    with pytest.raises(BadInput, match="format"):
        Store(store.folder).create()


def test_a_folder_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written") as error:
        Store(tmp_path / "file" / "store").create()
    assert one_line(error)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_compact_lists_change_no_value(data: object) -> None:
    text = _readable(data)
    assert json.loads(text) == data
    assert _readable([[1, 2.5], ["[1,  2]"]]) == '[\n [1, 2.5],\n [\n  "[1,  2]"\n ]\n]'
