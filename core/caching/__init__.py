"""Coherent cache: after a commit nobody reads older data."""
