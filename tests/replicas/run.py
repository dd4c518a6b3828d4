#!/usr/bin/env python3
"""docs/deploy.md under nginx: the configuration that stands there, before two replicas.

Needs python3 and nginx (`apt-get install nginx-light`), and a built penseur:

    cargo build --release && python3 tests/replicas/run.py [PATH OF penseur]

Seen here: nobody is let in without a key, people sign in to the app at the balancer's address and other sites' pages do not
get in, a conversation stays on the replica that has its prefix, tokens are not held back, a replica that dies in
mid-answer takes its own answers with it and nothing else, and one that is told to end lets its answers finish.
"""

import collections
import http.client
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PENSEUR = sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/penseur"
REPLICAS = (8081, 8082)
FRONT = 8080
ORIGIN = f"http://127.0.0.1:{FRONT}"
KEY = "0123456789abcdef0123456789abcdef"
LONG = "A story with no end: 347 + 588, then 12 * 12, then"


def request(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    text = json.dumps(body, ensure_ascii=False).encode() if body is not None else None
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}", **(headers or {})}
    connection.request(method, path, text, {name: value for name, value in headers.items() if value is not None})
    return connection.getresponse()


def metric(port, name):
    text = request(port, "GET", "/metrics").read().decode()
    return sum(float(value) for value in re.findall(rf"^penseur_{name}(?:{{.*}})? (\S+)$", text, re.M))


def ask(port, conversation, messages, **more):
    body = {"messages": messages, "temperature": 0, "max_tokens": 64, **more}
    answer = request(port, "POST", "/v1/chat/completions", body, {"x-conversation-id": conversation})
    value = json.loads(answer.read())
    assert answer.status == 200, (answer.status, value)
    return value


def stream(port, conversation, seen):
    """Streams eight long texts; `seen` gets the time of each event, and at the end what went wrong, or None."""
    try:
        body = {"prompt": LONG, "max_tokens": 2000, "temperature": 1, "stream": True, "seed": 1, "n": 8,
                "logit_bias": {str(token): -100 for token in range(16)}}
        answer = request(port, "POST", "/v1/completions", body, {"x-conversation-id": conversation})
        assert answer.status == 200, answer.read()
        last = b""
        while line := answer.readline():
            if line.strip():
                last = line.strip()
                seen.append(time.monotonic())
        seen.append(None if last == b"data: [DONE]" else f"ended with {last[:80]!r}")
    except (OSError, http.client.HTTPException) as error:
        seen.append(repr(error))


class Replica:
    def __init__(self, port, place):
        self.port, self.place = port, place
        self.start()

    def start(self):
        log = open(self.place / f"{self.port}.log", "ab")
        (self.place / "keys").write_text(f"{KEY}\n")
        self.process = subprocess.Popen(
            [PENSEUR, "serve", "--port", str(self.port), "--data-dir", str(self.place / str(self.port)),
             "--api-key-file", str(self.place / "keys"), "--public-origin", ORIGIN], stderr=log
        )
        wait_for(self.port)


def wait_for(port):
    for _ in range(200):
        try:
            if request(port, "GET", "/health").status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"nothing answers on port {port}")


def nginx_configuration(place):
    text = (ROOT / "docs/deploy.md").read_text()
    served = re.search(r"```nginx\n(.*?)```", text, re.S).group(1)
    return (
        f"daemon off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/nginx.log;\n"
        f"events {{}}\nhttp {{ access_log off;\n{served}\n}}\n"
    )


def nobody_without_a_key():
    for path in ("/v1/models", "/metrics", "/api/conversations"):
        for headers in ({}, {"origin": ORIGIN}, {"authorization": "Bearer wrong"}):
            status = request(FRONT, "GET", path, None, {"authorization": None, **headers}).status
            assert status == 401, (path, headers, status)
    print("nobody is let in without a key ... ok")


def the_app_works():
    """What a browser does: it shows no key but its cookie, and says which page asks."""
    page = {"authorization": None, "origin": ORIGIN, "sec-fetch-site": "same-origin"}
    signed_in = request(FRONT, "POST", "/api/sign-in", {"key": KEY}, page)
    assert signed_in.status == 204, (signed_in.status, signed_in.read())
    page["cookie"] = signed_in.getheader("set-cookie").split(";")[0]
    asked = request(FRONT, "POST", "/api/ask", {"content": "What is 347 + 588?"}, page)
    begun = json.loads(asked.read())
    assert asked.status == 200, (asked.status, begun)
    events = request(FRONT, "GET", f"/api/answers/{begun['answer']}/events", None, page).read()
    assert b'"ended":true' in events, events[-200:]
    shown = request(FRONT, "GET", f"/api/conversations/{begun['conversation']}", None, page)
    answer = json.loads(shown.read())["messages"][1]["samples"][0]
    assert answer["status"] == "done" and answer["content"], answer
    # More bytes than a request to the API may have.
    sent = request(FRONT, "POST", "/api/files?name=a.txt", "多" * 1_900_000, page)
    assert sent.status == 200, (sent.status, sent.read())
    for foreign in ("https://evil.example", "null", ORIGIN + ".evil.example"):
        status = request(FRONT, "POST", "/api/ask", {"content": "x"}, {**page, "origin": foreign}).status
        assert status == 403, (foreign, status)
    print("people sign in to the app and ask; other sites' pages do not get in ... ok")


