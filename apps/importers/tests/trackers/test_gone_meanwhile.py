"""An issue that went while the import ran costs that issue alone; many running are the tracker's refusal."""

import copy

import pytest

from apps.importers.records import RowError
from apps.importers.sources import jira_cloud, paging
from apps.importers.sources.client import NotThere
from apps.importers.sources.paging import linked_pages, offset_pages
from apps.importers.sources.registry import CONNECTORS
from apps.importers.tests.trackers import jira_site, test_azure, test_github, test_gitlab
from apps.importers.tests.trackers.server import Reply, client_of, tracker
from apps.importers.tests.trackers.sites import SITES
from apps.importers.tracked import EVERYTHING, Gap, TrackedIssue

GONE = Reply({"message": "It was deleted"}, 404)
WEIGHT = "events of weight may not be read"


def pulled(kind, answer, since=None):
    site = SITES[kind]
    with tracker(answer) as served:
        told = list(CONNECTORS[kind].pull(client_of(served, site.path), site.scope, since))
    issues = {each.external_id: each for each in told if isinstance(each, TrackedIssue)}
    return issues, [each.external_id for each in told if isinstance(each, RowError)], told, served


@pytest.mark.parametrize("status", [404, 410])
def test_an_issue_of_github_that_went_is_an_error_and_the_others_come(status):
    def answer(request):
        return Reply({}, status) if request.path.endswith("/issues/1/events") else SITES["github"].healthy(request)

    issues, errors, _, _ = pulled("github", answer, test_github.at(8))
    assert (list(issues), errors) == (["#2"], ["#1"])


def of_gitlab(*numbers, refuse=lambda request: None):
    """A project of GitLab with issues of the same story, some of whose addresses answer otherwise."""

    def answer(request):
        if (refused := refuse(request)) is not None:
            return refused
        if request.path.endswith("/issues"):
            return [test_gitlab.row(id=n, iid=n, references={"short": f"#{n}"}) for n in numbers]
        return SITES["gitlab"].healthy(request)

    return answer


def test_an_issue_of_gitlab_that_went_takes_no_history_of_the_others():
    whole, _, _, _ = pulled("gitlab", of_gitlab(8, 7, 9))
    gone = of_gitlab(8, 7, 9, refuse=lambda request: GONE if "/issues/8" in request.path else None)

    issues, errors, told, served = pulled("gitlab", gone)

    assert errors == ["#8"]
    assert {key: issue.recorded for key, issue in issues.items()} == {
        key: whole[key].recorded for key in ("#7", "#9")
    }  # fmt: skip
    assert [issue.started_at for issue in issues.values()] == [test_gitlab.at(4)] * 2
    assert not any(isinstance(each, Gap) and "may not be read" in each.what for each in told)
    assert sum("/issues/8" in request.path for request in served.requests) == 2


@pytest.mark.parametrize("status", [403, 404])
def test_a_kind_of_events_that_gitlab_does_not_have_is_asked_for_once(status):
    def refuse(request):
        return Reply({}, status) if "resource_weight_events" in request.path else None

    issues, errors, told, served = pulled("gitlab", of_gitlab(8, 7, 9, refuse=refuse))

    assert (list(issues), errors) == (["#8", "#7", "#9"], [])
    assert {"status", "sprint"} <= issues["#9"].recorded
    assert sum("resource_weight_events" in request.path for request in served.requests) == 1
    assert [WEIGHT in each.what for each in told if isinstance(each, Gap)].count(True) == 1


def test_the_histories_of_jira_come_without_that_of_an_issue_that_went():
    def answer(request):
        if "bulkfetch" in request.path and "102" in request.body["issueIdsOrKeys"]:
            return GONE
        return jira_site.cloud(request)

    whole, _, _, _ = pulled("jira", jira_site.cloud)
    issues, errors, _, _ = pulled("jira", answer)
    assert errors == ["A-2"]
    assert list(issues) == ["A-1", "A-3", "A-4"]
    assert [issues[key].changes for key in ("A-1", "A-3")] == [whole[key].changes for key in ("A-1", "A-3")]


def test_a_jira_that_has_no_histories_at_all_fails(monkeypatch):
    monkeypatch.setattr(jira_cloud, "MOST_GONE", 2)

    def answer(request):
        return GONE if "bulkfetch" in request.path else jira_site.cloud(request)

    with pytest.raises(NotThere):
        pulled("jira", answer)


