"""The statistics interface of the metta curriculum."""

from abc import ABC, abstractmethod


class StatsLogger(ABC):
    """Something that has figures: a subclass gives ``get_base_stats``, and ``get_detailed_stats`` where it has more.

    >>> class Clock(StatsLogger):
    ...     def get_base_stats(self):
    ...         return {"hours": 7.0}
    >>> Clock().stats("clock/")
    {'clock/hours': 7.0}
    """

    @abstractmethod
    def get_base_stats(self) -> dict[str, float]:
        """The figures that are always there."""

    def get_detailed_stats(self) -> dict[str, float]:
        """The figures that take longer."""
        return {}

    def stats(self, prefix: str = "") -> dict[str, float]:
        """All figures, with ``prefix`` before their names."""
        return {f"{prefix}{name}": value for name, value in (self.get_base_stats() | self.get_detailed_stats()).items()}

    def invalidate_cache(self) -> None:  # noqa: B027 - meant to do nothing
        """Nothing: figures are never kept, they are worked out when they are asked for."""


class NullStatsLogger(StatsLogger):
    """Something that has no figures.

    >>> NullStatsLogger().stats("any/")
    {}
    """

    def get_base_stats(self) -> dict[str, float]:
        """No figures."""
        return {}
