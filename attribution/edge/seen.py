"""Who was here a short while ago: a table in a file that all edges of a machine share, and that outlives them.

It holds keyed hashes and times, nothing that names a visitor. Edges write it without locks: two that hit the same
slot at the same instant may count one visit too few, which is all that can go wrong.
"""

import mmap
import os
import struct
from pathlib import Path

SLOTS = 1 << 21
_SLOT = struct.Struct("<qIII4x")  # key, last visit and start of the period (Unix seconds), visits in the period
_PROBES = 4
_NEVER = 1 << 32


class SeenVisitors:
    """A fixed number of slots; where all that a key may take are taken, the one not seen for longest gives way."""

    def __init__(self, path: Path, *, slots: int = SLOTS) -> None:
        self._slots = slots
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, slots * _SLOT.size)
            self._memory = mmap.mmap(descriptor, slots * _SLOT.size)
        finally:
            os.close(descriptor)

    def last_visit(self, key: int) -> int:
        """Return when a key was last touched, in Unix seconds; 0 when it is not known."""
        _, found, last, _, _ = self._find(key)
        return last if found == key else 0

    def touch(self, key: int, now: int, *, period: int) -> tuple[int, int]:
        """Note a visit; return when the last one was (0: none is known) and how many this period has had with it.

        A period begins with the first visit after the last one ended.
        """
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
