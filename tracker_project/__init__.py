"""The project: settings, addresses, servers; the only package that knows every app."""
