"""The script that pages load from the click host: read once, served without comments and needless blanks."""

from pathlib import Path

import rjsmin

SCRIPT: bytes = rjsmin.jsmin((Path(__file__).parent / "static" / "t.js").read_bytes())
