"""Builds the programs that README.md shows, as they stand there: in each
language a client, a service and a transport. Every client calls every service,
and is then stopped at a peer that never answers, in the way of its language;
the transport says why it fails. The README of a binding shows the first two.

Usage: readme.py SOURCE_DIR WORK_DIR [LANGUAGE...]
"""
import pathlib
import re
import signal
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent
                       / "bindings"))
sys.dont_write_bytecode = True

from programs import Programs  # noqa: E402

PATIENCE_S = 30
MOMENT_S = 0.5
MOST_LINES = 35
ENDINGS = {"c": "c", "python": "py", "go": "go", "rust": "rs"}
SERVED = re.compile(r"\b5\b|WWS_S_OK")
STOPPED = re.compile(r"CANCELLED|cancel|KeyboardInterrupt")

source = pathlib.Path(sys.argv[1])
work = pathlib.Path(sys.argv[2])
languages = sys.argv[3:] or list(ENDINGS)


def shown(readme, language):
    blocks = re.findall(r"^```%s\n(.*?)^```" % language,
                        readme.read_text(), re.S | re.M)
    assert len(blocks) >= 2, "%s shows no %s" % (readme, language)
    return blocks


def build(programs, language):
    """The commands of the client, the service and the transport."""
    texts = shown(source / "README.md", language)
    own = source / "bindings" / language / "README.md"
    assert language == "c" or shown(own, language) == texts[:2], \
        "%s shows something else" % own
    commands = []
    for name, text in zip(["client", "service", "transport"], texts):
        lines = len([line for line in text.splitlines() if line.strip()])
        assert lines <= MOST_LINES, "%s: %d lines" % (name, lines)
        path = work / (name + "." + ENDINGS[language])
        path.write_text(text)
        commands.append(programs.build(path))
    return commands


def start(command):
    return subprocess.Popen(command, stdin=subprocess.PIPE, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end(program):
    """By Enter, or else as a terminal does it; what it has said."""
    try:
        said = program.communicate("\n", timeout=MOMENT_S)
    except subprocess.TimeoutExpired:
        program.send_signal(signal.SIGINT)
        said = program.communicate(timeout=PATIENCE_S)
    assert program.returncode in (0, 130, -signal.SIGINT), said
    return "".join(said)


def call(client, service):
    server = start(service)
    url = server.stdout.readline().strip()
    caller = start([*client, url])
    answer = caller.stdout.readline()
    caller.communicate(timeout=PATIENCE_S)
    assert caller.returncode == 0 and SERVED.search(answer), answer
    end(server)


def await_request(peer):
    peer.settimeout(PATIENCE_S)
    request = b""
    while b"Envelope>" not in request:
        octets = peer.recv(65536)
        assert octets, "the client went away"
        request += octets


def stop(client):
    """By Enter, or else as a terminal does it; the connection is gone."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        caller = start([*client,
                        "http://127.0.0.1:%d/calc" % server.getsockname()[1]])
        peer, _ = server.accept()
        await_request(peer)
        said = end(caller)
        assert STOPPED.search(said), said
        try:
            assert peer.recv(1) == b"", "the connection is still used"
        except ConnectionResetError:
            pass


def refuse(transport):
    said = subprocess.check_output(transport, text=True, timeout=PATIENCE_S)
    assert "memory:nobody" in said, said


work.mkdir(parents=True, exist_ok=True)
programs = Programs(source, work)
made = {language: build(programs, language) for language in languages}
for client in languages:
    for service in languages:
        call(made[client][0], made[service][1])
    stop(made[client][0])
    refuse(made[client][2])
    print(client, "passed", flush=True)
