"""Builds the programs that README.md shows, as they stand there: the client
calls the service, and is then stopped at a peer that never answers.

Usage: readme.py README.md CC INCLUDE_DIR LIBRARY WORK_DIR
"""
import os
import re
import socket
import subprocess
import sys

PATIENCE_S = 30
MOST_LINES = 30

readme, cc, include, library, work = sys.argv[1:]


def build(source, name):
    os.makedirs(work, exist_ok=True)
    path = os.path.join(work, name)
    with open(path + ".c", "w") as file:
        file.write(source)
    subprocess.run([cc, "-Wall", "-Wextra", "-Werror", "-I", include,
                    path + ".c", "-o", path, library,
                    "-Wl,-rpath," + os.path.dirname(library), "-lpthread"],
                   check=True)
    lines = len([line for line in source.splitlines() if line.strip()])
    assert lines <= MOST_LINES, "%s has grown to %d lines" % (name, lines)
    return path


def start(*command):
    return subprocess.Popen(command, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def end(process, wanted):
    """Presses Enter, and sees how the program ends."""
    output, _ = process.communicate("\n", timeout=PATIENCE_S)
    assert wanted in output, output
    assert process.returncode == 0, process.returncode


def call_service(client, host):
    server = start(host)
    url = server.stdout.readline().strip()
    process = start(client, url)
    assert "WWS_S_OK" in process.stdout.readline()
    process.stdin.close()
    assert process.wait(PATIENCE_S) == 0
    end(server, "")


def stop_call(client):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        process = start(client, "http://127.0.0.1:%d/calc"
                        % server.getsockname()[1])
        peer, _ = server.accept()
        peer.settimeout(PATIENCE_S)
        request = b""
        while b"</s:Envelope>" not in request:
            octets = peer.recv(65536)
            assert octets, "the client went away"
            request += octets
        end(process, "WWS_E_OPERATION_CANCELLED")
        try:
            assert peer.recv(1) == b"", "the connection is still used"
        except ConnectionResetError:
            pass


shown = re.findall(r"^```c\n(.*?)^```", open(readme).read(), re.S | re.M)
assert len(shown) == 2, "README.md shows %d programs" % len(shown)
client = build(shown[0], "client")
host = build(shown[1], "host")
call_service(client, host)
stop_call(client)
print("2 passed")
