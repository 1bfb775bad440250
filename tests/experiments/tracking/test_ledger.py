"""What is logged, across processes and crashes."""

import subprocess
import sys

from experiments.tracking.ledger import Ledger, content_hash

HOLD = (
    "import sys, pathlib; from experiments.tracking.ledger import Ledger\n"
    "ledger = Ledger(pathlib.Path(sys.argv[1]))\n"
    "with ledger.claim('a') as claimed:\n"
    "    print(claimed, flush=True); sys.stdin.readline()\n"
    "    ledger.add('a', 'by the other')\n"
)


def test_another_process_is_kept_off_and_what_it_wrote_is_seen(tmp_path):
    path = tmp_path / "deep" / "logged.jsonl"
    ledger = Ledger(path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "True\n"
        with ledger.claim("a") as mine, ledger.claim("b") as free:
            assert (mine, free) == (False, True)
        assert not ledger.knows("a")
        other.communicate("\n")
    assert ledger.has("a", "by the other")
    with ledger.claim("a") as mine:
        assert mine
    ledger.close()


def test_a_line_cut_off_by_a_crash_is_no_entry(tmp_path):
    path = tmp_path / "logged.jsonl"
    ledger = Ledger(path)
    ledger.add("a", "1")
    with path.open("a") as file:
        file.write('{"key": "b", "cont')
    assert ledger.has("a", "1")
    assert not ledger.knows("b")
    with path.open("a") as file:
        file.write("\n")
    ledger.add("c", "2")
    assert ledger.has("c", "2")
    assert not ledger.knows("b")
    ledger.close()


def test_another_content_is_logged_again(tmp_path):
    file = tmp_path / "record.json"
    file.write_text("1")
    ledger = Ledger(tmp_path / "logged.jsonl")
    ledger.add("a", content_hash(file))
    assert ledger.has("a", content_hash(file))
    file.write_text("2")
    assert not ledger.has("a", content_hash(file))
    ledger.close()
