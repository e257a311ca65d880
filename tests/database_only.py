"""A pytest plugin (`-p tests.database_only`): keeps the tests that use the database, for a run on another engine."""

from pathlib import Path

import pytest

#: What the engine below changes nothing of, by the reason. Everything else is told on both: what more than one
#: connection does, takes back or waits for; what the database orders, sums, searches, compares or refuses; what is
#: written or removed by the hundred; SQL of our own. A new file is, too, until it stands here.
ONE_ENGINE_SUFFICES = {
    "Who gets in, by what proof. Every endpoint and page is asked on both, whoever asks.": (
        "apps/access/tests/test_keys.py",
        "apps/access/tests/test_limits.py",
        "apps/access/tests/test_switched_off.py",
        "apps/accounts/tests/test_auth.py",
        "apps/accounts/tests/test_lock_out.py",
        "apps/accounts/tests/test_passwords.py",
        "apps/accounts/tests/test_silent_provider.py",
        "apps/accounts/tests/test_single_sign_on.py",
        "apps/accounts/tests/test_throttle_address.py",
        "apps/ml/tests/api/test_hidden.py",
        "apps/ml/tests/api/test_switched_off.py",
        "apps/ml/tests/test_api.py",
        "apps/projects/tests/test_api_access.py",
        "tests/test_access_matrix.py",
        "tests/test_page_matrix.py",
    ),
    "How pages, pictures, lists of the administration and answers look, and what is refused for its look.": (
        "apps/accounts/tests/test_admin.py",
        "apps/dashboard/tests/test_",
        "apps/mcp/",
        "apps/ml/tests/test_admin.py",
        "apps/projects/tests/test_admin.py",
        "tests/browser/",
        "tests/test_administration.py",
        "tests/test_administration_forms.py",
        "tests/test_docs_snippets.py",
        "tests/test_every_answer.py",
        "tests/test_hostile_headers.py::test_no_header_makes_a_request_dear",
        "tests/test_plausible_everywhere.py",
        "tests/test_request_growth.py",
    ),
    "What commands, checks and logs tell an operator.": (
        "apps/common/tests/test_logging.py",
        "apps/importers/tests/test_import_command.py",
        "apps/importers/tests/trackers/test_command.py",
        "apps/ml/tests/upkeep/test_commands.py",
        "apps/ml/tests/upkeep/test_monitoring.py",
        "apps/notifications/tests/test_operator.py",
        "tests/test_commands.py",
        "tests/test_deploy_checks.py",
        "tests/test_wsgi.py",
    ),
    "What is sent to another service or read from it, to the byte.": (
        "apps/accounts/tests/test_posting.py",
        "apps/importers/tests/trackers/test_answers_that_are_none.py",
        "apps/importers/tests/trackers/test_api.py",
        "apps/importers/tests/trackers/test_believed_answers.py",
        "apps/importers/tests/trackers/test_connections.py",
        "apps/importers/tests/trackers/test_slow_answers.py",
        "apps/importers/tests/trackers/test_words_of_strangers.py",
        "apps/importers/tests/trackers/test_writing.py",
        "apps/notifications/tests/test_mail_channel.py",
        "apps/notifications/tests/test_webhook_channel.py",
    ),
    "What an import understands of a field. That it is written, again and at once, test_import_service.py tells; that "
    "all fields are taken back, of one issue, the rest of test_undo_of_everything.py.": (
        "apps/importers/tests/test_fitted.py",
        "apps/importers/tests/test_full_board.py",
        "apps/importers/tests/test_identities.py",
        "apps/importers/tests/test_import_kinds.py",
        "apps/importers/tests/test_levels.py",
        "apps/importers/tests/test_links.py",
        "apps/importers/tests/test_naming.py",
        "apps/importers/tests/test_own_report.py",
        "apps/importers/tests/test_parents.py",
        "apps/importers/tests/test_people.py",
        "apps/importers/tests/test_remembered_sprints.py",
        "apps/importers/tests/test_sprint_life.py",
        "apps/importers/tests/test_undo_of_everything.py::test_a_second_file_that_is_only_tried_tells_the_same",
        "apps/importers/tests/trackers/test_undo.py::test_a_second_import_from_a_tracker_taken_back_leaves_everything",
        "apps/importers/tests/test_unknown_past.py",
    ),
    "Who set going what goes on, who did something with what was imported, and what stays for that. That an import is "
    "taken back, and what goes on stopped, test_undo_of_everything.py, test_undo_by_workers.py and "
    "test_erasing_left_going.py tell.": (
        "apps/importers/tests/test_left_going.py",
        "apps/importers/tests/test_undo_after_changes.py::test_wh",
        "apps/importers/tests/test_undo_of_what_is_used.py",
    ),
    "What lies in a file or in the model store, or is kept in the process.": (
        "apps/accounts/tests/test_mailboxes.py::test_every_character_has_one_small_letter_that_stays",
        "apps/ml/tests/storage/",
        "apps/ml/tests/test_earlier_artefacts.py",
        "apps/ml/tests/test_model_loader.py",
        "apps/ml/tests/upkeep/test_marked_first.py",
        "apps/ml/tests/upkeep/test_strays.py",
        "apps/ml/tests/upkeep/test_unwritten.py",
        "apps/ml/tests/upkeep/test_verification.py",
        "apps/projects/tests/test_holidays.py",
        "apps/upkeep/tests/test_backup_places.py",
        "apps/upkeep/tests/test_erasing_store.py",
        "apps/upkeep/tests/test_erasing_unwritten.py",
        "apps/upkeep/tests/test_kept_encodings.py",
        "apps/upkeep/tests/test_packed_objects.py",
        "apps/upkeep/tests/test_restored_objects.py",
        "apps/upkeep/tests/test_strange_files.py",
        "tests/test_remembered.py::test_what_becomes_of_a_blocker_of_another_project_is_shown_at_once",
        "tests/test_remembered.py::test_who_was_erased_is_on_no_page_from_then_on",
    ),
    "Whose a name is, and what beside it makes it another. How each engine finds one, however it is written, "
    "test_erasing_names.py, test_erasing_addresses.py and the rest of test_names_as_read.py tell.": (
        "apps/upkeep/tests/test_beside_names.py",
        "apps/upkeep/tests/test_erasing_others.py",
        "apps/upkeep/tests/test_names_as_read.py::test_names_of_who_was_never_there",
        "apps/upkeep/tests/test_names_as_read.py::test_whole_names_of_others_there_stay",
        "apps/upkeep/tests/test_short_names.py",
    ),
    "What is learned or worked out of rows. That these are read on both, the first file of each service tells.": (
        "apps/ml/tests/anomalies/test_evidence.py",
        "apps/ml/tests/api/test_burndown.py",
        "apps/ml/tests/api/test_similar_issues.py",
        "apps/ml/tests/api/test_sprints_and_projects.py",
        "apps/ml/tests/assignment/test_learned.py",
        "apps/ml/tests/benchmarks/",
        "apps/ml/tests/evaluation/test_issue_replay.py",
        "apps/ml/tests/evaluation/test_judging.py",
        "apps/ml/tests/evaluation/test_whose_record.py",
        "apps/ml/tests/forecasts/test_circumstances.py",
        "apps/ml/tests/forecasts/test_links.py",
        "apps/ml/tests/forecasts/test_sizes.py",
        "apps/ml/tests/forecasts/test_together.py",
        "apps/ml/tests/models/test_champion.py",
        "apps/ml/tests/models/test_estimators.py",
        "apps/ml/tests/models/test_loads_means_answers.py",
        "apps/ml/tests/models/test_sprint_model.py",
        "apps/ml/tests/sprints/test_duration.py",
        "apps/ml/tests/sprints/test_one_truth.py",
        "apps/ml/tests/sprints/test_outcome.py",
        "apps/ml/tests/sprints/test_unknown_commitment.py",
        "apps/ml/tests/test_agents.py",
        "apps/ml/tests/test_finished_work.py",
        "apps/ml/tests/test_prediction_service_enhanced.py",
        "apps/ml/tests/test_text_snapshots.py",
        "apps/projects/tests/test_demo_data.py",
    ),
}  # fmt: skip
#: Told on PostgreSQL though they begin so: they are about several connections, and SQLite has one writer.
TOLD_ON_BOTH = ("apps/dashboard/tests/test_races.py",)
_REPEATED = tuple(place for places in ONE_ENGINE_SUFFICES.values() for place in places)
#: What is large, or takes long to load, and knows no database, so that nothing of it is loaded to find nothing.
WITHOUT_DATABASE = (
    "apps/common/tests/charts/",
    "apps/ml/tests/core/",
    "apps/ml/tests/reports/",
    "tests/test_docs.py",
    "tests/test_pattern_growth.py",
    "tests/test_text_growth.py",
    "tests/test_train_meaning.py",
)
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Load no file of which nothing would be kept."""
    place = collection_path.relative_to(config.rootpath).as_posix() + "/" * collection_path.is_dir()
    return is_told_by_one(place) or place.startswith(WITHOUT_DATABASE) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what would only repeat what the first run said."""
    kept = [item for item in items if uses_database(item) and not repeats(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def is_told_by_one(place: str) -> bool:
    """Whether one engine tells all that a file or folder, or a test by its id, has to say."""
    return place.startswith(_REPEATED) and not place.startswith(TOLD_ON_BOTH)


def repeats(item: pytest.Item) -> bool:
    """Whether it would only say again what the first run said."""
    told = getattr(item, "callspec", None)
    # Of stories by chance each makes the same queries: one is told again. Of the ways in which an import is taken back
    # it is that of the workers, which commits in between.
    is_another = bool(told and (told.params.get("seed") or told.params.get("way_back") == "in one"))
    # What starts real servers is about those.
    return is_told_by_one(item.nodeid) or is_another or item.get_closest_marker("engine") is not None


def uses_database(item: pytest.Item) -> bool:
    """Whether a test asks for the database by mark or by fixture."""
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(fixtures & DATABASE_FIXTURES)
