"""Raw DBUtils under Django's own MySQL backend: the control of the fault tests."""
