"""What is done once an epoch, by pool size: statistics, and the exact distribution."""

from __future__ import annotations

from asv_benchmarks.pools import Timing, kept_curriculum


class Epoch(Timing):
    """Statistics of a pool of learning progress; a call each."""

    params = ([1_000, 100_000],)
    param_names = ("tasks",)

    def setup(self, tasks: int) -> None:
        self.curriculum = kept_curriculum("learning_progress", tasks)

    def time_stats(self, tasks: int) -> None:
        self.curriculum.stats()

    def time_gini_coefficients(self, tasks: int) -> None:
        self.curriculum.calculate_gini_coefficients()

    def time_per_label_means(self, tasks: int) -> None:
        self.curriculum.calculate_per_label_mean_lp_stats()

    def time_raw_lp(self, tasks: int) -> None:
        self.curriculum.calculate_raw_lp_debug_stats()

    def time_probabilities(self, tasks: int) -> None:
        self.curriculum.probabilities()

    def time_thousand_epoch_ends(self, tasks: int) -> None:
        for _ in range(1000):
            self.curriculum.on_epoch_end()
