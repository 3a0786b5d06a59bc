"""Replaying a trace, on traces whose answer can be worked out by hand."""

import pytest

from pmx.lab import replay
from pmx.lab.replay import Request, Trace


def times(result):
    return [(round(s.start, 6), round(s.end, 6)) for s in result.sent]


def test_one_request_takes_latency_and_transfer():
    r = Trace([Request("a", 1000)], cap=1).replay(latency=0.1, bandwidth=10_000)
    assert times(r) == [(0, 0.2)] and r.wall == pytest.approx(0.2)
    assert r.share == pytest.approx({"thinking": 0, "latency": 0.1, "transfer": 0.1})


def test_the_cap_makes_a_queue():
    trace = Trace([Request("a", 0) for _ in range(4)], cap=4)
    assert trace.replay(latency=1).wall == 1
    two = trace.replay(latency=1, cap=2)
    assert times(two) == [(0, 1), (0, 1), (1, 2), (1, 2)] and two.at_once == 2
    assert [s.why for s in two.critical_path] == ["begin", "slot"]
    assert trace.replay(latency=1, cap=0).at_once == 4


def test_the_line_is_shared_evenly():
    # Two answers of 1000 and 3000 bytes at 1000 bytes a second: both at 500 until the first has its 1000 at 2 s, then the
    # other has 2000 left at 1000: 4 s.
    r = Trace([Request("a", 1000), Request("b", 3000)], cap=2).replay(latency=0, bandwidth=1000)
    assert times(r) == [(0, 2), (0, 4)]
    # One that comes later: 1 s alone (1000 of 3000), then shared.
    r = Trace([Request("a", 3000), Request("b", 1000, think=1.0)], cap=2).replay(latency=0, bandwidth=1000)
    assert times(r) == [(0, 4), (1, 3)]


def test_an_answer_lets_the_next_be_asked():
    trace = Trace([Request("a", 0, delay=1), Request("b", 0, parent=0, think=0.5, delay=1), Request("c", 0, delay=0.2)], cap=8)
    r = trace.replay()
    assert times(r) == [(0, 1), (1.5, 2.5), (0, 0.2)]
    assert [s.request.url for s in r.critical_path] == ["a", "b"] and r.share == pytest.approx({"thinking": 0.5, "latency": 2, "transfer": 0})
    assert trace.replay(thinking=0).wall == 2 and trace.replay(extra_latency=1).wall == 4.5


def test_the_parts_of_the_critical_path_add_up():
    import random
    dice = random.Random(3)
    requests = [Request(str(i), dice.randrange(100_000), dice.choice([None, *range(i)]) if i else None, dice.random() / 100) for i in range(300)]
    for cap in (1, 3, 50):
        r = Trace(requests, cap).replay(latency=0.02, bandwidth=1e6)
        assert sum(r.share.values()) == pytest.approx(r.wall) and r.at_once <= cap
        assert r.wall >= sum(q.bytes for q in requests) / 1e6
        assert all(s.start >= s.wanted and s.end >= s.first_byte >= s.start for s in r.sent)


def test_an_order_of_ones_own():
    trace = Trace([Request("a", 3), Request("b", 2), Request("c", 1)], cap=1)
    assert times(trace.replay(latency=0, bandwidth=1)) == [(0, 3), (3, 5), (5, 6)]
    # The first is under way before the others are there; of those the smallest goes first.
    assert times(trace.replay(latency=0, bandwidth=1, order=lambda r: r.bytes)) == [(0, 3), (4, 6), (3, 4)]


def row(subject, start, first, end, packument=False, size=100):
    return {"url": "/" + subject, "subject": subject, "bytes": size, "start": start, "first_byte": first, "end": end, "error": "", "packument": packument}


