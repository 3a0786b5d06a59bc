"""Record and replay: the requests of one install, sent again in thought over another network or by another scheduler.

    trace = replay.Trace.of(session.install("project", trace=True))       # once, over any network
    trace.save("cold.trace.jsonl")
    now = trace.replay()                                                  # as it was
    far = trace.replay(latency=0.040, bandwidth=12.5e6, cap=16)           # 40 ms, 100 Mbit/s, 16 requests at once
    print(far, far.critical_path[-3:], far.share)

What is kept of the recording is what no network changes: which request could only be sent once another had been answered
(a packument names the next packages, and its own archive), how long the engine thought in between, how many bytes each answer has, and how long
the server took beyond the latency. What is modelled: `cap` requests at once, first come first served or in an `order` of
your own; `latency` seconds until an answer's first byte; `bandwidth` bytes a second, shared evenly by the answers that are
under way. What is not: slow start, connections that have to be made, a server that is slower for many. Compare replays with
replays; `Trace.replay()` without arguments says how far the model is from what was recorded.

Plain Python, no engine needed. Times in seconds, sizes in bytes."""

import heapq
import json

SOON = 0.002  # a request that starts so soon after a slot was given up took that slot


class Request:
    """One request of a trace: url, subject, bytes, `parent` (index of the request whose answer it waited for, None: none),
    `think` (seconds from that answer, or from the beginning, until it was wanted), `delay` (recorded seconds to the first
    byte), `transfer` (recorded seconds from there to the end), start, end (recorded)."""

    __slots__ = ("url", "subject", "bytes", "parent", "think", "delay", "transfer", "start", "end")

    def __init__(self, url, size, parent=None, think=0.0, delay=0.0, transfer=0.0, subject="", start=0.0, end=0.0):
        self.url, self.bytes, self.parent, self.think, self.delay, self.transfer = url, size, parent, think, delay, transfer
        self.subject, self.start, self.end = subject, start, end

    def to_dict(self):
        return {name: getattr(self, name) for name in self.__slots__}

    def __repr__(self):
        return "Request(%s, %d bytes)" % (self.subject or self.url, self.bytes)


class Sent:
    """One request of a replay: `request`, `index`; `wanted`, `start`, `first_byte`, `end`; `waited_for` (index of the
    request whose end let it start: its parent or the one that gave its slot up, None: neither) and `why` ("answer", "slot",
    "begin")."""

    __slots__ = ("request", "index", "wanted", "start", "first_byte", "end", "waited_for", "why")

    def __init__(self, request, index):
        self.request, self.index = request, index
        self.wanted = self.start = self.first_byte = self.end = 0.0
        self.waited_for, self.why = None, "begin"

    def __repr__(self):
        return "Sent(%s: %.1f to %.1f ms, %s)" % (self.request.subject or self.request.url, self.start * 1e3, self.end * 1e3, self.why)


class Replay:
    """What a replay came to.

    wall           seconds until the last answer
    sent           every request with its times, in the trace's order
    at_once        the most requests at one time
    critical_path  Sent by Sent, each of which let the next one start; its last one ends at `wall`
    share          where the time of that path went: thinking, latency, transfer (they add up to wall)"""

    def __init__(self, sent, at_once):
        self.sent, self.at_once = sent, at_once
        self.wall = max((s.end for s in sent), default=0.0)
        path, at = [], max(sent, key=lambda s: (s.end, s.index), default=None)
        while at is not None:
            path.append(at)
            at = sent[at.waited_for] if at.waited_for is not None else None
        self.critical_path = path[::-1]
        before = {None: 0.0, **{s.index: s.end for s in path}}
        self.share = {"thinking": sum(s.start - before[s.waited_for] for s in path),
                      "latency": sum(s.first_byte - s.start for s in path), "transfer": sum(s.end - s.first_byte for s in path)}

    def __repr__(self):
        return "Replay(%.1f ms: %s; %d requests, %d at once, %d on the critical path)" % (
            self.wall * 1e3, ", ".join("%s %.1f" % (k, v * 1e3) for k, v in self.share.items()), len(self.sent), self.at_once,
            len(self.critical_path))


