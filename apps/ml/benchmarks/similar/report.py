"""Tables of the benchmark of similar issues, and what is asked of it."""

from collections.abc import Iterator

from apps.common.console import table
from apps.ml.benchmarks.acceptance import Criterion, Figures, acceptance_table, at_least, figure

CRITERIA = (
    Criterion(
        "words and meaning less Jaccard, MRR",
        figure("references", "to_jaccard", "words and meaning", "mrr"),
        at_least(0.10),
    ),
    Criterion(
        "the table less words alone, MRR", figure("references", "to_words", "words and meaning", "mrr"), at_least(0.02)
    ),
    Criterion(
        "paraphrases by meaning, hit at 5", figure("paraphrases", "methods", "meaning", "hit_at_5"), at_least(0.60)
    ),
)


def lines(figures: Figures) -> Iterator[str]:
    """The tables as text."""
    references, paraphrases, strangers = figures["references"], figures["paraphrases"], figures["strangers"]
    yield f"references: {references['n']} questions, the {figures['half']} half of each project"
    yield from table(
        ("", "MRR", "hit at 5", "less Jaccard", "less words"),
        [
            (name, *_rates(row), *(_difference(references[key].get(name)) for key in ("to_jaccard", "to_words")))
            for name, row in references["methods"].items()
        ],
    )
    yield f"as served, five shown: the right one is among them in {references['served_hit_at_5']:.1%}"
    yield ""
    yield f"paraphrases: {paraphrases['n']} questions among {paraphrases['n_titles']} titles"
    yield from table(
        ("", "MRR", "hit at 5", "median rank"),
        [(name, *_rates(row), f"{row['median_rank']:.1f}") for name, row in paraphrases["methods"].items()],
    )
    yield f"as served, five shown: the right one is among them in {paraphrases['served_hit_at_5']:.0%}"
    yield ""
    yield (
        f"strangers: of {strangers['n']} questions about issues of other projects {strangers['by_words']:.0%} find one "
        f"alike in words, {strangers['by_meaning']:.0%} one alike in meaning"
    )
    yield ""
    yield from acceptance_table(figures["acceptance"])


def _rates(row: Figures) -> tuple[str, str]:
    return f"{row['mrr']:.3f}", f"{row['hit_at_5']:.3f}"


def _difference(found: Figures | None) -> str:
    return "" if found is None else f"{found['mrr']:+.3f} +- {found['standard_error']:.3f}"
