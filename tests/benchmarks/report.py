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
        print(f"\n{self.title}")
        print(f"{'':20} {unit:>12}  {ours} is … times as fast (median of rounds)")
        for contender, figures in self.figures.items():
            ratios = [
                mine / theirs
                for mine, theirs in zip(self.figures[ours], figures, strict=True)
            ]
            spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
            print(
                f"{contender:20} {median(figures):12,.0f}  {median(ratios):.2f} ({spread})"
            )
