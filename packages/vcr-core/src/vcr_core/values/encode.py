"""Python values to wire values.

Kinds of tagged values, with their fields beside ``"$vcr"``:

============== ====================================================== =========================================
kind           fields                                                 stands for
============== ====================================================== =========================================
tuple, set,    ``v``: list (sets sorted by their encoding)            the container
frozenset
namedtuple     ``type``, ``v``: dict of fields                        a named tuple
dict           ``v``: list of [key, value]                            a dict with other keys, or with the key $vcr
bytes,         ``v``: base64, or a blob                               the bytes
bytearray
str            ``v``: base64 of UTF-8 with surrogates                 a string that UTF-8 cannot hold
int, float,    ``v``: decimal digits; ``nan``/``inf``/``-inf``;       numbers that JSON cannot hold
complex        ``[real, imaginary]``
decimal, uuid  ``v``: str                                             `decimal.Decimal`, `uuid.UUID`
path           ``v``: str, ``flavour``: posix or windows, ``pure``    `pathlib` paths
datetime, date ``v``: ISO 8601 (``zone``: IANA name, ``fold``)        `datetime` types
time
timedelta      ``v``: [days, seconds, microseconds]
range, slice   ``v``: [start, stop, step]
enum           ``type``, ``name``, ``v``: value                       a member of an Enum
struct         ``type``, ``v``: dict of fields                        a msgspec struct
dataclass,     ``type``, ``v``: dict of fields (``items``: what it    an instance; restored without its constructor
object         holds, where it is a dict, list or set too)
pydantic       the same, ``set``: names, ``private``                  a model; restored without its constructor
exception      ``type``, ``args``, ``message``, ``v``: attributes,    an exception
               ``notes``, ``cause``, ``traceback``, ``errors``
ndarray        ``dtype``, ``shape``, ``fields``, ``v``: base64, a     a numpy array, C order
               blob, or a list
npscalar       ``dtype``, ``v``: base64                               a numpy scalar
stream         ``v``: chunks, ``offsets``, ``end``                    what a generator gave
blob           ``kind``: str or bytes, ``hash``, ``size``             a large leaf in its own file
opaque         ``type``, ``repr``, ``problem``                        anything else: described, not restored
cycle          ``path``                                               a container inside itself, or one that leads
                                                                      back to itself and was written often enough
deep           ``repr``                                               what lies deeper than `MAX_DEPTH`
============== ====================================================== =========================================
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from vcr_core.runtime_types import type_of
from vcr_core.values.allowed import type_name
from vcr_core.values.tagged import Tagged

TAG = "$vcr"
BLOB_SIZE = 16 * 1024
"""Leaves of this many characters or bytes, and more, are kept in blob files."""
MAX_DEPTH = 200
_REPR = 500
"""Characters of a repr that are kept."""
_WORD_ENDS = frozenset(" \t\n\r\"'`,;()<>[]{}")
_WRITTEN_AGAIN = 100
_AGAIN_EACH = 2
"""A container that leads back to itself is written again where it is met again, while there are no more ends of such
ways than the first of these, and the second for each such container."""
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


class BlobSink(Protocol):
    """Takes large leaves; returns the content hash that names the blob."""

    def put(self, kind: str, content: bytes) -> str | None:
        """Store `content` durably enough that a line may name it; None if it is to stay in its place."""
        ...


def to_wire(value: Any, *, blobs: BlobSink | None = None) -> Any:
    """Return `value` as a wire value; never raises for what `value` holds.

    Containers are copied, leaves are shared.  A value that cannot be taken apart is described (kind ``opaque``).
    """
    return WireEncoder(blobs).encode(value)


class WireEncoder:
    """One walk over one value; keeps track of depth and of the containers it is inside of.

    What is met twice is written twice.  Of what leads back to itself, or deeper than `MAX_DEPTH`, only so much is
    written again as bounds the whole by the number of references in the value.
    """

    def __init__(self, blobs: BlobSink | None = None) -> None:
        self._blobs = blobs
        self._inside: dict[int, str] = {}
        self._path: list[str] = []
        self._turns = 0
        # By id, with the place where each was written first; held, so that no other object gets its id.
        self._endless: dict[int, tuple[Any, str]] = {}
        self._loops: set[int] = set()

    def encode(self, value: Any) -> Any:
        """Return the wire form of `value`."""
        cls = type_of(value)
        if cls is str:
            return self._text(value)
        if value is None or cls is bool:
            return value
        if cls is int:
            return value if _INT_MIN <= value <= _INT_MAX else {TAG: "int", "v": str_of_int(value)}
        if cls is float:
            return value if math.isfinite(value) else {TAG: "float", "v": str(value)}
        return self._compound(value, cls)

    def _text(self, value: str) -> Any:
        if not value.isascii():
            try:
                encoded = value.encode()
            except UnicodeEncodeError:
                return {TAG: "str", "v": b64(value.encode("utf-8", "surrogatepass"))}
        elif len(value) >= BLOB_SIZE:
            encoded = value.encode()
        else:
            return value
        return self._large("str", encoded) or value

    def _large(self, kind: str, content: bytes) -> dict[str, Any] | None:
        """Put a large leaf aside; None if it is to stay where it is.

        A disk that refuses the blob does not lose the value: it stays in the line, which waits in memory.
        """
        if self._blobs is None or len(content) < BLOB_SIZE:
            return None
        try:
            digest = self._blobs.put(kind, content)
        except OSError:
            return None
        return None if digest is None else {TAG: "blob", "kind": kind, "hash": digest, "size": len(content)}

    def bytes_leaf(self, value: bytes) -> Any:
        """Return the ``v`` of a value whose content is bytes: base64, or a blob when large."""
        return self._large("bytes", value) or b64(value)

    def _compound(self, value: Any, cls: type[Any]) -> Any:
        key, turns = id(value), self._turns
        if key in self._inside:
            self._turns += 1
            return {TAG: "cycle", "path": self._inside[key]}
        if key in self._endless and turns > _WRITTEN_AGAIN + _AGAIN_EACH * len(self._endless):
            self._turns += 1
            return {TAG: "cycle", "path": self._endless[key][1]}
        if len(self._path) >= MAX_DEPTH:
            self._turns += 1
            return {TAG: "deep", "repr": self._describe_deep(value)}
        self._inside[key] = place = "/" + "/".join(self._path) if self._path else ""
        try:
            if cls is dict:
                return self.mapping(value)
            if cls is list:
                return self.sequence(value)
            return self._tagged(value, cls)
        except RecursionError:
            self._turns += 1
            return {TAG: "deep", "repr": f"<{cls.__qualname__}>"}
        finally:
            del self._inside[key]
            if self._turns > turns:
                self._endless.setdefault(key, (value, place))

    def _describe_deep(self, value: Any) -> str:
        """Return a repr; of what leads to a loop only its class, since a repr may follow every way through it."""
        from vcr_core.loops import find_loops  # noqa: PLC0415  # it stands on the kinds, which stand on this module

        found = {id(value)} if id(value) in self._loops else find_loops(value)
        self._loops |= found
        return f"<{type_of(value).__qualname__}>" if found else shallow_repr(value)

    def sequence(self, items: Any) -> list[Any]:
        """Return a list of the wire forms of `items`."""
        return [self.at(str(position), item) for position, item in enumerate(items)]

    def mapping(self, value: dict[Any, Any]) -> dict[str, Any]:
        """Return a dict as it is, or tagged if its keys are not all plain strings."""
        if TAG not in value and all(type_of(key) is str and (key.isascii() or is_utf8(key)) for key in value):
            return {key: self.at(key, item) for key, item in value.items()}
        pairs = [[self.at(f"{i}/0", key), self.at(f"{i}/1", item)] for i, (key, item) in enumerate(value.items())]
        return {TAG: "dict", "v": pairs}

    def at(self, name: str, value: Any) -> Any:
        """Return the wire form of the child `value` at `name`."""
        self._path.append(name)
        try:
            return self.encode(value)
        finally:
            self._path.pop()

    def _tagged(self, value: Any, cls: type[Any]) -> Any:
        from vcr_core.values.kinds import encoder_for  # noqa: PLC0415  # the rarer kinds are loaded when first met

        if cls is Tagged:
            return value.wire
        try:
            encoder: Callable[[WireEncoder, Any], Any] | None = encoder_for(cls)
            return opaque(value) if encoder is None else encoder(self, value)
        except RecursionError:
            raise
        except Exception as error:  # noqa: BLE001  # the agent's own objects may raise anything when looked at
            return opaque(value, problem=error)


def opaque(value: Any, *, problem: BaseException | None = None) -> dict[str, Any]:
    """Describe a value that cannot be taken apart."""
    wire = {TAG: "opaque", "type": type_name(type_of(value)), "repr": shallow_repr(value)}
    if problem is not None:
        wire["problem"] = shallow_repr(problem)
    return wire


def shallow_repr(value: Any) -> str:
    """Return a repr of at most 500 characters without memory addresses, whatever `value` does.

    It ends with a whole word: nobody would know the first part of a secret as one.
    """
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001  # a repr is the agent's code
        text = f"<{type_of(value).__qualname__}, whose repr raised {type(error).__name__}>"
    head, _, rest = text.partition(" at 0x")
    text = head + rest.lstrip("0123456789abcdefABCDEF") if rest else text
    end = min(len(text), _REPR)
    while 0 < end < len(text) and text[end] not in _WORD_ENDS:
        end -= 1
    return readable(text[:end])


def readable(text: str) -> str:
    """Return `text` with what UTF-8 cannot hold escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def str_of_int(value: int) -> str:
    """Return the digits of any int, also beyond the interpreter's limit on digits."""
    try:
        return str(value)
    except ValueError:
        return hex(value)


def b64(content: bytes) -> str:
    """Return standard base64 as text."""
    return base64.b64encode(content).decode("ascii")


def is_utf8(text: str) -> bool:
    """Return False if `text` holds a lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def stable_order(items: list[Any]) -> list[Any]:
    """Return wire values ordered by their encoding, so that equal sets are written equal."""
    return sorted(items, key=msgspec.json.Encoder(order="deterministic").encode)
