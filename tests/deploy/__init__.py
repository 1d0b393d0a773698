"""Tests of what starts and keeps the tracker on a machine."""
