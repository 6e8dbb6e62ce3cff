"""Shows that what the schema gains is there in every language, with no line
written by hand in a binding: in a copy of the tree the schema gains an option,
an enum value, a function and one that waits, and core what they do. All is
generated and built anew, and a program of each language uses it.

Usage: scratch.py SOURCE_DIR WORK_DIR [LANGUAGE...]
"""
import os
import pathlib
import shutil
import socket
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "bindings"))
sys.dont_write_bytecode = True

from programs import Programs, run  # noqa: E402

PATIENCE_S = 60
ENDINGS = {"c": "c", "python": "py", "go": "go", "rust": "rs"}

source = pathlib.Path(sys.argv[1])
work = pathlib.Path(sys.argv[2])
languages = sys.argv[3:] or ENDINGS
tree = work / "tree"
prefix = work / "installed"

# What is added, each behind a line that is there.
SCHEMA = "schema/wws/service_proxy.proto"
ADDITIONS = [
    (SCHEMA, "  SERVICE_PROXY_STATE_FAULTED = 5;\n", """\
  // Luckier than open.
  SERVICE_PROXY_STATE_LUCKY = 6;
"""),
    (SCHEMA, "  optional CustomTransport custom = 14;\n",
     """
  // What luck begins with.
  optional uint32 lucky_number = 15 [default = 7];
"""),
    (SCHEMA, "service ServiceProxy {\n", """\
  // Adds to the lucky number.
  rpc TryLuck(TryProxyLuck) returns (ProxyLuck) {
    option (abi.call).any_thread = true;
  }

  // Asks without a question.
  rpc Ask(AskService) returns (Answer) {
    option (abi.call) = { async: true cancelled_by: "Call.Cancel" any_thread: true };
  }

"""),
    (SCHEMA, 'import "wws/types.proto";\n', """
message TryProxyLuck { required uint32 more = 1; }
message ProxyLuck {
  required uint32 number = 1;
  required ServiceProxyState state = 2;
}
message AskService {
  required string action = 1;
  optional handle.Call call = 2;
}
message Answer {
  optional handle.Call call = 1 [(abi.slot).lifetime = COMPLETION];
  optional bytes reply_body = 2 [(abi.slot) = { moved: true lifetime: COMPLETION }];
}
"""),
    ("core/service/service_proxy.h", "struct wwi_service_proxy;\n", """
wws_status wwi_service_proxy_try_luck(
    struct wwi_service_proxy *self,
    uint32_t more,
    uint32_t *number,
    wws_service_proxy_state *state,
    struct wwi_error *error);
wws_status wwi_service_proxy_ask(
    struct wwi_service_proxy *self,
    wws_string action,
    wws_call *call,
    wws_buffer *reply_body,
    const wws_completion *completion,
    struct wwi_error *error);
"""),
]


def add(path, behind, text):
    file = tree / path
    before = file.read_text()
    assert before.count(behind) == 1, (path, behind)
    file.write_text(before.replace(behind, behind + text))


def make_tree():
    shutil.rmtree(work, ignore_errors=True)
    ignored = shutil.ignore_patterns("build", "target", "__pycache__", "*.so")
    for folder in ["capi", "core", "schema", "bindings"]:
        shutil.copytree(source / folder, tree / folder, ignore=ignored)
    shutil.copy2(source / "CMakeLists.txt", tree)
    for addition in ADDITIONS:
        add(*addition)
    shutil.copy2(HERE / "lucky.c", tree / "core" / "service")


def build_library():
    build = work / "build"
    run("cmake", "-S", tree, "-B", build, "-G", "Ninja",
        "-DCMAKE_BUILD_TYPE=Debug", "-DWWS_SCHEMA=ON",
        "-DCMAKE_INSTALL_PREFIX=%s" % prefix, "-DCMAKE_INSTALL_LIBDIR=lib")
    run("cmake", "--build", build, "--target", "generate")
    # What was generated may be files that were not there before.
    run("cmake", build)
    run("cmake", "--build", build)
    run("cmake", "--install", build)


def await_request(peer):
    peer.settimeout(PATIENCE_S)
    request = b""
    while b"Envelope>" not in request:
        octets = peer.recv(65536)
        assert octets, "the client went away"
        request += octets


def try_client(command):
    """Its call is pending at a peer that does not answer, and is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        url = "http://127.0.0.1:%d/" % server.getsockname()[1]
        client = subprocess.Popen([*command, url], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        peer, _ = server.accept()
        await_request(peer)
        output, _ = client.communicate("\n", timeout=PATIENCE_S)
        peer.close()
    assert client.returncode == 0, client.returncode
    assert output.split() == ["7", "42", "lucky", "cancelled"], output


os.environ["PKG_CONFIG_PATH"] = str(prefix / "lib" / "pkgconfig")
os.environ["LD_LIBRARY_PATH"] = str(prefix / "lib")
make_tree()
build_library()
programs = Programs(tree, work)
for language in languages:
    try_client(programs.build(HERE / ("client." + ENDINGS[language])))
    print(language, "passed", flush=True)