def test_many_issues_running_that_are_gone_end_the_import(monkeypatch):
    monkeypatch.setattr(paging, "MOST_GONE", 3)

    def gone(*numbers):
        return lambda request: GONE if any(f"/issues/{n}" in request.path for n in numbers) else None

    _, errors, _, _ = pulled("gitlab", of_gitlab(1, 2, 3, 4, 5, refuse=gone(1, 2, 4, 5)))
    assert errors == ["#1", "#2", "#4", "#5"]
    with pytest.raises(NotThere):
        pulled("gitlab", of_gitlab(1, 2, 3, 4, refuse=gone(2, 3, 4)))


class TestDeletedInAzure:
    """The feed goes on to list a work item that was deleted, for whose updates Azure answers 404."""

    def answer(self, *, is_told):
        def answer(request):
            if "/updates" in request.path:
                return GONE
            found = test_azure.answer(request)
            if is_told and request.params.get("continuationToken") == "2":
                last = test_azure.revision(6, 20, state="Closed", path="Shop\\Release\\Sprint 2", deleted=True)
                found["values"] = [{"id": 9, "rev": 6, "fields": last}]
            return found

        return answer

    def test_its_end_is_read_of_the_feed(self):
        issues, errors, _, _ = pulled("azure", self.answer(is_told=True), test_azure.at(19))
        assert errors == []
        assert (issues["9"].status_category, issues["9"].dropped_at) == ("dropped", test_azure.at(20))

    def test_one_of_which_nothing_is_told_is_an_error(self):
        issues, errors, _, _ = pulled("azure", self.answer(is_told=False), test_azure.at(10))
        assert (issues, errors) == ({}, ["9"])


# --- Lists that move --------------------------------------------------------------------------------------------------
def shrinking(rows, *, at_once):
    """Pages of fifty of a list whose first row goes after the first page."""

    def answer(request):
        start = int(request.params.get("startAt", 0))
        if start and len(rows) == at_once:
            rows.pop(0)
        return start, rows[start : start + 50]

    return answer


def test_a_list_by_number_that_gets_shorter_is_read_again():
    rows = [{"id": n} for n in range(120)]
    page = shrinking(rows, at_once=120)

    def answer(request):
        start, found = page(request)
        return {"startAt": start, "total": len(rows), "issues": found}

    with tracker(answer) as served:
        told = list(offset_pages(client_of(served), "search", "issues"))
    assert {row["id"] for found in told for row in found} == set(range(120))


def test_a_list_by_links_that_gets_shorter_is_read_again_where_its_length_is_told():
    rows = [{"id": n} for n in range(120)]
    page = shrinking(rows, at_once=120)

    def answer(request):
        start, found = page(request)
        link = f'<{served.url}/x?startAt={start + 50}>; rel="next"' if start + 50 < len(rows) else ""
        return Reply(found, headers={"X-Total": str(len(rows)), "Link": link})

    with tracker(answer) as served:
        told = list(linked_pages(client_of(served), "x"))
    assert {row["id"] for found in told for row in found} == set(range(120))


def test_a_list_that_gets_shorter_each_time_is_told_to_lack_something():
    rows = [{"id": n} for n in range(300)]

    def answer(request):
        start = int(request.params["startAt"])
        if start:
            rows.pop(0)
        return {"startAt": start, "total": len(rows), "issues": copy.copy(rows[start : start + 50])}

    with tracker(answer) as served:
        *_, gap = offset_pages(client_of(served), "search", "issues")
    assert gap.what == "issues went away each time they were listed: others may be missing"


def by_number(rows, *, meanwhile=lambda request: None):
    """Pages by number of a list that nobody counts, as GitHub Enterprise Server and large lists of GitLab are."""

    def answer(request):
        page, size = int(request.params.get("page", 1)), int(request.params["per_page"])
        found, is_last = rows[(page - 1) * size : page * size], page * size >= len(rows)
        link = f'<http://{request.headers["host"]}{request.path}?a=1&per_page={size}&page={page + 1}>; rel="next"'
        meanwhile(request)
        return Reply(found, headers={} if is_last else {"Link": link})

    return answer


