"""Text that a user names by path: read strictly, kept by content, so that no cell holds a path."""

import gzip
import hashlib
import unicodedata
import zlib
from pathlib import Path

from experiments.corpora.cache import cache_folder, draft, publish
from models.errors import BadInput, nearest

_KIND, _FILE = "texts", "text.txt"


def read_text(path: Path) -> str:
    """Return a UTF-8 file, plain or gzipped, with line feeds for line ends, in Unicode's form NFC.

    Raises:
        BadInput: it is not there, cannot be read, is not UTF-8, or holds nothing but white space.
    """
    if not path.is_file():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = nearest(path.name, beside) if 0 < len(beside) <= 20 else ""
        raise BadInput(f"corpus '{path}': no such file.{hint}")
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"corpus '{path}' cannot be read: {error}.") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BadInput(
            f"{path.name}, line {line}: not UTF-8 (byte 0x{raw[error.start]:02x}); "
            "convert the file, for example with `iconv -t utf-8`."
        ) from error
    if not text.strip():
        raise BadInput(f"corpus '{path}' is empty.")
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def keep_text(text: str) -> str:
    """Keep a text in the cache; return the hash of its content, 16 hexadecimal digits."""
    content = hashlib.sha256(text.encode()).hexdigest()[:16]
    if not (cache_folder() / _KIND / content).is_dir():
        with draft(_KIND) as folder:
            (folder / _FILE).write_bytes(text.encode())
            publish(folder, content)
    return content


def kept_text(content: str, name: str) -> str:
    """Return a text that was kept before.

    Raises:
        BadInput: it is not in this machine's cache, or was changed there.
    """
    path = cache_folder() / _KIND / content / _FILE
    if not path.is_file():
        raise BadInput(
            f"corpus '{name}' (content {content}) is not in the cache {cache_folder()}; "
            "name it once more with its place: corpus = PATH."
        )
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest()[:16] != content:
        raise BadInput(f"corpus '{name}': {path} was changed; remove its folder and import it again.")
    return raw.decode()
