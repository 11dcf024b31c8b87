"""Reactions to changes; each only names what has changed."""

from articles import caches  # noqa: F401 (tracks the models in every process)
