"""Dialects: one file a kind of platform, each turns its words into ours."""
