"""Pytest plugin: choose the stack under test before Django reads its settings."""
