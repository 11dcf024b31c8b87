from statistics import median


class Results:
    """Figures of several contenders over several rounds; more is better."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.figures: dict[str, list[float]] = {}

    def add(self, contender: str, figure: float) -> None:
        self.figures.setdefault(contender, []).append(figure)

    def show(self, *, unit: str, ours: str) -> None:
        """Print medians, and ours in multiples of each, round by round."""
        self._print_head(unit, f"{ours} is … times as fast")
        for contender in self.figures:
            self._print(contender, self.multiples(ours, contender))

    def show_beside(self, usual: str, *, unit: str) -> None:
        """Print medians, and each in multiples of the usual one, round by round."""
        self._print_head(unit, f"× {usual}")
        for contender in self.figures:
            self._print(contender, self.multiples(contender, usual))

    def multiples(self, one: str, other: str) -> str:
        pairs = zip(self.figures[one], self.figures[other], strict=True)
        ratios = [mine / theirs for mine, theirs in pairs]
        return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"

    def _print_head(self, unit: str, ratios: str) -> None:
        print(f"\n{self.title}")
        print(f"{'':20} {unit:>12}  {ratios} (median of rounds)")

    def _print(self, contender: str, multiples: str) -> None:
        print(f"{contender:20} {median(self.figures[contender]):12,.0f}  {multiples}")
