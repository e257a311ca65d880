"""What a rule says when it finds something: the evidence, how bad it is and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

#: From mild to severe; the order of every list of thresholds.
SEVERITIES = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something unusual or risky."""

    kind: str
    #: One of `SEVERITIES`.
    severity: str
    #: One sentence with the numbers in it.
    description: str
    #: Short name of what was measured.
    metric: str
    expected: float
    actual: float
    mitigation: tuple[str, ...]
    evidence: dict[str, float | int | str | list[str]] = field(default_factory=dict)

    @property
    def issues(self) -> list[str]:
        """Ids of the issues that it is about."""
        named = self.evidence.get("issues", [])
        return named if isinstance(named, list) else []


def severity_of(value: float, thresholds: Sequence[float]) -> str | None:
    """The severest level whose threshold `value` reaches; None below the first.

    Parameters
    ----------
    value : float
        How bad it is: larger is worse.
    thresholds : sequence of four floats
        Where low, medium, high and critical begin, ascending.
    """
    reached = [name for name, threshold in zip(SEVERITIES, thresholds, strict=True) if value >= threshold]
    return reached[-1] if reached else None


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """Severest first; equals keep their order."""
    return sorted(findings, key=lambda finding: -SEVERITIES.index(finding.severity))


def percent(part: float, whole: float) -> float:
    """Share in percent; 0 of nothing is 0."""
    return 100.0 * part / whole if whole else 0.0
