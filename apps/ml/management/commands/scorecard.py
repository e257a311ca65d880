"""`./run manage scorecard --project KEY [--days 90] [--type effort_prediction] [--json]`."""

from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option, as_json, table
from apps.ml.core.evaluation.scorecard import Score, Skill
from apps.ml.management.scope import project_by_key
from apps.ml.selectors.scorecard import DEFAULT_DAYS, MAX_DAYS, SCORED_KINDS
from apps.ml.services.evaluation.scorecard import Scorecard, TypeScorecard, project_scorecard

_HEADER = (
    "", "n", "MAE", "RMSE", "median", "bias", "factor", "range holds", "promised", "Brier", "ECE", "pinball", "MRR",
    "skill",
)  # fmt: skip


class Command(BaseCommand):
    """Show how a project's predictions turned out, beside the naive baseline and the team's own estimates."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", metavar="KEY", required=True)
        parser.add_argument(
            "--days", type=_days, default=DEFAULT_DAYS, help=f"outcomes of the last so many days ({DEFAULT_DAYS})"
        )
        parser.add_argument("--type", choices=[kind.value for kind in SCORED_KINDS], help="only this type")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_by_key(options["project"])
        card = project_scorecard(project.id, now=timezone.now(), days=options["days"], kind=options["type"])
        if options["json"]:
            self.stdout.write(as_json(asdict(card)))
        else:
            self.stdout.write("\n".join(_text(project.key, card)))


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= MAX_DAYS):
        raise ArgumentTypeError(f"a number of days from 1 to {MAX_DAYS} is needed, not {text!r}")
    return int(text)


def _text(key: str, card: Scorecard) -> Iterator[str]:
    yield f"Project {key}, outcomes from {card.since:%Y-%m-%d} to {card.until:%Y-%m-%d}"
    if card.is_cut:
        yield "There are more outcomes than one scorecard reads: only the newest of the window count."
    for found in card.types:
        yield ""
        yield f"{found.prediction_type}, in {found.unit}"
        yield from _type_lines(found)


def _type_lines(found: TypeScorecard) -> Iterator[str]:
    if found.overall is not None:
        scores = {"all": found.overall, **found.methods}
        rows = [_row(name, score) for name, score in scores.items()]
        rows += [_row("team's estimate", found.team)] if found.team else []
        yield from table(_HEADER, rows)
    yield found.verdict
    for method, sums in found.removed.items():
        yield (
            f"Removed for age, {method}: {sums.n:,} answers, MAE {sums.mean_absolute_error:.2f}, "
            f"range held {_number(sums.coverage, '{:.0%}')}."
        )
    if found.waiting and found.overall is not None:
        yield f"Open predictions that wait for an outcome: {found.waiting:,}."
    if found.about_no_issue:
        yield f"Never to be scored, since no issue or sprint can judge them: {found.about_no_issue:,}."
    for reason, n in found.unscored.items():
        yield f"Not scored: {n:,}. {reason}"
    if found.cut_short:
        yield f"Still open when the latest date told had passed, so that they took longer: {found.cut_short:,}."


def _row(name: str, score: Score) -> Sequence[str]:
    ranges, told = score.ranges, score.confidence
    return (
        name,
        f"{score.n:,}",
        f"{score.mean_absolute_error:.2f}",
        f"{score.root_mean_squared_error:.2f}",
        f"{score.median_absolute_error:.2f}",
        f"{score.bias:+.2f}",
        _number(score.bias_factor, "{:.2f}"),
        _number(ranges.coverage if ranges else None, "{:.0%}"),
        _number(ranges.nominal if ranges else None, "{:.0%}"),
        _number(told.brier if told else None, "{:.3f}"),
        _number(told.ece if told else None, "{:.3f}"),
        _number(score.pinball, "{:.2f}"),
        _number(score.hits.mean_reciprocal_rank if score.hits else None, "{:.2f}"),
        _skill(score.against_baseline),
    )


def _number(value: float | None, pattern: str) -> str:
    return "-" if value is None else pattern.format(value)


def _skill(skill: Skill | None) -> str:
    if skill is None:
        return "-"
    if skill.low is None or skill.high is None:
        return f"{skill.value:+.2f}"
    return f"{skill.value:+.2f} ({skill.low:+.2f} to {skill.high:+.2f})"
