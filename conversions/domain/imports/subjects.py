"""Which rows of a file are about the same thing, so that they are tried together, in the order of the file."""

from conversions.models import ImportRow

_KEYS = {
    "player_id": "p",
    "click_id": "c",
    "transaction_id": "t",
    "deposit_transaction_id": "t",
    "install_id": "i",
}


class Subjects:
    """Groups rows by whatever they name; `merged` says which groups turned out to be one, as group to group."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}
        self._root: dict[int, int] = {}

    def place(self, row: ImportRow) -> int:
        """Return the group of a row: that of an earlier row that names one of the same things, else its own."""
        keys = [f"{sign}:{row.terms[name]}" for name, sign in _KEYS.items() if row.terms.get(name)]
        if row.event_id:
            keys.append(f"e:{row.event_id}")
        roots = {self._find(self._of[key]) for key in keys if key in self._of} or {row.number}
        root = min(roots)
        for other in roots - {root}:
            self._root[other] = root
        for key in keys:
            self._of[key] = root
        return root

    @property
    def merged(self) -> dict[int, int]:
        return {group: self._find(group) for group in self._root}

    def _find(self, group: int) -> int:
        while group in self._root:
            group = self._root[group]
        return group