def listed(answer):
    with tracker(answer) as served:
        told = list(linked_pages(client_of(served), "x", a=1))
    rows = [row["id"] for page in told if not isinstance(page, Gap) for row in page]
    return rows, [page for page in told if isinstance(page, Gap)], len(served.requests)


@pytest.mark.parametrize("size", [101, 151, 450, 2_600])
@pytest.mark.parametrize("after", range(1, 5))
def test_a_row_that_goes_takes_no_other_one_out_of_a_list_that_nobody_counts(size, after):
    rows, asked = [{"id": n} for n in range(1, size + 1)], []

    def meanwhile(request):
        asked.append(request)
        if len(asked) == after:
            rows.pop(5)

    found, gaps, _ = listed(by_number(rows, meanwhile=meanwhile))

    assert {row["id"] for row in rows} <= set(found)
    assert (len(found), gaps) == (len(set(found)), [])


def by_links(rows, meanwhile):
    def answer(request):
        told = by_number(rows, meanwhile=meanwhile)(request)
        return Reply(told.data, headers=told.headers | {"X-Total": str(len(rows))})

    with tracker(answer) as served:
        return [row["id"] for page in linked_pages(client_of(served), "x", a=1) for row in page]


def by_offset(rows, meanwhile):
    def answer(request):
        start, most = int(request.params["startAt"]), int(request.params["maxResults"])
        found = rows[start : start + most]
        meanwhile(request)
        return {"startAt": start, "total": len(rows), "issues": found}

    with tracker(answer) as served:
        return [row["id"] for page in offset_pages(client_of(served), "search", "issues") for row in page]


@pytest.mark.parametrize("read", [by_links, by_offset])
@pytest.mark.parametrize("goes_after", range(1, 4))
@pytest.mark.parametrize("comes_after", range(1, 4))
def test_of_a_number_nobody_sees_that_one_went_and_another_one_came(read, goes_after, comes_after):
    rows, asked = [{"id": n} for n in range(1, 351)], []

    def meanwhile(request):
        asked.append(request)
        if len(asked) == comes_after:
            rows.append({"id": 900})
        if len(asked) == goes_after:
            rows.pop(5)

    found = read(rows, meanwhile)

    assert {row["id"] for row in rows} <= set(found)
    assert len(found) == len(set(found))


def test_such_a_list_that_gets_shorter_each_time_is_told_to_lack_something():
    rows = [{"id": n} for n in range(1, 1_001)]

    _, gaps, _ = listed(by_number(rows, meanwhile=lambda request: rows.pop(0)))

    assert gaps == [Gap("rows went away each time they were listed: others may be missing", EVERYTHING)]


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 199, 1_000, 10_000])
def test_such_a_list_is_read_once_with_hardly_more_requests_though_rows_come_meanwhile(size):
    rows = [{"id": n} for n in range(1, size + 1)]
    come = iter(range(-3, 0))

    found, gaps, n_requests = listed(
        by_number(rows, meanwhile=lambda request: rows.insert(0, {"id": next(come, -9)}) if size > 500 else None)
    )

    assert (set(range(1, size + 1)) <= set(found), gaps) == (True, [])
    assert n_requests <= 1.15 * -(-len(rows) // 100) + 1


def test_an_issue_that_goes_while_they_are_listed_does_not_make_another_one_missing():
    rows = [test_github.row(number) for number in range(1, 152)]

    def meanwhile(request):
        rows[:] = [row for row in rows if row["number"] != 5]

    issues_of = by_number(rows, meanwhile=meanwhile)

    def answer(request):
        if request.path == "/repos/a/b/issues":
            return issues_of(request)
        return [] if request.path.endswith("issue-field-values") else SITES["github"].healthy(request)

    issues, _, told, _ = pulled("github", answer)
    assert len(issues) == 151
    assert not any(isinstance(each, Gap) and each.touches == EVERYTHING for each in told)


def test_a_row_of_a_server_without_its_history_is_an_error():
    def answer(request):
        found = jira_site.data_center(request)
        for row in found.get("issues", []) if isinstance(found, dict) else []:
            if row["key"] == "A-2":
                del row["changelog"]
        return found

    issues, errors, _, _ = pulled("jira_dc", answer)
    assert (list(issues), errors) == (["A-1", "A-3", "A-4"], ["A-2"])
