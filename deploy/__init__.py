"""Starts, stops and supervises the tracker's processes on one machine."""
