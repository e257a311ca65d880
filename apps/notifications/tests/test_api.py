"""Notifications, preferences and webhooks over HTTP: each sees their own, leads manage, strangers find nothing."""

import socket
from datetime import timedelta

import pytest

from apps.common.addresses import NameNotAnswered
from apps.notifications.channels.webhook import post
from apps.notifications.models import Delivery, Preference, Webhook
from apps.notifications.services import webhooks
from apps.notifications.services.announcing import announce
from apps.notifications.tests.factories import WebhookFactory, news
from apps.projects.tests.factories import TeamMemberFactory

pytestmark = pytest.mark.django_db
MINE = "/api/v1/notifications/"


def results(response) -> list[dict]:
    assert response.status_code == 200, response.content
    return response.json()["results"]


# --- One's own ----------------------------------------------------------------------------------------------------
@pytest.fixture
def told(project, people, now):
    """The lead was told twice, a day apart."""
    for n in range(2):
        announce(project, [news(f"anomaly:{n}")], now=now + timedelta(days=n))


def test_a_person_sees_their_own_the_latest_first(as_, told, project):
    first, second = results(as_("lead").get(MINE))

    assert first["created_at"] > second["created_at"]
    assert (first["project_id"], first["event"], first["severity"]) == (str(project.id), "anomaly_detected", "high")
    assert first["subject"].startswith("[APOLLO] high: ")
    assert first["read_at"] is None
    assert [results(as_(role).get(MINE)) for role in ("member", "stranger", "staff")] == [[], [], []]


def test_what_was_read_can_be_left_out(as_, told):
    client, [first, second] = as_("lead"), results(as_("lead").get(MINE))

    marked = client.post(f"{MINE}{first['id']}/read/")

    assert (marked.status_code, bool(marked.json()["read_at"])) == (200, True)
    assert [each["id"] for each in results(client.get(MINE, {"unread": "true"}))] == [second["id"]]
    assert [each["id"] for each in results(client.get(MINE, {"unread": "false"}))] == [first["id"]]
    again = client.post(f"{MINE}{first['id']}/read/")
    assert again.json()["read_at"] == marked.json()["read_at"]


def test_all_can_be_read_at_once_or_all_of_a_project(as_, told, project, people, now):
    other = TeamMemberFactory(user=people["lead"], role="lead").project
    announce(other, [news()], now=now)
    client = as_("lead")

    assert client.post(f"{MINE}read-all/", {"project": str(other.id)}).json() == {"marked": 1}
    assert len(results(client.get(MINE, {"unread": "true", "project": str(project.id)}))) == 2
    assert client.post(f"{MINE}read-all/").json() == {"marked": 2}


def test_nobody_reads_or_marks_those_of_others(as_, told):
    own = Delivery.objects.first()

    assert as_("member").post(f"{MINE}{own.id}/read/").status_code == 404
    assert as_("stranger").post(f"{MINE}read-all/").json() == {"marked": 0}
    own.refresh_from_db()
    assert own.read_at is None


def test_who_left_a_project_no_longer_sees_its_news(as_, told, project, people):
    project.team.filter(user=people["lead"]).delete()

    assert results(as_("lead").get(MINE)) == []


def test_pages_take_the_same_queries_however_long_the_list_is(as_, told, project, now, django_assert_num_queries):
    client = as_("lead")
    with django_assert_num_queries(1):
        client.get(MINE)
    announce(project, [news(f"other:{n}") for n in range(20)], now=now)

    with django_assert_num_queries(1):
        client.get(MINE)


@pytest.mark.parametrize("query", [{"project": "5"}, {"page_size": "0"}, {"unread": "maybe"}])
def test_a_filter_that_cannot_be_read_is_an_error(as_, query):
    assert as_("lead").get(MINE, query).status_code == 400


def test_preferences_are_the_defaults_until_somebody_chooses(as_, people, settings):
    client = as_("lead")

    assert client.get(f"{MINE}preferences/").json() == {
        "email": True,
        "least_severity": "high",
        "as_member": False,
        "email_available": False,
    }
    assert not Preference.objects.exists()

    settings.EMAIL_URL = "smtp://mail"
    chosen = client.patch(f"{MINE}preferences/", {"least_severity": "critical"})
    assert chosen.json() == {
        "email": True,
        "least_severity": "critical",
        "as_member": False,
        "email_available": True,
    }
    assert Preference.objects.get(user=people["lead"]).least_severity == "critical"
    assert client.patch(f"{MINE}preferences/", {"email": False}).json()["least_severity"] == "critical"
    assert client.patch(f"{MINE}preferences/", {"least_severity": "dire"}).status_code == 400


def test_who_is_not_logged_in_is_asked_to(api_client, url):
    for address in (MINE, f"{MINE}preferences/", url("webhooks")):
        assert api_client.get(address).status_code == 401


# --- Webhooks -----------------------------------------------------------------------------------------------------
@pytest.fixture
def webhook(project) -> Webhook:
    return WebhookFactory(project=project, url="https://93.184.216.34/hook")


def test_a_lead_adds_a_webhook_and_sees_the_secret_once(as_, url, receiver):
    client = as_("lead")

    made = client.post(url("webhooks"), {"url": receiver.url, "least_severity": "medium"})

    assert made.status_code == 201, made.content
    body = made.json()
    assert body["secret"].startswith("whsec_")
    assert len(body["secret"]) == len("whsec_") + 43
    assert (body["url"], body["is_active"], body["least_severity"]) == (receiver.url, True, "medium")
    [shown] = results(client.get(url("webhooks")))
    assert "secret" not in shown
    assert body["secret"] not in str(Webhook.objects.values().get())
    assert {**shown, "secret": body["secret"]} == body