def test_a_recording_says_who_waited_for_whom():
    # a's packument, then what it named (b, c) 0.1 s later, with room for four; then the archive of b.
    trace = Trace.of([row("a", 0, 1, 1, True), row("b", 1.1, 2, 2, True), row("c", 1.1, 1.5, 3, True), row("b@1.0.0", 2.2, 3, 3)], cap=4)
    assert [(r.parent, round(r.think, 6)) for r in trace.requests] == [(None, 0), (0, 0.1), (0, 0.1), (1, 0.2)]
    assert trace.replay().wall == pytest.approx(3)
    # Archives that a lockfile names wait for nobody: the second was only thought of later.
    trace = Trace.of([row("a@1.0.0", 0, 1, 1), row("@s/b@1.0.0", 1.5, 2, 2)], cap=4)
    assert [(r.parent, r.think) for r in trace.requests] == [(None, 0), (None, 1.5)]
    # Four wanted at once, two allowed: the others were in the queue, and with four slots all start at once.
    queue = Trace.of([row("a", 0, 1, 1), row("b", 0, 1, 1), row("c", 1, 2, 2), row("d", 1, 2, 2)], cap=2)
    assert [r.parent for r in queue.requests] == [None, None, None, None]
    assert queue.replay().wall == pytest.approx(2) and queue.replay(cap=4).wall == pytest.approx(1)


def test_the_graph_knows_better_than_the_clock(session, tmp_path, registry):
    (tmp_path / "package.json").write_text('{"dependencies": {"chain-a": "1.0.0"}}')
    trace = Trace.of(session.install(tmp_path, trace=True))
    number = {r.subject: i for i, r in enumerate(trace.requests)}
    parents = {r.subject: r.parent for r in trace.requests}
    assert parents["chain-a"] is None
    for child, parent in (("chain-b", "chain-a"), ("chain-c", "chain-b"), ("chain-e", "chain-d"), ("chain-e@1.0.0", "chain-e")):
        assert parents[child] == number[parent], child
    # Five packuments one after another and the last one's archive: six times the latency, however fast the line.
    far = trace.replay(latency=1.0, thinking=0, cap=48)
    assert 5.999 < far.wall < 6.1 and [s.request.subject for s in far.critical_path][-1] == "chain-e@1.0.0"


def test_traces_are_kept(tmp_path):
    trace = Trace([Request("a", 1000, delay=0.5, transfer=0.25), Request("b", 5, parent=0)], cap=7)
    trace.save(tmp_path / "t.jsonl")
    again = Trace.load(tmp_path / "t.jsonl")
    assert [r.to_dict() for r in again.requests] == [r.to_dict() for r in trace.requests] and again.cap == 7
    (tmp_path / "x.jsonl").write_text('{"schema": "other"}\n')
    with pytest.raises(ValueError, match="no trace"):
        Trace.load(tmp_path / "x.jsonl")
    with pytest.raises(ValueError, match="not there"):
        Trace([Request("a", 1, parent=4)])
    with pytest.raises(ValueError, match="circle"):
        Trace([Request("a", 1, parent=1), Request("b", 1, parent=0)]).replay()


def test_an_install_is_recorded_and_replayed(session, project, registry):
    registry.fault("GET /chain-c/-/chain-c-1.0.0.tgz: delay=150")
    result = session.install(project(), trace=True)
    trace = Trace.of(result)
    assert len(trace) == 9 and trace.bytes == sum(r.bytes for r in result.network) and trace.cap == 128
    now = trace.replay()
    assert now.critical_path[-1].request.subject == "chain-c@1.0.0" and now.share["latency"] > 0.1
    assert now.wall == pytest.approx(max(r.end for r in result.network), rel=0.2)
    assert trace.replay(latency=0.001).wall < 0.1 < trace.replay(latency=0.05, cap=1).wall


def test_a_replay_of_thousands_is_quick_enough_to_search_with():
    requests = [Request(str(i), 20_000) for i in range(3000)]
    r = Trace(requests, 48).replay(latency=0.01, bandwidth=5e7)
    assert len(r.sent) == 3000 and r.at_once == 48
