"""Figures into a tracker: refused where they would be learned from, quiet, only what changed, nobody overwritten."""

import random
from dataclasses import replace
from io import StringIO
from random import Random

import pytest
from django.core.management import CommandError, call_command

from apps.common.exceptions import Conflict
from apps.importers import runs, write_back
from apps.importers.boxes import sealed
from apps.importers.models import Connection, WriteBack
from apps.importers.records import ImportRefused
from apps.importers.sources.client import AnswerUnusable, Client, TrackerRefused
from apps.importers.sources.writers import Target, writer_of
from apps.importers.tests.trackers.server import Reply, client_of, tracker
from apps.importers.tracked import Change, Stage, TrackedIssue, without_labels
from apps.importers.write_back import WriteReport, carry_out, prepared, steps_of, taken_back, write_all
from apps.projects.models import Issue, TeamMember
from apps.projects.tests.factories import SprintFactory


@pytest.mark.parametrize(
    ("kind", "scope", "named", "key"),
    [("jira", "SHOP", ("A-1", "101"), "101"), ("jira_dc", "SHOP", ("A-1", ""), "A-1"),
     ("github", "a/b", ("#7", "1001"), "7"), ("gitlab", "group/shop", ("#7", "77"), "7")],
)  # fmt: skip
def test_a_label_is_put_read_and_replaced_in_every_tracker(kind, scope, named, key, site):
    with tracker(site) as served:
        writer = writer_of(kind, client_of(served), scope, Target(label="ml-hours:"))
        writer.refuse()
        assert writer.read(named) == set()
        writer.write(named, (), "3")
        assert writer.read(named) == {"3"}
        writer.write(named, {"3"}, "4.5")
        assert writer.read(named) == {"4.5"}
        writer.write(named, {"4.5"}, "")
        assert site.of(key)["labels"] == []


def test_a_field_of_jira_gets_a_number_and_nobody_is_notified(site):
    with tracker(site) as served:
        writer = writer_of("jira", client_of(served), "SHOP", Target(field="customfield_9"))
        writer.refuse()
        writer.write(("A-1", "101"), (), "4.5")
        assert writer.read(("A-1", "101")) == {"4.5"}
    assert site.changes == [("PUT", "101", {"fields": {"customfield_9": 4.5}}, {"notifyUsers": "false"})]


def test_the_due_date_of_gitlab_gets_a_day(site):
    with tracker(site) as served:
        writer = writer_of("gitlab", client_of(served), "group/shop", Target(field="due_date"))
        writer.refuse()
        writer.write(("#7", "77"), (), "2026-03-12")
        assert writer.read(("#7", "77")) == {"2026-03-12"}


@pytest.mark.parametrize(
    ("kind", "target", "told"),
    [
        ("jira", Target(field="customfield_2"), "read as the team's own story points"),
        ("jira", Target(field="Scrum ML hours"), "Scrum ML hours has the id customfield_9"),
        ("jira", Target(label="points/"), "read as the team's own points"),
        ("jira", Target(label="ml hours:"), "would change a label that begins with 'ml hours:'"),
        ("github", Target(label="ml-hours: "), "would change a label"),
        ("gitlab", Target(label="ml-hours:\t"), "would change a label"),
        ("gitlab", Target(label="ml,h:"), "would change a label"),
        ("gitlab", Target(label="<b>:"), "would change a label"),
        ("github", Target(label="e\u0301:"), "would change a label"),
        ("gitlab", Target(label="größe:"), "letters from a to z"),
        ("github", Target(label="ml-h\u043eurs:"), r"begins with 'ml-h.u043eurs:', or people take it for another"),
        ("gitlab", Target(label="\uff4dl:"), "people take it for another"),
        ("jira", Target(label="ml\u200b:"), "people take it for another"),
        ("github", Target(label="m\u0131:"), "people take it for another"),
        ("github", Target(label="ml\uff1a"), "people take it for another"),
        ("github", Target(label="ml-\u0663:"), "people take it for another"),
        ("github", Target(label="h:" * 25), "has 38 characters at most"),
        ("gitlab", Target(field="weight"), "read as the team's own story points"),
        ("gitlab", Target(field="severity"), "due_date can be written"),
        ("github", Target(field="Estimate"), "have no fields of this kind"),
        ("linear", Target(label="ml:"), "not to linear"),
    ],
)
def test_a_place_that_would_be_learned_from_or_is_none_is_refused(kind, target, told, site):
    with tracker(site) as served, pytest.raises(ImportRefused, match=told):
        writer_of(kind, client_of(served), "SHOP", target).refuse()


