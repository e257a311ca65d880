"""Threads are dealt to people: a model of many askers, and what each of them is promised."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from apps.common.api.askers import Askers, network_of, shown_by
from base.lines import Lines


def given_away(lines):
    return list(iter(lines.next, None))


def test_one_asker_holds_half_of_the_threads_and_the_rest_wait_for_somebody_else():
    lines = Lines(4)
    for job in range(10):
        lines.add("mallory", ("mallory", job))

    assert given_away(lines) == [("mallory", 0), ("mallory", 1)]
    lines.add("ann", "hers")
    assert given_away(lines) == ["hers"]


def test_with_one_thread_askers_take_turns():
    lines = Lines(1)
    for job in ("a1", "a2", "b1"):
        lines.add(job[0], job)
    order = []
    while (job := lines.next()) is not None:
        order.append(job)
        lines.end(job)

    assert order == ["a1", "b1", "a2"]


def test_who_has_nothing_comes_before_anybodys_second():
    lines = Lines(4)
    for job in ("a1", "a2", "a3", "b1", "b2", "b3"):
        lines.add(job[0], job)
    assert sorted(given_away(lines)) == ["a1", "a2", "b1", "b2"]

    lines.add("c", "c1")
    lines.end("a1")

    assert given_away(lines) == ["c1"]


def test_what_was_somebodys_unknown_is_theirs_once_it_is_known():
    """The first of many requests with a new key says whose all of them are."""
    lines = Lines(4)
    for job in range(6):
        lines.add("unknown 192.0.2.1", ("ann", job))
    lines.add("ann", ("ann", 6))
    held = given_away(lines)
    assert len(held) == 3

    lines.name_again(lambda job: job[0])

    lines.end(held[0])
    assert given_away(lines) == []
    lines.end(held[1])
    assert given_away(lines) == [("ann", 2)]


def test_a_process_tells_that_it_learned_who_somebody_is():
    askers = Askers()
    before = askers.n_learned
    askers.learn(b"a", "ann")
    learned = askers.n_learned
    askers.learn(b"a", "ann")

    assert (before, learned, askers.n_learned) == (0, 1, 1)


@given(
    threads=st.integers(1, 8),
    moves=st.lists(st.one_of(st.integers(0, 4), st.none()), max_size=80),
)
def test_nobody_holds_more_than_half_no_thread_is_given_twice_and_everything_is_done(threads, moves):
    """A number is a request of that asker; None is the end of the one that holds a thread longest."""
    lines, holding, asked, done = Lines(threads), [], 0, 0
    for asker in [*moves, *[None] * 200]:
        if asker is not None:
            lines.add(str(asker), (asker, asked))
            asked += 1
        elif holding:
            lines.end(holding.pop(0))
            done += 1
        holding += given_away(lines)
        held = Counter(asker for asker, _ in holding)
        assert len(holding) <= threads
        assert all(count <= max(threads // 2, 1) for count in held.values())
        # A newcomer finds a thread, unless others hold them all.
        probe = Lines(threads)
        for job in holding:
            probe.add(str(job[0]), job)
        given_away(probe)
        probe.add("newcomer", (9, 0))
        assert (given_away(probe) == [(9, 0)]) == (len(holding) < threads)

    assert (done, holding) == (asked, [])


def test_of_those_that_wait_the_last_of_who_holds_most_is_sent_away_where_they_hold_too_much():
    lines = Lines(2)
    for job, n_bytes in (("a1", 90), ("b1", 90), ("a2", 30), ("a3", 30), ("b2", 20)):
        lines.add(job[0], job, n_bytes)
    # What has a thread does not wait.
    assert given_away(lines) == ["a1", "b1"]

    assert lines.too_many(of_each=60, of_all=100) is None
    lines.add("a", "a4", 10)
    assert lines.too_many(of_each=60, of_all=100) == "a4"
    assert lines.too_many(of_each=60, of_all=79) == "a3"
    assert lines.too_many(of_each=60, of_all=79) is None
    assert Lines(1).too_many(of_each=0, of_all=0) is None


def test_an_address_is_its_network():
    assert network_of("", "2001:db8::1") == network_of("2001:db8::ffff%eth0", "10.0.0.1") == "2001:db8::"
    assert network_of("rubbish", "10.0.0.1") == "10.0.0.1"
    assert network_of("") == "0.0.0.0"


def test_of_what_was_shown_the_latest_is_remembered_and_no_secret():
    askers = Askers(most=2)
    first, second, third = (shown_by(f"Bearer {n}", "") for n in range(3))
    for shown, person in ((first, "ann"), (second, "ben"), (third, "kim")):
        askers.learn(shown, person)

    assert [askers.known(each) for each in (first, second, third)] == ["", "ben", "kim"]
    assert shown_by("", "") == shown_by(" ", "") == b""
    assert shown_by("bearer   2", "") == shown_by("Bearer 2", "x") == third
    assert shown_by("", '"abc"') == shown_by("", "abc") != b""
    assert askers.known(b"") == ""
    assert b"Bearer" not in second
