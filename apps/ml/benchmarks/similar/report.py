"""Tables of the benchmark of similar issues, and what was asked of it."""

from collections.abc import Iterator, Mapping
from typing import Any

#: (what, where it stands, at least)
_GATES = (
    ("words and meaning less Jaccard, MRR", ("references", "to_jaccard", "words and meaning", "mrr"), 0.10),
    ("the table less words alone, MRR", ("references", "to_words", "words and meaning", "mrr"), 0.02),
    ("paraphrases by meaning, hit at 5", ("paraphrases", "methods", "meaning", "hit_at_5"), 0.60),
)


def acceptance(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every gate with its figure."""
    rows = []
    for name, path, least in _GATES:
        value: Any = figures
        for step in path:
            value = value[step]
        rows.append({"measure": name, "gate": least, "measured": value, "met": value >= least})
    return rows


def lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """The tables as text."""
    references, paraphrases = figures["references"], figures["paraphrases"]
    yield f"references: {references['n']} questions, the {figures['half']} half of each project"
    yield f"{'':20}{'MRR':>8}{'hit at 5':>10}{'less Jaccard':>18}{'less words':>18}"
    for name, row in references["methods"].items():
        differences = (references[key].get(name) for key in ("to_jaccard", "to_words"))
        yield f"{name:20}{row['mrr']:8.3f}{row['hit_at_5']:10.3f}" + "".join(map(_difference, differences))
    yield f"as served, five shown: the right one is among them in {references['served_hit_at_5']:.1%}"
    yield ""
    yield f"paraphrases: {paraphrases['n']} questions among {paraphrases['n_titles']} titles"
    yield f"{'':20}{'MRR':>8}{'hit at 5':>10}{'median rank':>13}"
    for name, row in paraphrases["methods"].items():
        yield f"{name:20}{row['mrr']:8.3f}{row['hit_at_5']:10.3f}{row['median_rank']:13.1f}"
    yield f"as served, five shown: the right one is among them in {paraphrases['served_hit_at_5']:.0%}"
    yield ""
    strangers = figures["strangers"]
    yield (
        f"strangers: of {strangers['n']} questions about issues of other projects {strangers['by_words']:.0%} find one "
        f"alike in words, {strangers['by_meaning']:.0%} one alike in meaning"
    )
    yield ""
    for row in figures["acceptance"]:
        verdict = "gate met" if row["met"] else "NOT MET"
        yield f"{row['measure']:40} >= {row['gate']:.2f}{row['measured']:9.3f}  {verdict}"


def _difference(found: Mapping[str, float] | None) -> str:
    return f"{'':18}" if found is None else f"{found['mrr']:+8.3f} +- {found['standard_error']:.3f} ".rjust(18)
