"""What the package of Python costs: its calls beside those of zeep against the
same host, and what lies between Python and C beside a bare call through cffi.
The host is this program once more, in a process of its own.  Prints a JSON
object for each figure.
"""
import asyncio
import json
import os
import statistics
import subprocess
import sys
import threading
import time

import wws

ACTION = "urn:example:calculator/Add"
NAMESPACE = "urn:example:calculator"
REQUEST = f'<Add xmlns="{NAMESPACE}"><a>2</a><b>3</b></Add>'.encode()
REPLY = (f'<AddResponse xmlns="{NAMESPACE}"><AddResult>5</AddResult>'
         "</AddResponse>").encode()
WSDL = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    os.pardir, os.pardir, "demo", "calc.wsdl")
ROUNDS = 5
FLIGHT = 64
MEASURE_S = 0.6
# zeep sends no addressing headers unless it is asked to.
OVER = {"http": {"transport": wws.Transport.HTTP,
                 "addressing_version": wws.AddressingVersion.TRANSPORT},
        "net.tcp": {"transport": wws.Transport.TCP,
                    "encoding": wws.Encoding.UTF8}}


def show(bench, wire, figure, ours, peer=None, theirs=None):
    row = {"bench": bench, "wire": wire, "figure": figure,
           "ours": round(ours, 2)}
    if theirs is not None:
        row.update(peer=peer, theirs=round(theirs, 2))
    print(json.dumps(row), flush=True)


# The host

async def serve():
    async def add(operation):
        return REPLY

    async with wws.ServiceHost() as host:
        for over, options in OVER.items():
            host.add_endpoint(f"{over}://127.0.0.1:0/", add,
                              max_concurrency=FLIGHT, **options)
        await host.open()
        print(host.get_address(0), host.get_address(1), flush=True)
        await asyncio.get_running_loop().run_in_executor(
            None, sys.stdin.read)


# Calls

def open_proxy(url):
    proxy = wws.ServiceProxy(**OVER[url.partition(":")[0]])
    proxy.open_sync(url)
    return proxy


def service_of_zeep(url):
    """None where there is no zeep."""
    try:
        import requests
        import zeep
    except ImportError:
        return None
    session = requests.Session()
    session.trust_env = False
    client = zeep.Client(WSDL, transport=zeep.Transport(session=session))
    return client.create_service("{%s}Soap12" % NAMESPACE, url)


def times_of(call):
    """How long each call took, one after the other."""
    times = []
    end = time.perf_counter() + MEASURE_S
    begun = time.perf_counter()
    while begun < end:
        call()
        now = time.perf_counter()
        times.append(now - begun)
        begun = now
    return times


def in_threads(calls):
    """Calls a second, each from a thread of its own."""
    counts = []

    def work(call):
        counts.append(len(times_of(call)))

    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / MEASURE_S


async def in_tasks(proxy):
    """Calls a second, each from a task of its own."""
    count = 0
    end = time.perf_counter() + MEASURE_S

    async def work():
        nonlocal count
        while time.perf_counter() < end:
            await proxy.call(ACTION, REQUEST)
            count += 1

    await asyncio.gather(*(work() for _ in range(FLIGHT)))
    return count / MEASURE_S


def compare(*measures):
    """Takes turns, so that all have the same machine; medians of rounds."""
    found = [[] for _ in measures]
    for measure in measures:
        measure()
    for _ in range(ROUNDS):
        for values, measure in zip(found, measures):
            values.append(measure())
    return [statistics.median(values) for values in found]


def bench_calls(wire, url, service):
    proxy = open_proxy(url)
    calls = [lambda: proxy.call_sync(ACTION, REQUEST)]
    assert calls[0]() == REPLY
    if service is not None:
        calls.append(lambda: service.Add(2, 3))
        assert calls[1]() == 5

    def half_of(call):
        return lambda: statistics.median(times_of(call)) * 1e6

    def rate_of(call):
        return lambda: len(times_of(call)) / MEASURE_S

    for figure, measure in ("p50 us", half_of), ("calls/s", rate_of):
        found = compare(*map(measure, calls)) + [None]
        show("python-call", wire, figure, found[0], "zeep", found[1])
    proxy.free()


def bench_flight(wire, url, services):
    proxy = open_proxy(url)
    found = compare(
        lambda: asyncio.run(in_tasks(proxy)),
        *([lambda: in_threads([lambda each=each: each.Add(2, 3)
                               for each in services])]
          if services else [])) + [None]
    show("python-flight", wire, "calls/s", found[0], "zeep", found[1])
    proxy.free()


# The boundary

def crossings(url):
    """How often one call goes from Python to C."""
    names = []

    def see(frame, event, function):
        name = getattr(function, "__name__", "")
        if event == "c_call" and name.startswith("wws_"):
            names.append(name)

    with open_proxy(url) as proxy:
        proxy.call_sync(ACTION, REQUEST)
        sys.setprofile(see)
        proxy.call_sync(ACTION, REQUEST)
        sys.setprofile(None)
    return len(names)


def nanoseconds(what):
    count = 100000
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter_ns()
        for _ in range(count):
            what()
        times.append((time.perf_counter_ns() - begun) / count)
    return statistics.median(times)


def bench_boundary(url):
    from wws._support import ffi, lib

    show("python-boundary", "http", "crossings a call", crossings(url))
    with wws.ServiceProxy() as proxy:
        handle, none = proxy._handle, ffi.new("wws_error *")[0]
        state = ffi.new("wws_service_proxy_state *")
        ours = nanoseconds(lambda: proxy.state)
        theirs = nanoseconds(
            lambda: lib.wws_service_proxy_get_state(handle, state, none))
    show("python-boundary", "-", "get_state ns", ours, "cffi", theirs)


def main():
    if sys.argv[1:] == ["host"]:
        asyncio.run(serve())
        return
    host = subprocess.Popen([sys.executable, __file__, "host"], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    http, tcp = host.stdout.readline().split()
    services = [service_of_zeep(http) for _ in range(FLIGHT)]
    if None in services:
        services = []
    bench_boundary(http)
    bench_calls("http", http, services[0] if services else None)
    bench_flight("http", http, services)
    bench_calls("tcp", tcp, None)
    bench_flight("tcp", tcp, [])
    host.stdin.close()
    host.wait()


if __name__ == "__main__":
    main()
