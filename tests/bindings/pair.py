"""Runs the scenarios: one language's runner against another's host.

Usage: pair.py SCENARIOS TRANSPORT [NAME] --host COMMAND... --runner COMMAND...

Starts the host and peers that misbehave, tells the runner where they are, and
fails unless the runner passes and the host ends well. With --all-fail in the
place of NAME the runner is right if every scenario fails.
"""
import os
import socket
import subprocess
import sys
import threading

DRIP_S = 0.05
PATIENCE_S = 20


def listen(backlog):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    if backlog is not None:
        server.listen(backlog)
    return server


def silent(kept):
    """Takes connections, and never says anything."""
    server = listen(64)
    kept.append(server)
    return server


def nowhere(kept):
    """A port at which nobody listens."""
    server = listen(None)
    kept.append(server)
    return server


def full(kept):
    """Leaves those who connect without an answer, for its backlog is full."""
    server = listen(0)
    kept.append(server)
    for _ in range(8):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(server.getsockname())
        kept.append(client)
    return server


def drip(peer, quick, slow, stop):
    """Says the one part at once and the other octet by octet, for ever."""
    with peer:
        try:
            peer.recv(65536)
            peer.sendall(quick)
            while not stop.wait(DRIP_S):
                peer.sendall(slow)
        except OSError:
            pass


def drips(kept, quick, slow, stop):
    server = listen(64)
    kept.append(server)

    def accept():
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(peer, quick, slow, stop),
                             daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server


def peers(kept, stop):
    head = (b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n"
            b"Content-Length: 60000\r\n\r\n")
    return {
        "SILENT": silent(kept),
        "NOWHERE": nowhere(kept),
        "FULL": full(kept),
        "DRIP_HEADERS": drips(kept, b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", stop),
        "DRIP_BODY": drips(kept, head + b"<a>", b"x", stop),
    }


def passes(command, environment):
    return subprocess.run(command, env=environment).returncode == 0


def fails_all(command, environment):
    runner = subprocess.run(command, env=environment, text=True,
                            stdout=subprocess.PIPE)
    *lines, summary = runner.stdout.splitlines()
    wrong = [line for line in lines if not line.startswith("FAILED ")]
    for line in wrong:
        print(line)
    return not wrong and summary == "0 passed, %d failed" % len(lines) \
        and runner.returncode != 0


def ends_well(host):
    host.stdin.close()
    try:
        ended = host.wait(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        host.kill()
        ended = "a hang"
    if ended != 0:
        print("the host ended with", ended)
    return ended == 0


def main():
    arguments = sys.argv[1:]
    at_host = arguments.index("--host")
    at_runner = arguments.index("--runner")
    scenarios, transport, *only = arguments[:at_host]
    kept, stop = [], threading.Event()
    environment = dict(os.environ)
    for name, server in peers(kept, stop).items():
        environment["SUITE_" + name] = "%s:%d" % server.getsockname()

    host = subprocess.Popen(arguments[at_host + 1:at_runner],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True)
    url = host.stdout.readline().strip()
    command = [*arguments[at_runner + 1:], url, scenarios, transport]
    if not url:
        good = False
        print("the host does not start")
    elif only == ["--all-fail"]:
        good = fails_all(command, environment)
    else:
        good = passes([*command, *only], environment)
    stop.set()
    return 0 if ends_well(host) and good else 1


sys.exit(main())
