"""What a file of rows cannot tell of the past, and which figures that touches. Pure."""

from collections.abc import Collection, Iterator

from apps.importers.report import LedgerLine


def gaps_of_file(mapped: Collection[str], *, scope_is_recorded: bool) -> Iterator[LedgerLine]:
    """Lines of the ledger by the fields that the file has."""
    yield LedgerLine("a file tells how issues are, not what they were before", ("burndown", "training"))
    if "started_at" not in mapped:
        yield LedgerLine("the file does not say when work began", ("cycle times",))
    if "resolved_at" not in mapped:
        yield LedgerLine("the file does not say when work was finished", ("throughput", "velocity", "forecasts"))
    if "sprint" not in mapped:
        return
    if not scope_is_recorded:
        yield LedgerLine(
            "the file names the last sprint of an issue only: what a sprint had committed is not known",
            ("what a sprint had committed", "sprint outcomes"),
        )
    if not {"sprint_starts_on", "sprint_ends_on"} & set(mapped):
        yield LedgerLine("the file does not say when sprints began and ended", ("sprint durations", "sprint outcomes"))