class Trace:
    """The requests of one install, and who waited for whom."""

    def __init__(self, requests, cap=None):
        self.requests, self.cap = list(requests), cap
        for index, request in enumerate(self.requests):
            if request.parent is not None and not 0 <= request.parent < len(self.requests):
                raise ValueError("request %d waits for one that is not there" % index)

    @classmethod
    def of(cls, result, cap=None):
        """From a Result of an install with trace=True, or from rows (dicts with url, subject, packument, bytes, start,
        first_byte, end).

        cap  how many requests were allowed at once; default: what the result's configuration says, or pmx's own default, 128
        Who waited for whom: an archive for the packument of its package, where there is one; a packument for the first
        answered one of a package that depends on it, which the result's graph knows. Without a graph a packument is held
        to have waited for the last packument that was answered before it. What waited for nobody was wanted when it
        started, and what started into the last slot, or into one just given up, had been in the queue before."""
        rows = result if isinstance(result, (list, tuple)) else result.network
        rows = [row if isinstance(row, dict) else row.to_dict() for row in rows]
        if cap is None:
            config = getattr(result, "config", None)
            cap = (config.get("network-concurrency") if config is not None else None) or 128
        rows = sorted((row for row in rows if not row.get("error")), key=lambda row: (row["start"], row["end"]))
        dependents = _dependents(getattr(result, "graph", None)) if any(row.get("packument") for row in rows) else None
        requests, running = [], []
        answered = {}     # package name → (end, index) of its packument
        last = None       # (end, index) of the last packument that was answered
        ended, was_full = None, False  # the last answer of any kind, and whether others may have waited for its slot
        for index, row in enumerate(rows):
            while running and running[0][0] <= row["start"]:
                full = len(running) >= cap
                was_full = full or (was_full and ended is not None and running[0][0] - ended[0] < SOON)
                ended = heapq.heappop(running)
                if rows[ended[1]].get("packument"):
                    last = ended
                    answered.setdefault(rows[ended[1]].get("subject", ""), ended)
            queued = len(running) + 1 >= cap or (was_full and row["start"] - ended[0] < SOON)
            if not row.get("packument"):
                cause = answered.get(_name_of(row.get("subject", "")))
            elif dependents is None:
                cause = last
            else:
                cause = min((answered[name] for name in dependents.get(row.get("subject", ""), ()) if name in answered), default=None)
            if queued and requests:
                # Between its cause and its start it waited for a slot: how long it was thought of, nobody saw.
                before = requests[-1]
                parent, think = (cause[1], 0.0) if cause is not None else (None, before.think if before.parent is None else 0.0)
            elif cause is not None:
                parent, think = cause[1], row["start"] - cause[0]
            else:
                parent, think = None, row["start"]
            requests.append(Request(row["url"], row["bytes"], parent, think, max(row["first_byte"] - row["start"], 0.0),
                                    max(row["end"] - row["first_byte"], 0.0), row.get("subject", ""), row["start"], row["end"]))
            heapq.heappush(running, (row["end"], index))
        return cls(requests, cap)

    @classmethod
    def load(cls, path):
        with open(path) as file:
            head, *rows = [json.loads(line) for line in file if line.strip()]
        if head.get("schema") != "pmx.trace/1":
            raise ValueError("%s is no trace of pmx: schema %r" % (path, head.get("schema")))
        return cls([Request(row["url"], row["bytes"], *(row[n] for n in ("parent", "think", "delay", "transfer", "subject", "start", "end")))
                    for row in rows], head["cap"])

    def save(self, path):
        """One JSON line a request, after one that says what it is."""
        with open(path, "w") as file:
            for row in [{"schema": "pmx.trace/1", "cap": self.cap}, *(r.to_dict() for r in self.requests)]:
                file.write(json.dumps(row) + "\n")

    @property
    def bytes(self):
        return sum(request.bytes for request in self.requests)

    def replay(self, *, latency=None, extra_latency=0.0, bandwidth=None, cap=None, order=None, thinking=1.0):
        """The same requests over another network: a Replay.

        latency        seconds to each first byte, instead of what was recorded
        extra_latency  seconds on top of it
        bandwidth      bytes a second of the whole line; None: each answer takes as long as it was recorded to
        cap            requests at once; None: as recorded; 0: no bound
        order          which of the waiting requests goes first: a function of Request, smallest first; None: as they came
        thinking       factor of the engine's own time between an answer and the next request"""
        return _Simulation(self.requests, latency, extra_latency, bandwidth, self.cap if cap is None else cap, order, thinking).run()

    def __len__(self):
        return len(self.requests)

    def __repr__(self):
        return "Trace(%d requests, %d bytes, cap %s)" % (len(self), self.bytes, self.cap)


