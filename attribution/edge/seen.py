"""Who was here a short while ago: a table in a file that all edges of a machine share, and that outlives them.

It holds keyed hashes and times, nothing that names a visitor. Edges write it without locks: two that hit the same
slot at the same instant may count one visit too few, which is all that can go wrong. Where no file can be had, an
edge remembers for itself.
"""

import mmap
import os
import struct
import tempfile
from array import array
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

SLOTS = 1 << 21
_SLOT = struct.Struct("<qIII4x")  # key, last visit and start of the period (Unix seconds), visits in the period
_PROBES = 4
_NEVER = 1 << 32


class SeenVisitors:
    """A fixed number of slots; where all that a key may take are taken, the one not seen for longest gives way."""

    def __init__(self, path: Path, *, slots: int = SLOTS) -> None:
        self._slots = slots
        size = slots * _SLOT.size
        try:
            self._memory = _shared_memory(path, size)
        except OSError as error:
            log.error("visitors are known to this process alone", path=str(path), error=str(error))
            self._memory = mmap.mmap(-1, size)

    def last_visit(self, key: int) -> int:
        """Return when a key was last touched, in Unix seconds; 0 when it is not known."""
        _, found, last, _, _ = self._find(key)
        return last if found == key else 0

    def touch(self, key: int, now: int, *, period: int) -> tuple[int, int]:
        """Note a visit; return when the last one was (0: none is known) and how many this period has had with it.

        A period begins with the first visit after the last one ended.
        """
        position = key % self._slots * _SLOT.size
        found, last, began, visits = _SLOT.unpack_from(self._memory, position)
        if found != key and last:
            position, found, last, began, visits = self._find(key)
        if found != key:
            last, began, visits = 0, now, 0
        elif not began <= now < began + period:
            began, visits = now, 0
        _SLOT.pack_into(self._memory, position, key, now, began, visits + 1)
        return last, visits + 1

    def _find(self, key: int) -> tuple[int, int, int, int, int]:
        """Return the key's slot and what is in it: its own, else a free one, else the one to give way."""
        memory, size = self._memory, _SLOT.size
        first = key % self._slots
        oldest = (first * size, 0, _NEVER, 0, 0)
        for step in range(_PROBES):
            position = (first + step) % self._slots * size
            found, last, began, visits = _SLOT.unpack_from(memory, position)
            if found == key or not last:
                return position, found, last, began, visits
            if last < oldest[2]:
                oldest = (position, found, last, began, visits)
        return oldest


class BusyAddresses:
    """How many visits each address has made in this hour, as this process saw them.

    Addresses are told apart by a hash whose key lives and dies with the process. Two that share a place are counted
    together: with a million places that raises a count by a few, not by the hundred that matters.
    """

    PLACES = 1 << 20

    def __init__(self) -> None:
        self._hour = 0
        self._visits = array("I")

    def count(self, address: bytes, hour: int) -> int:
        """Count a visit of a packed address in an hour since 1970; return how many there are now."""
        if hour != self._hour or not self._visits:
            self._hour, self._visits = hour, array("I", bytes(4 * self.PLACES))
        place = hash(address) % self.PLACES
        self._visits[place] += 1
        return self._visits[place]


def _shared_memory(path: Path, size: int) -> mmap.mmap:
    """Map the file; one of another size is another program's, and is replaced under those that may still use it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(descriptor).st_size in (0, size):
            return _mapped(descriptor, size)
    finally:
        os.close(descriptor)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        memory = _mapped(descriptor, size)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return memory


def _mapped(descriptor: int, size: int) -> mmap.mmap:
    # Room that is not taken now may be gone later, and a write into a hole of the file would end the process.
    os.posix_fallocate(descriptor, 0, size)
    return mmap.mmap(descriptor, size)