def test_what_was_written_is_not_read_as_labels_of_the_team(now):
    moved = Change("labels", ("web",), ("web", "ml-hours:3"), now)
    issue = TrackedIssue(line=1, external_id="A-1", title="x", labels=("web", "ml-hours:3"), changes=(moved,))
    assert list(without_labels([issue, Stage], ("ml-hours:",))) == [replace(issue, labels=("web",), changes=()), Stage]
    assert list(without_labels([issue], ())) == [issue]


def test_labels_of_people_that_only_begin_so_stay_theirs():
    issue = TrackedIssue(line=1, external_id="A-1", title="x", labels=("ml", "mlops", "ML-3", "ml-2026-03-12"))
    assert list(without_labels([issue], ("ml-",))) == [replace(issue, labels=("ml", "mlops"))]


# --- With a project ---------------------------------------------------------------------------------------------------
def write(linked, now):
    told = prepared(linked, "hours", Target(field="customfield_9"))
    told.save()
    return carry_out(told, steps_of(told, now=now), now=now, rng=random.Random(0))


def labels_of(steps):
    return [(step.name[0], step.old, step.new) for step in steps]


@pytest.mark.django_db
def test_only_open_issues_are_written_and_the_second_time_only_what_changed(linked, hours, site, now):
    assert write(linked, now).written == 2
    hours["A-2"] = "8"
    told = WriteBack.objects.get()
    assert labels_of(steps_of(told, now=now)) == [("A-2", "5", "8")]
    assert write(linked, now).written == 1
    assert {key: site.of(key)["customfield_9"] for key in ("A-1", "A-2")} == {"A-1": 3, "A-2": 8}
    assert (len(site.changes), write(linked, now).written) == (3, 0)


@pytest.mark.django_db
def test_what_somebody_else_wrote_is_left_alone(linked, hours, site, now):
    site.of("A-1")["customfield_9"] = 13
    report = write(linked, now)
    assert (report.written, report.kept, site.of("A-1")["customfield_9"]) == (1, ["A-1"], 13)
    site.of("A-2")["customfield_9"] = 21
    hours["A-2"] = "8"
    assert sorted(write(linked, now).kept) == ["A-1", "A-2"]


@pytest.mark.django_db
@pytest.mark.parametrize("number", [10**400, -(10**500)], ids=["many digits", "many below zero"])
def test_a_number_that_no_machine_holds_is_somebody_elses_and_stops_no_other(linked, hours, site, now, number):
    site.of("A-1")["customfield_9"] = number

    report = write(linked, now)

    assert (report.written, report.kept, site.of("A-1")["customfield_9"]) == (1, ["A-1"], number)


@pytest.mark.django_db
def test_it_is_taken_back_without_a_trace(linked, hours, site, now):
    write(linked, now)
    told = WriteBack.objects.get()
    assert carry_out(told, taken_back(told), now=now, rng=random.Random(0)).written == 2
    assert {site.of(key)["customfield_9"] for key in ("A-1", "A-2")} == {None}
    assert not told.written.exists()


@pytest.mark.django_db
def test_a_tracker_that_refuses_every_issue_is_asked_no_further(linked, hours, served, now, monkeypatch):
    monkeypatch.setattr(write_back, "MOST_REFUSED", 2)
    told = prepared(linked, "hours", Target(field="customfield_9"))
    told.save()
    served.answer = lambda request: Reply({"message": "no"}, 403)
    with pytest.raises(TrackerRefused, match="that to edit issues"):
        carry_out(told, steps_of(told, now=now), now=now, rng=random.Random(0))
    assert len(served.requests) == 3