def _name_of(package_id):
    """"react" of "react@19.1.0(scheduler@1.0.0)"."""
    return package_id[:package_id.find("@", 1)] if "@" in package_id[1:] else package_id


def _dependents(graph):
    """Package name → names of what depends on it; None without a graph."""
    if graph is None:
        return None
    found = {}
    for package in graph.packages:
        for edge in package.dependencies:
            if edge.package is not None:
                found.setdefault(edge.package.name, set()).add(package.name)
    return found


class _Simulation:
    def __init__(self, requests, latency, extra, bandwidth, cap, order, thinking):
        self.sent = [Sent(request, index) for index, request in enumerate(requests)]
        self.latency, self.extra, self.bandwidth, self.cap, self.order, self.thinking = latency, extra, bandwidth, cap, order, thinking
        self.children = [[] for _ in requests]
        self.events = []  # (time, sequence, what, index)
        self.sequence = 0
        self.now, self.running, self.at_once = 0.0, 0, 0
        self.waiting = []      # heap of (order, sequence, index)
        self.freed_by = None   # who gave up the slot that is taken now
        # Fluid sharing: every answer under way has received `level` bytes since level was 0 … an answer that began at level
        # L ends when the level is L + its bytes.
        self.level, self.level_at, self.flowing = 0.0, 0.0, []

    def _at(self, time, what, index):
        self.sequence += 1
        heapq.heappush(self.events, (time, self.sequence, what, index))

    def run(self):
        for sent in self.sent:
            if sent.request.parent is None:
                self._at(sent.request.think * self.thinking, "wanted", sent.index)
            else:
                self.children[sent.request.parent].append(sent.index)
        while self.events or self.flowing:
            flow = self._next_flow_end()
            if self.events and (flow is None or self.events[0][0] <= flow):
                time, _, what, index = heapq.heappop(self.events)
                self._advance(time)
                getattr(self, "_" + what)(index)
            else:
                self._advance(flow)
                _, index = heapq.heappop(self.flowing)
                self._ended(index)
        if any(s.end == 0.0 and s.start == 0.0 and s.wanted == 0.0 and s.request.parent is not None for s in self.sent):
            raise ValueError("requests wait for each other in a circle")
        return Replay(self.sent, self.at_once)

    def _advance(self, time):
        if self.flowing:
            self.level += (time - self.level_at) * self.bandwidth / len(self.flowing)
        self.now = self.level_at = time

    def _next_flow_end(self):
        if not self.flowing:
            return None
        return self.level_at + max(self.flowing[0][0] - self.level, 0.0) * len(self.flowing) / self.bandwidth

    def _wanted(self, index):
        sent = self.sent[index]
        sent.wanted = self.now
        self.sequence += 1
        heapq.heappush(self.waiting, (self.order(sent.request) if self.order else self.sequence, self.sequence, index))
        self._pump(None)

    def _pump(self, freed_by):
        while self.waiting and (not self.cap or self.running < self.cap):
            _, _, index = heapq.heappop(self.waiting)
            sent = self.sent[index]
            self.running += 1
            self.at_once = max(self.at_once, self.running)
            sent.start = self.now
            if freed_by is not None and sent.wanted < self.now:
                sent.waited_for, sent.why = freed_by, "slot"
            elif sent.request.parent is not None:
                sent.waited_for, sent.why = sent.request.parent, "answer"
            delay = sent.request.delay if self.latency is None else self.latency
            self._at(self.now + delay + self.extra, "answered", index)

    def _answered(self, index):
        sent = self.sent[index]
        sent.first_byte = self.now
        if self.bandwidth is None:
            self._at(self.now + sent.request.transfer, "ended", index)
        else:
            heapq.heappush(self.flowing, (self.level + sent.request.bytes, index))

    def _ended(self, index):
        sent = self.sent[index]
        sent.end = self.now
        self.running -= 1
        for child in self.children[index]:
            self._at(self.now + self.sent[child].request.think * self.thinking, "wanted", child)
        self._pump(index)