def test_a_new_secret_replaces_the_old_one(as_, url, webhook):
    before = Webhook.objects.get().secret_digest

    rotated = as_("lead").post(url("webhooks", webhook.id, "rotate-secret"))

    assert rotated.json()["secret"].startswith("whsec_")
    assert Webhook.objects.get().secret_digest != before


def test_a_ping_goes_the_way_of_all_news_and_into_the_log(
    as_, url, receiver, project, django_capture_on_commit_callbacks
):
    webhook = WebhookFactory(project=project, url=receiver.url)
    with django_capture_on_commit_callbacks(execute=True):
        asked = as_("lead").post(url("webhooks", webhook.id, "test"))

    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    assert receiver.ids() == [asked.json()["id"]]
    assert receiver.received[0].headers["X-Scrum-ML-Event"] == "ping"
    [logged] = results(as_("lead").get(url("webhooks", webhook.id, "deliveries")))
    assert (logged["id"], logged["event"], logged["state"]) == (asked.json()["id"], "ping", "delivered")
    assert [(each["number"], each["status_code"]) for each in logged["log"]] == [(1, 204)]
    assert results(as_("lead").get(url("webhooks", webhook.id, "deliveries"), {"state": "failed"})) == []


def test_while_a_ping_waits_there_is_no_second_one(as_, url, webhook):
    first, second = (as_("lead").post(url("webhooks", webhook.id, "test")) for _ in range(2))

    assert (first.status_code, second.status_code, second.json()["code"]) == (202, 409, "ping_waits")


def test_a_webhook_is_switched_off_moved_and_deleted(as_, url, webhook):
    client = as_("lead")

    assert client.patch(url("webhooks", webhook.id), {"is_active": False}).json()["is_active"] is False
    assert client.patch(url("webhooks", webhook.id), {"url": "https://93.184.216.35/"}).status_code == 200
    assert client.delete(url("webhooks", webhook.id)).status_code == 204
    assert not Webhook.objects.exists()


@pytest.fixture
def patience(monkeypatch):
    """Names are looked up however long this machine takes."""
    monkeypatch.setitem(webhooks.require_reachable.__kwdefaults__, "resolve", socket.getaddrinfo)


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("http://127.0.0.1/", "address_refused"),
        ("http://169.254.169.254/latest/meta-data/", "address_refused"),
        ("http://[::1]/", "address_refused"),
        ("ftp://93.184.216.34/", "url_refused"),
        ("https://user:secret@93.184.216.34/", "url_refused"),
        ("https://nowhere.invalid/", "name_unknown"),
        ("https://93.184.216.34/" + "x" * 500, "max_length"),
        ("", "blank"),
    ],
)
def test_an_address_that_no_delivery_would_reach_is_refused(as_, url, webhook, address, code):
    for refused in (
        as_("lead").post(url("webhooks"), {"url": address}),
        as_("lead").patch(url("webhooks", webhook.id), {"url": address}),
    ):
        assert refused.status_code == 400
        [error] = refused.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/url", code)


def test_a_name_whose_server_is_silent_is_taken_and_looked_up_again_before_anything_is_sent(as_, url, monkeypatch):
    def silent(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setitem(webhooks.require_reachable.__kwdefaults__, "resolve", silent)

    assert as_("lead").post(url("webhooks"), {"url": "https://silent.example/"}).status_code == 201
    assert post("https://silent.example/", b"{}", {}, resolve=silent).error == NameNotAnswered().message


def test_an_address_is_kept_once_and_ten_are_enough(as_, url, webhook, project):
    client = as_("lead")
    assert client.post(url("webhooks"), {"url": webhook.url}).status_code == 400

    WebhookFactory.create_batch(webhooks.MOST_WEBHOOKS - 1, project=project)

    refused = client.post(url("webhooks"), {"url": "https://93.184.216.34/other"})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_webhooks")


@pytest.mark.parametrize(
    ("role", "expected"), [("lead", 200), ("staff", 200), ("member", 403), ("viewer", 403), ("stranger", 404)]
)
def test_webhooks_are_for_leads(as_, url, webhook, role, expected):
    client = as_(role)
    one = url("webhooks", webhook.id)

    answers = [
        client.get(url("webhooks")),
        client.get(one),
        client.get(url("webhooks", webhook.id, "deliveries")),
        client.patch(one, {"is_active": True}),
        client.post(url("webhooks", webhook.id, "rotate-secret")),
    ]
    if expected != 200:
        answers += [
            client.post(url("webhooks"), {"url": "https://93.184.216.34/"}),
            client.post(url("webhooks", webhook.id, "test")),
            client.delete(one),
        ]

    assert {answer.status_code for answer in answers} == {expected}


def test_a_webhook_of_another_project_is_not_there(as_, url):
    foreign = WebhookFactory()

    for address in (url("webhooks", foreign.id), url("webhooks", foreign.id, "deliveries")):
        assert as_("lead").get(address).status_code == 404


def test_the_log_takes_the_same_queries_however_long_it_is(as_, url, webhook, now, django_assert_num_queries):
    client = as_("staff")
    counts = []
    for n in (1, 20):
        announce(webhook.project, [news(f"{n}:{k}") for k in range(n)], now=now)
        # The project, the webhook, the page, its tries.
        with django_assert_num_queries(4):
            counts.append(len(results(client.get(url("webhooks", webhook.id, "deliveries")))))

    assert counts == [1, 21]