@pytest.mark.django_db
def test_what_a_tracker_says_of_people_is_not_logged(linked, now, monkeypatch, caplog):
    def refuse(connection, **options):
        raise AnswerUnusable("tracker.example answered 400: Ada Lovelace <ada@secret.example> may not")

    monkeypatch.setattr(runs, "write_all", refuse)

    runs._write_back(linked, now)

    assert "Nothing more is written back" in caplog.text
    assert "Ada" not in caplog.text


@pytest.mark.django_db
def test_a_fault_of_ours_in_writing_back_ends_no_import(linked, now, monkeypatch, caplog):
    def fail(connection, **options):
        raise OverflowError("int too large to convert to float: Ada")

    monkeypatch.setattr(runs, "write_all", fail)

    runs._write_back(linked, now)

    assert f"Nothing more is written back connection={linked.pk}" in caplog.text


CHANGED = {
    "another token": lambda: Connection.objects.update(sealed_token=sealed("another")),
    "no token": lambda: Connection.objects.update(sealed_token=""),
    "no connection": lambda: Connection.objects.all().delete(),
    "off": lambda: WriteBack.objects.update(is_active=False),
    "connection off": lambda: Connection.objects.update(is_active=False),
    "its maker leads no more": lambda: TeamMember.objects.update(role="viewer"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("changed", CHANGED)
@pytest.mark.usefixtures("hours")
def test_what_is_changed_while_figures_are_written_ends_that_with_the_next_issue(
    changed, linked, site, now, monkeypatch
):
    told = prepared(linked, "hours", Target(field="customfield_9"))
    told.is_active = True
    told.save()
    written = write_back._written

    def and_then(*args):
        written(*args)
        CHANGED[changed]()

    monkeypatch.setattr(write_back, "_written", and_then)
    with pytest.raises(Conflict, match="was changed meanwhile"):
        write_all(linked, now=now, report=WriteReport(), rng=Random(1))

    assert len(site.changes) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("changed", CHANGED)
def test_what_is_changed_while_figures_are_worked_out_keeps_all_of_them_from_being_written(
    changed, linked, site, now, monkeypatch
):
    """Thousands of issues take minutes."""
    told = prepared(linked, "hours", Target(field="customfield_9"))
    told.is_active = True
    told.save()

    def figures(project, issues, now):
        CHANGED[changed]()
        return {issue.pk: "3" for issue in issues}

    monkeypatch.setitem(write_back.FIGURES, "hours", figures)
    with pytest.raises(Conflict, match="was changed meanwhile"):
        write_all(linked, now=now, report=WriteReport(), rng=Random(1))

    assert site.changes == []


@pytest.mark.django_db
@pytest.mark.usefixtures("hours")
def test_what_a_connection_that_is_off_or_that_nobody_leads_would_write_is_not_begun(linked, site, now):
    told = prepared(linked, "hours", Target(field="customfield_9"))
    told.is_active = True
    told.save()

    for change in ("connection off", "its maker leads no more"):
        CHANGED[change]()
        write_all(linked, now=now, report=WriteReport(), rng=Random(1))
        Connection.objects.update(is_active=True)

    assert site.changes == []


@pytest.mark.django_db
@pytest.mark.usefixtures("hours")
def test_an_import_that_ends_meanwhile_and_seals_the_token_stops_no_writing(linked, site, now, monkeypatch, settings):
    told, written = prepared(linked, "hours", Target(field="customfield_9")), write_back._written
    told.save()
    settings.CONNECTION_KEYS = ["a newer key", *settings.CONNECTION_KEYS]

    def and_then(*args):
        written(*args)
        runs.execute(runs.ask_sync(linked, by=None, now=now).pk, now=now)

    monkeypatch.setattr(write_back, "_written", and_then)
    # The site has nothing to import: that is not waited for.
    monkeypatch.setattr(Client, "pause", lambda self, seconds: None)

    assert carry_out(told, steps_of(told, now=now), now=now, rng=random.Random(0)).written == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hours")
def test_what_is_written_of_an_issue_that_is_deleted_meanwhile_is_taken_back(linked, site, now):
    told = prepared(linked, "hours", Target(field="customfield_9"))
    told.save()
    steps = steps_of(told, now=now)
    Issue.objects.filter(external_id="A-1").delete()

    assert carry_out(told, steps, now=now, rng=random.Random(0)).written == 2
    assert carry_out(told, taken_back(told), now=now, rng=random.Random(0)).written == 2
    assert site.of("A-1")["customfield_9"] is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hours")
def test_a_project_that_is_deleted_while_a_figure_is_written_ends_it_in_words(linked, now):
    told = prepared(linked, "hours", Target(field="customfield_9"))
    told.save()
    steps = steps_of(told, now=now)
    linked.project.delete()

    with pytest.raises(Conflict):
        carry_out(told, steps, now=now, rng=random.Random(0))


@pytest.mark.django_db
def test_the_command_shows_first_and_writes_when_told(linked, hours, site):
    def call(*arguments):
        out = StringIO()
        call_command("write_back", "SHOP", "hours", "--field", "customfield_9", *arguments, stdout=out)
        return out.getvalue()

    assert "A-1          - -> 3" in (shown := call())
    assert "Nothing was written. With --write: 2 issues" in shown
    assert (site.changes, WriteBack.objects.count()) == ([], 0)
    assert "2 issues written into customfield_9." in call("--write", "--keep")
    assert WriteBack.objects.get().is_active
    assert "2 issues written" in call("--write", "--take-back")
    assert not WriteBack.objects.get().is_active


ONE_PLACE = [
    (Target(label="ml:"), Target(label="ml:")),
    (Target(label="ml:"), Target(label="ML:")),
    (Target(label="ml-"), Target(label="ml-2")),
    (Target(label="ml-2"), Target(label="ml-")),
    (Target(field="customfield_9"), Target(field="customfield_9")),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("of_hours", "of_points"), ONE_PLACE)
def test_two_figures_have_no_place_together(linked, site, of_hours, of_points):
    held = prepared(linked, "hours", of_hours)
    held.is_active = True
    held.save()

    with pytest.raises(ImportRefused, match=r"hours is written to .* already, where this cannot be told from it"):
        prepared(linked, "points", of_points)

    # What was taken back holds none.
    WriteBack.objects.update(is_active=False)
    assert prepared(linked, "points", of_points).figure == "points"


@pytest.mark.django_db
@pytest.mark.parametrize("of_points", [Target(label="ml-points:"), Target(field="customfield_9")])
def test_figures_in_places_of_their_own_are_written(linked, site, of_points):
    held = prepared(linked, "hours", Target(label="ml-"))
    held.is_active = True
    held.save()

    assert prepared(linked, "points", of_points).figure == "points"
    assert prepared(linked, "hours", Target(label="ml-")).figure == "hours"


@pytest.mark.django_db
def test_without_one_place_or_one_connection_it_says_what_is_needed(project, linked):
    with pytest.raises(CommandError, match="Name one place"):
        call_command("write_back", "SHOP", "hours")
    linked.delete()
    with pytest.raises(CommandError, match="One connection is needed"):
        call_command("write_back", "SHOP", "hours", "--label", "ml:")


@pytest.mark.django_db
def test_without_a_model_of_its_own_there_is_nothing_to_write(linked, now):
    for figure in ("points", "hours", "forecast_date"):
        told = WriteBack(connection=linked, figure=figure, label="ml:")
        SprintFactory(project=linked.project, active=True)
        assert steps_of(told, now=now) == []


@pytest.mark.django_db
def test_figures_go_on_in_a_place_that_an_earlier_version_took(linked):
    there = WriteBack.objects.create(
        project=linked.project, place=linked.place, connection=linked, figure="hours", label="größe:", is_active=True
    )
    assert prepared(linked, "hours", Target(label="größe:")) == there

    WriteBack.objects.update(is_active=False)
    with pytest.raises(ImportRefused):
        prepared(linked, "hours", Target(label="größe:"))
