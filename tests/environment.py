"""The environment that tests run in; what is set already (a database of one's own) stays."""

import os

_DEFAULTS = {
    "SECRET_KEY": "a-key-of-the-tests-that-is-long-and-random-enough-5c1f0b7e",
    "CLICK_ID_KEYS": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "FIELD_ENCRYPTION_KEYS": "dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtMTI=",
    "PRIVATE_TOKEN_KEY": "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
    "DATABASE_URL": "postgres://postgres@127.0.0.1:5432/tracker",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "TRUSTED_PROXIES": "127.0.0.1/32",
    "EGRESS_ALLOWED_ADDRESSES": "127.0.0.0/8",
    "LOG_LEVEL": "WARNING",
}

for name, value in _DEFAULTS.items():
    os.environ.setdefault(name, value)
