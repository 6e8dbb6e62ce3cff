"""The host of Python: the service that scenarios call, and the controls by
which a runner learns what has happened in it, and makes it happen.
"""
import asyncio
import logging
import sys
import threading

import wws
from suite import NAMESPACE, OVER, PATIENCE_S, SCHEMES, body_of, text_in

CROWD = 256


class Counts:
    """What has happened."""

    def __init__(self):
        self.changed = threading.Condition()
        self.reset()

    def reset(self):
        with self.changed:
            self.of = {"Entered": 0, "Cancelled": 0, "Ended": 0}
            self.reason = None

    def count(self, what):
        with self.changed:
            self.of[what] += 1
            self.changed.notify_all()

    def wait(self, what, wanted):
        with self.changed:
            there = self.changed.wait_for(lambda: self.of[what] >= wanted,
                                          PATIENCE_S)
        if not there:
            raise TimeoutError(f"{self.of[what]} of {wanted} {what}")


class Service:
    def __init__(self, counts, runtime, over):
        self.counts = counts
        self.released = threading.Event()
        self.host = open_host(runtime, self, over)

    def end(self):
        self.released.set()
        self.host.abort()
        self.host.close_sync()
        self.host.free()

    def Add(self, text, operation):
        first, second = text.split("+")
        return str(int(first) + int(second))

    def Echo(self, text, operation):
        return text

    def Fail(self, text, operation):
        raise wws.Fault("refused", code=wws.FaultCode.SENDER,
                        subcode_namespace=NAMESPACE, subcode_name="Refused",
                        detail=body_of("Detail", text))

    def Cut(self, text, operation):
        operation.abort_channel()
        return text

    def Crash(self, text, operation):
        raise RuntimeError("this is what was asked for")

    async def Wait(self, text, operation):
        def tell(reason):
            self.counts.reason = reason
            self.counts.count("Cancelled")

        operation.on_cancel(tell)
        self.counts.count("Entered")
        try:
            await asyncio.Event().wait()
        finally:
            self.counts.count("Ended")

    def Hold(self, text, operation):
        self.counts.count("Entered")
        self.released.wait()
        self.counts.count("Ended")
        return text


class Controls:
    def __init__(self, runtime):
        self.counts = Counts()
        self.runtime = runtime
        self.service = None
        self.host = open_host(runtime, self, "http")

    def end(self):
        if self.service is not None:
            self.service.end()
        self.host.close_sync()
        self.host.free()

    def Begin(self, text, operation):
        if self.service is not None:
            self.service.end()
        self.counts.reset()
        self.service = Service(self.counts, self.runtime, text)
        return self.service.host.get_address(0)

    def Entered(self, text, operation):
        self.counts.wait("Entered", int(text))
        return text

    def Cancelled(self, text, operation):
        self.counts.wait("Cancelled", int(text))
        return self.counts.reason.name.lower()

    def Ended(self, text, operation):
        self.counts.wait("Ended", int(text))
        return text

    def Release(self, text, operation):
        self.service.released.set()
        return text

    def Abort(self, text, operation):
        self.service.host.abort()
        return text

    def Close(self, text, operation):
        try:
            self.service.host.close_sync()
        except wws.Error as error:
            return wws.status_name(error.status)
        return wws.status_name(wws.Status.S_OK)


def serve(functions):
    """Calls the function that the action names."""
    async def finish(found):
        return body_of("Reply", await found)

    def handle(operation):
        name = operation.action.rpartition("/")[2]
        found = getattr(functions, name)(text_in(operation.body), operation)
        if asyncio.iscoroutine(found):
            return finish(found)
        return body_of("Reply", found)

    return handle


def open_host(runtime, functions, over):
    host = wws.ServiceHost(runtime=runtime, close_timeout_ms=300)
    host.add_endpoint(f"{SCHEMES[over]}://127.0.0.1:0/suite",
                      serve(functions), max_channels=CROWD,
                      max_concurrency=CROWD, **OVER[over])
    host.open_sync()
    return host


def main():
    logging.getLogger("wws").setLevel(logging.CRITICAL)  # of crashes
    runtime = wws.Runtime()
    controls = Controls(runtime)
    print(controls.host.get_address(0), flush=True)
    sys.stdin.buffer.read()
    controls.end()
    runtime.close(PATIENCE_S * 1000)
    runtime.free()


if __name__ == "__main__":
    main()
