"""How an import tells how far it is."""


class Progress:
    """Is told of steps, rows and the first problem; this one says nothing."""

    def read(self, rows: int, share: float) -> None:
        """``rows`` were read, which is this share of the sheet (0 to 1)."""

    def step(self, label: str) -> None:
        """A step after the reading begins."""

    def problem(self, sentence: str) -> None:
        """The first problem was found."""

    def close(self) -> None:
        """Nothing more will be told."""