def prefix_stays(replicas):
    """Ten texts that grow in three turns: each turn finds the earlier ones in its replica's cache."""
    before = {r.port: metric(r.port, "completions_ended_total") for r in replicas}
    for i in range(10):
        # The bundled model's template shows it the last question alone, so the turns are written out here.
        text, hits = f"{i}. Remember: " + " ".join(str(n) for n in range(100, 190)) + ".", []
        for turn in range(3):
            text += f"\nWhat is {turn} + 12?\n"
            body = {"prompt": text, "max_tokens": 16, "temperature": 0}
            answer = json.loads(request(FRONT, "POST", "/v1/completions", body, {"x-conversation-id": f"{i}"}).read())
            hits.append(answer["usage"]["prompt_cache_hit_tokens"])
            text += answer["choices"][0]["text"]
        assert hits[0] == 0 and hits[1] > 0 and hits[2] > 0, f"conversation {i}: cache hits {hits}"
    shares = {r.port: metric(r.port, "completions_ended_total") - before[r.port] for r in replicas}
    assert all(share > 0 and share % 3 == 0 for share in shares.values()), shares
    print(f"a conversation's prefix stays on its replica (answers by replica: {shares}) ... ok")


def nothing_is_held_back():
    seen = []
    stream(FRONT, "c", seen)
    assert seen.pop() is None, seen[-1:]
    gaps = [b - a for a, b in zip(seen, seen[1:])]
    spread = seen[-1] - seen[0]
    assert len(seen) > 200 and spread > 0.1 and max(gaps) < spread / 4, (len(seen), spread, max(gaps))
    print(f"tokens go out as they come ({len(seen)} events over {spread:.2f} s, longest gap {max(gaps):.3f} s) ... ok")


def owner_of(conversation, replicas):
    before = {r.port: metric(r.port, "completions_total") for r in replicas}
    ask(FRONT, conversation, [{"role": "user", "content": "What is 1 + 1?"}])
    return next(r for r in replicas if metric(r.port, "completions_total") > before[r.port])


def start_streams(replicas):
    by_replica = collections.defaultdict(list)
    for i in range(40):
        name = f"stream-{i}"
        owner = owner_of(name, replicas)
        if len(by_replica[owner]) < 3:
            by_replica[owner].append((name, []))
        if len(by_replica) == 2 and all(len(names) == 3 for names in by_replica.values()):
            break
    threads = []
    for names in by_replica.values():
        for name, seen in names:
            threads.append(threading.Thread(target=stream, args=(FRONT, name, seen)))
            threads[-1].start()
    for _ in range(400):
        if all(len(seen) > 5 for names in by_replica.values() for _, seen in names):
            break
        time.sleep(0.005)
    return by_replica, threads


def a_replica_dies(replicas):
    victim, other = replicas
    streams, threads = start_streams(replicas)
    victim.process.send_signal(signal.SIGKILL)
    victim.process.wait()
    for i in range(12):
        ask(FRONT, f"after-{i}", [{"role": "user", "content": f"What is {i} + 2?"}])
    [thread.join() for thread in threads]
    broken = [name for name, seen in streams[victim] if seen[-1] is not None]
    assert len(broken) == 3, "an answer whose replica died must not look complete"
    assert all(seen[-1] is None for _, seen in streams[other]), streams[other]
    victim.start()
    print("a replica that dies takes its own answers with it alone; new requests go to the other ... ok")


def a_replica_ends(replicas):
    victim, other = replicas
    streams, threads = start_streams(replicas)
    victim.process.send_signal(signal.SIGTERM)
    for i in range(12):
        ask(FRONT, f"meanwhile-{i}", [{"role": "user", "content": f"What is {i} + 3?"}])
    [thread.join() for thread in threads]
    assert all(seen[-1] is None for names in streams.values() for _, seen in names), "every answer must finish"
    assert victim.process.wait(timeout=20) == 0
    victim.start()
    print("a replica that is told to end lets its answers finish; no request fails meanwhile ... ok")


def main():
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        replicas = [Replica(port, place) for port in REPLICAS]
        (place / "nginx.conf").write_text(nginx_configuration(place))
        nginx = subprocess.Popen(["nginx", "-p", str(place), "-c", "nginx.conf", "-e", str(place / "nginx.log")])
        try:
            wait_for(FRONT)
            nobody_without_a_key()
            the_app_works()
            prefix_stays(replicas)
            nothing_is_held_back()
            a_replica_dies(replicas)
            a_replica_ends(replicas)
        finally:
            nginx.terminate()
            nginx.wait()
            for replica in replicas:
                replica.process.kill()
                replica.process.wait()


if __name__ == "__main__":
    main()
