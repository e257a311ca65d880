"""The unit that the name of a column says, in the ways and languages in which people write it."""

import pytest

from apps.importers.sources.csv import languages
from apps.importers.sources.csv.columns import SYNONYMS, detect_columns, normal_form, recognised, unit_by_name
from apps.importers.tests.files import issues, reading

#: A chosen column → its unit; the names themselves mean nothing to us.
CHOSEN = {
    "hours": (
        "Dauer (h)", "Dauer [Std.]", "Dauer {h}", "Dauer, h", "Dauer/h", "Dauer h", "Dauer: Std.", "Aufwand in Stunden",
        "Aufwand in h je Ticket", "Arbeitsstunden", "Took (HRS)", "took_hours", "tookHours", "tookinhours",
        "Hour(s)", "Hour(s) on it", "Dauer (hour(s))", "Heure(s)", "Hora(s)", "Stunde(n)",
        "Hours (last 7 days)", "Hours (total)", "Heures passées", "Durée (heures)", "Durée en h", "Tiempo en horas",
        "Horas trabajadas", "Tempo em horas", "Ore lavorate", "Gewerkte uren", "Tijd (uur)", "Czas (godz.)",
        "Czas w godzinach", "Трудозатраты (ч)", "Трудозатраты, ч.", "Трудозатраты, чел.-ч", "Время в часах",
        "Потрачено часов", "工数(時間)", "工数（時間）", "工数［ｈ］", "工数h", "工数(人時)",
    ),
    "minutes": (
        "Dauer (min)", "Dauer (Min.)", "Dauer [ min ]", "Dauer, min", "Dauer / min", "Dauer min.", "Hours worked (min)",
        "Stunden (Min.)", "Work, mins", "Time on task [min]", "took_minutes", "tookinminutes", "Took (minutes)",
        "Time on task (Minute(s))", "Zeit in Minuten je Stunden-Ticket",
        "Temps réel (min)", "Durée en minutes", "Tiempo (minutos)",
        "Tempo (minuti)", "Tijd (minuten)", "Czas (minuty)", "Время (мин.)", "Время, мин", "作業(分)", "作業時間（分）",
        "実績時間[分]", "Custom field (Dauer (min))", "Dauer (min) gesamt", "Min. Dauer (min)",
    ),
    "seconds": (
        "Dauer (s)", "Dauer (Sek.)", "Hours (s)", "Hours (sec)", "Dauer in Sekunden", "Durée (secondes)",
        "Tiempo (segundos)", "Tempo (secondi)", "Tijd (seconden)", "Czas (sekundy)", "Участие, сек", "Время (с)",
        "Время в секундах", "作業時間（秒）", "実績時間(秒)", "took_seconds", "X Hours in seconds",
    ),
    "other": (
        "Dauer (Tage)", "Aufwand (PT)", "Aufwand in Tagen", "Took (days)", "Took (ms)", "Took (milliseconds)",
        "took_in_milliseconds", "Durée (jours)", "Durée en j", "工数(人日)", "工数（日）", "Трудозатраты, чел.-дн.",
        "Dauer (Millisekunden)", "Hours (days)",
    ),
    "": (
        "Участие", "Частота", "Счастье", "実績時間", "作業 時間", "Score", "Storehouse", "Minimum", "Min. effort",
        "Std. deviation", "Second estimate", "Team's", "Stundensatz", "Minutenpreis", "Effort (S, M, L)", "Toujours",
        "Effort(s)", "Estimate(s)", "Montage", "Participation", "Dauer", "Phase (D, 2)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("unit", "column"), [(unit, column) for unit, row in CHOSEN.items() for column in row])
def test_a_name_says_its_unit_by_a_word_of_its_own(unit, column):
    assert unit_by_name(column, ["Title", column]) == (unit, "")


@pytest.mark.parametrize(
    ("column", "cells", "hours"),
    [
        ("Dauer (min)", "90,30,45", 1.5),
        ("Hours (s)", "3600,7200,900", 1.0),
        ("作業時間(分)", "90,120,30", 1.5),
        ("作業時間（秒）", "5400,7200,900", 1.5),
        ("実績時間", "5400,7200,3600", 1.5),
    ],
)
def test_a_chosen_column_is_in_the_unit_that_its_name_says(write, column, cells, hours):
    rows = "".join(f"{cell},Fix {cell}\n" for cell in cells.split(","))

    assert issues(write(f"{column},title\n{rows}"), actual_hours=column)[0].actual_hours == hours


@pytest.mark.parametrize("column", ["Dauer (Tage)", "Took (ms)", "工数(人日)"])
def test_a_chosen_column_in_days_is_asked_for_and_not_taken_for_hours(write, column):
    path = write(f"{column},title\n3.5,Fix\n1,Mend\n")

    found = reading(path, actual_hours=column).columns
    assert "actual_hours" not in found.positions
    assert any("Choose it with its unit" in note for note in found.notes)
    assert issues(path, actual_hours=f"{column}:hours")[0].actual_hours == 3.5


@pytest.mark.parametrize(
    ("header", "field", "unit"),
    [("Estimate [min]", "estimated_hours", "minutes"), ("Spent time (sec)", "actual_hours", "seconds"),
     ("Time Spent, min", "actual_hours", "minutes"), ("Original Estimate/h", "estimated_hours", "hours"),
     ("作業時間（秒）", "actual_hours", "seconds"), ("作業時間(分)", "actual_hours", "minutes"),
     ("予定工数(時間)", "estimated_hours", "hours"), ("Benötigte Zeit (Min.)", "actual_hours", "minutes"),
     ("Затраченное время (сек)", "actual_hours", "seconds"), ("Completed Work (min)", "actual_hours", "minutes")],
)  # fmt: skip
def test_a_name_that_we_know_is_known_with_its_unit(header, field, unit):
    assert detect_columns(["Title", header]).names() == {"title": "Title", field: header}
    assert unit_by_name(header, ["Title", header]) == (unit, "")


@pytest.mark.parametrize(
    ("header", "hours"),
    [("Actual Hour(s)", 8.0), ("Hour(s)", 8.0), ("Time Spent (hour(s))", 8.0), ("Time Spent(s)", 8 / 3600),
     ("Time Spent (min)", 8 / 60)],
)  # fmt: skip
def test_a_plural_in_brackets_is_no_unit(write, header, hours):
    assert issues(write(f"Title,{header}\nFix,8\nMend,16\n"))[0].actual_hours == pytest.approx(hours)


@pytest.mark.parametrize(
    "header",
    ["Estimate (min),Estimate (likely),Estimate (max)", "Effort Min,Effort Max", "Effort_min,Effort_max",
     "Estimate S,Estimate M,Estimate L", "Effort D,Effort M,Effort Q", "Original Estimate M", "Effort(s)"],
)  # fmt: skip
def test_the_least_of_a_range_a_size_and_a_quarter_are_no_time(header):
    assert set(detect_columns(["Title", *header.split(",")]).names()) == {"title"}


def test_beside_the_most_a_whole_word_is_a_unit():
    header = ["Title", "Benötigte Zeit (Minuten)", "Aufwand (max)"]
    assert detect_columns(header).names() == recognised(header) == {"title": "Title", "actual_hours": header[1]}


def test_what_was_spent_goes_before_an_effort_whatever_their_units():
    found = detect_columns(["Title", "Effort (hours)", "Time Spent (seconds)"]).names()
    assert found["actual_hours"] == "Time Spent (seconds)"


@pytest.mark.parametrize("header", ["Time Spent (days)", "Hours (min)", "Effort (PT)"])
def test_a_name_of_ours_with_another_unit_is_none_of_ours(header):
    assert detect_columns(["Title", header]).unread == (header,)


def test_two_columns_of_one_time_in_two_units_are_not_one(write):
    path = write("Title,Spent time (min),Spent time (sec)\nFix,90,\nMend,,60\n")

    assert [issue.actual_hours for issue in issues(path)] == [1.5, None]


def test_every_name_of_hours_says_so_in_each_language():
    hours = {name for names in SYNONYMS.values() for name in names if "hours" in name and "developer" not in name}
    named = [name for row in languages.HEADERS.values() for name in row.split(",") if normal_form(name) in hours]

    assert len(named) > 15
    assert {unit_by_name(name.strip(), ["Title"]) for name in named} == {("hours", "")}
