"""What the tests share: services, peers that never answer, and ways to wait."""
import contextlib
import os
import signal
import socket
import threading
import time

import wws
from wws import _waiting

PATIENCE_S = 30
AT_ONCE_S = 2  # nothing that waits for something takes so little
BODY = b'<Add xmlns="urn:calc"><a>2</a><b>3</b></Add>'
REPLY = b'<Sum xmlns="urn:calc">5</Sum>'
ACTION = "urn:calc/Add"
UTF8 = wws.Encoding.UTF8
OVER = {"http": {"transport": wws.Transport.HTTP, "encoding": UTF8},
        "net.tcp": {"transport": wws.Transport.TCP, "encoding": UTF8}}


def until(condition, what="it"):
    """Waits for what another thread brings about."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen")
        time.sleep(0.0005)


def patience(seconds):
    """So long, or longer where others crowd the machine."""
    return seconds * max(1, os.getloadavg()[0] / os.cpu_count())


def counter(which):
    return wws.Runtime.default().get_counter(which)


def under_way():
    """The calls that have begun and are not over."""
    return {entry.pending for box in list(_waiting._boxes)
            for entry in list(box.entries) if entry.pending is not None}


@contextlib.contextmanager
def service(handler, over="http", **options):
    """The address of a service that is there until the block is left."""
    with wws.ServiceHost() as host:
        host.add_endpoint(f"{over}://127.0.0.1:0/calc", handler, **OVER[over],
                          **options)
        host.open_sync()
        yield host.get_address(0)


@contextlib.contextmanager
def proxy(url, **options):
    over = url.partition(":")[0]
    with wws.ServiceProxy(**OVER[over], **options) as made:
        made.open_sync(url)
        yield made


class Silent:
    """Takes connections and what is sent over them, and says nothing."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.taken = []
        self.thread = threading.Thread(target=self.take, daemon=True)
        self.thread.start()

    def take(self):
        with contextlib.suppress(OSError):
            while True:
                self.taken.append(self.server.accept()[0])

    def url(self, over="http"):
        return f"{over}://127.0.0.1:{self.server.getsockname()[1]}/"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join(PATIENCE_S)
        for peer in self.taken:
            peer.close()


class Waiting:
    """A handler that waits until it is told that nobody wants its answer."""

    def __init__(self):
        self.entered = threading.Semaphore(0)
        self.reasons = []
        self.told = threading.Semaphore(0)

    def __call__(self, operation):
        over = threading.Event()

        def tell(reason):
            self.reasons.append(reason)
            over.set()

        operation.on_cancel(tell)
        self.entered.release()
        over.wait(PATIENCE_S)
        self.told.release()

    def wait_entered(self):
        assert self.entered.acquire(timeout=PATIENCE_S), "it was not entered"

    def has_entered(self):
        return self.entered.acquire(blocking=False)

    def wait_told(self):
        assert self.told.acquire(timeout=PATIENCE_S), "it was not told"


@contextlib.contextmanager
def interrupted(condition=None):
    """Presses Ctrl-C when a condition is met, or else when the block has begun
    a call; counts how long the block takes from then on.
    """
    before = under_way()
    inside = threading.Event()
    pressed = []

    def press():
        inside.wait()
        until(condition or (lambda: under_way() - before))
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        inside.set()
        yield
    except KeyboardInterrupt:
        took = time.monotonic() - pressed[0]
    else:
        raise AssertionError("nothing was interrupted")
    finally:
        thread.join(PATIENCE_S)
    assert took < patience(AT_ONCE_S), f"took {took} s"
