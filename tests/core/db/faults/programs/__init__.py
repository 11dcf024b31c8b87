"""Programs of their own, for what a test process cannot do to itself."""
