"""Charts are well-formed, show every value where it belongs, and let no text out of its place."""

from xml.etree import ElementTree

import pytest

from apps.ml.core.evaluation.reliability import Share
from apps.ml.reports.plots import Axis, Frame, Series, calibration_plot, nice_ticks, range_plot, strip_plot, time_plot

SVG = "{http://www.w3.org/2000/svg}"


def parsed(text):
    return ElementTree.fromstring(text)


def test_a_dot_stands_at_its_promise_and_its_share():
    chart = parsed(calibration_plot([Share(0.5, 0.5, 40, 0.35, 0.65)], title="t", promise="p"))

    (dot,) = chart.iter(f"{SVG}circle")
    ideal = next(line for line in chart.iter(f"{SVG}line") if line.get("class") == "ideal")
    middle = (
        (float(ideal.get("x1")) + float(ideal.get("x2"))) / 2,
        (float(ideal.get("y1")) + float(ideal.get("y2"))) / 2,
    )
    assert (float(dot.get("cx")), float(dot.get("cy"))) == pytest.approx(middle, abs=0.1)


def test_dots_of_more_outcomes_are_larger_in_area():
    chart = parsed(range_plot([Share(0.5, 0.5, 25, 0.3, 0.7), Share(0.8, 0.8, 100, 0.7, 0.9)], title="t"))

    small, large = (float(dot.get("r")) for dot in chart.iter(f"{SVG}circle"))
    assert large**2 == pytest.approx(4 * small**2)


def test_higher_values_stand_higher_and_later_ones_further_right():
    frame = Frame(400, 300, Axis("x", 0, 10, ()), Axis("y", 0, 10, ()))

    assert frame.top(9) < frame.top(1)
    assert frame.left(9) > frame.left(1)


def test_every_line_is_drawn_named_and_told_apart_by_more_than_colour():
    lines = [Series(name, [0.0, 1.0], [1.0, 2.0]) for name in ("ours", "median", "team")]

    text = time_plot(lines, title="t", y_label="error", x_ticks=[(0.0, "2026-01")])

    chart = parsed(text)
    assert len(list(chart.iter(f"{SVG}polyline"))) == 3
    assert {"ours", "median", "team", "2026-01"} <= {each.text for each in chart.iter(f"{SVG}text")}
    assert text.count("stroke-dasharray") >= 3


def test_names_cannot_inject_markup():
    text = time_plot([Series("<b>&", [0.0], [1.0])], title="</svg>", y_label='"<', x_ticks=[])

    assert parsed(text).find(f"{SVG}title").text == "</svg>"


def test_charts_follow_the_readers_scheme():
    assert "prefers-color-scheme:dark" in range_plot([], title="t")


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="One to 3 lines"):
        time_plot([], title="t", y_label="y", x_ticks=[])


@pytest.mark.parametrize("largest", [0.003, 0.3, 1.0, 2.4, 8.0, 95.0, 1_234.0])
def test_axes_end_past_the_largest_value_in_a_few_round_steps(largest):
    end, ticks = nice_ticks(largest)

    assert end >= largest
    assert 4 <= len(ticks) - 1 <= 9
    assert all(len(text) <= 6 for _, text in ticks)


def test_a_strip_has_a_line_for_each_name_from_the_top_with_its_interval():
    rows = [
        ("first", Share(0.85, 0.9, 40, 0.7, 0.95)),
        ("<second> with a very long name", Share(0.85, 0.2, 10, 0.1, 0.5)),
    ]

    chart = parsed(strip_plot(rows, title="t", x_label="x"))

    first, second = chart.iter(f"{SVG}circle")
    assert float(first.get("cy")) < float(second.get("cy"))
    assert float(first.get("cx")) > float(second.get("cx"))
    whiskers = [line for line in chart.iter(f"{SVG}line") if line.get("class") == "s0 whisker"]
    assert float(whiskers[0].get("x1")) < float(first.get("cx")) < float(whiskers[0].get("x2"))
    assert [text.text for text in chart.iter(f"{SVG}text")][:2] == ["first", "<second> with a very lo…"]


def test_a_strip_without_rows_is_refused():
    with pytest.raises(ValueError, match="row at least"):
        strip_plot([], title="t", x_label="x")
