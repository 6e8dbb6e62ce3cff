"""Builds the client that README.md shows, as it stands there, and cancels its
call at a service that never answers.

Usage: readme.py README.md CC INCLUDE_DIR LIBRARY WORK_DIR
"""
import os
import re
import socket
import subprocess
import sys

readme, cc, include, library, work = sys.argv[1:]
source = re.search(r"^```c\n(.*?)^```", open(readme).read(), re.S | re.M).group(1)
os.makedirs(work, exist_ok=True)
path = os.path.join(work, "client.c")
with open(path, "w") as file:
    file.write(source)
client = os.path.join(work, "client")
subprocess.run([cc, "-Wall", "-Wextra", "-Werror", "-I", include, path, "-o", client,
                library, "-Wl,-rpath," + os.path.dirname(library), "-lpthread"],
               check=True)

lines = len([line for line in source.splitlines() if line.strip()])
assert lines <= 25, "the client has grown to %d lines" % lines

with socket.create_server(("127.0.0.1", 0)) as server:
    server.settimeout(30)
    url = "http://127.0.0.1:%d/calc" % server.getsockname()[1]
    process = subprocess.Popen([client, url], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    peer, _ = server.accept()
    peer.settimeout(30)
    request = b""
    while b"</s:Envelope>" not in request:
        octets = peer.recv(65536)
        assert octets, "the client went away"
        request += octets
    output, _ = process.communicate("\n", timeout=30)
    assert "WWS_E_OPERATION_CANCELLED" in output, output
    assert process.returncode == 0, process.returncode
    try:
        assert peer.recv(1) == b"", "the connection is still used"
    except ConnectionResetError:
        pass
print("1 passed")
