"""A transport of the application's own does as those of the library, and is
told of all that ends.
"""
import asyncio
import contextlib
import gc
import queue
import threading
import time
import unittest
import weakref

import wws
from helpers import (
    ACTION, AT_ONCE_S, BODY, PATIENCE_S, REPLY, patience, until)
from memory import ASYNC, OK, Connection, Door, Memory, Way

URL = "memory:calc"
OWN = {"transport": wws.Transport.CUSTOM, "encoding": wws.Encoding.UTF8}


@contextlib.contextmanager
def hosting(transport):
    with wws.ServiceHost() as host:
        host.add_endpoint(URL, lambda operation: REPLY, custom=transport, **OWN)
        host.open_sync()
        yield host


def client(transport):
    return wws.ServiceProxy(custom=transport, **OWN)


class Stopping:
    """A client's transport that gives the tasks of one slot to the test, and
    receives nothing: what waits for a reply is given when all has been sent.
    """

    def __init__(self, where):
        self.where = where
        self.told = queue.Queue()
        self.receiver = None

    def keep(self, where, task):
        if self.where != where:
            return OK
        self.told.put(task)
        return ASYNC

    def connect(self, task, address):
        task.give_connection(self)
        return self.keep("connect", task)

    def send(self, task, octets, more):
        if self.where == "receive":
            task.complete(OK)
            self.told.put(self.receiver)
            self.receiver = None
            return ASYNC
        return self.keep("send", task)

    def receive(self, task):
        self.receiver = task
        return ASYNC

    def shut_down(self, task):
        return OK

    close = shut_down

    def abort(self):
        self.receiver = None
        self.told.put(None)

    def task(self):
        return self.told.get(timeout=PATIENCE_S)


class Calling(threading.Thread):
    """Opens and calls; keeps how that failed."""

    def __init__(self, proxy, **options):
        super().__init__()
        self.proxy, self.options, self.error = proxy, options, None
        self.start()

    def run(self):
        try:
            self.proxy.open_sync(URL)
            self.proxy.call_sync(ACTION, BODY, **self.options)
        except wws.Error as error:
            self.error = error

    def failure(self):
        self.join(PATIENCE_S)
        return self.error


class Transports(unittest.TestCase):
    def test_call__goes_over_the_transport_of_the_application(self):
        memory = Memory()
        with hosting(memory), client(memory) as proxy:
            proxy.open_sync(URL)
            for _ in range(20):
                self.assertEqual(proxy.call_sync(ACTION, BODY), REPLY)

    def test_opening__fails_as_the_transport_says(self):
        memory = Memory()
        with hosting(memory), client(memory) as proxy:
            with self.assertRaisesRegex(wws.EndpointNotFound,
                                        "nobody listens there"):
                proxy.open_sync("memory:nobody")
            with self.assertRaisesRegex(wws.AddressInUse,
                                        "somebody listens there"):
                with hosting(memory):
                    pass

    def test_abort__ends_what_hangs_and_tells_the_transport(self):
        for where in "connect", "send", "receive":
            with self.subTest(where):
                transport = Stopping(where)
                proxy = client(transport)
                calling = Calling(proxy)
                task = transport.task()
                began = time.monotonic()

                self.assertTrue(proxy.abort())

                self.assertIsInstance(calling.failure(), wws.Aborted)
                self.assertLess(time.monotonic() - began,
                                patience(AT_ONCE_S))
                self.assertIsNone(transport.task())
                del task
                proxy.free()

    def test_cancel__of_a_task_ends_what_hangs_in_the_transport(self):
        async def main(transport):
            proxy = client(transport)
            if transport.where == "connect":
                waiting = proxy.open(URL)
            else:
                await proxy.open(URL)
                waiting = proxy.call(ACTION, BODY)
            waiting = asyncio.ensure_future(waiting)
            task = await asyncio.to_thread(transport.task)
            waiting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await waiting
            proxy.free()
            self.assertIsNone(await asyncio.to_thread(transport.task))
            del task

        for where in "connect", "send", "receive":
            with self.subTest(where):
                asyncio.run(main(Stopping(where)))

    def test_exception__is_the_failure_of_the_call_with_its_text(self):
        class Broken(Stopping):
            def keep(self, where, task):
                if self.where == where:
                    raise ValueError("the pipe is full\ud800")
                return OK

        for where in "connect", "send":
            with self.subTest(where):
                proxy = client(Broken(where))
                error = Calling(proxy).failure()
                self.assertEqual(error.status, wws.Status.E_OTHER)
                self.assertIn("the pipe is full?", error.strings)
                proxy.free()

    def test_failure__that_is_given_later_has_its_reason(self):
        for where in "connect", "send", "receive":
            with self.subTest(where):
                transport = Stopping(where)
                proxy = client(transport)
                calling = Calling(proxy)
                task = transport.task()
                task.give_reason("the pipe is full")
                task.complete(wws.Status.E_ENDPOINT_FAILURE)
                error = calling.failure()
                self.assertEqual(error.status, wws.Status.E_ENDPOINT_FAILURE)
                self.assertIn("the pipe is full", error.strings)
                proxy.free()

    def test_task__that_nobody_has_any_more_has_failed(self):
        for where in "connect", "send", "receive":
            with self.subTest(where):
                transport = Stopping(where)
                proxy = client(transport)
                calling = Calling(proxy)
                transport.task()
                gc.collect()
                error = calling.failure()
                self.assertEqual(error.status, wws.Status.E_OTHER)
                self.assertIn("it was let go of", error.strings)
                proxy.free()

    def test_task__is_completed_once_by_another_thread_or_task(self):
        class Later(Memory):
            def connect(self, task, address):
                loop.call_soon_threadsafe(
                    lambda: loop.create_task(self.finish(task, address)))
                return ASYNC

            async def finish(self, task, address):
                super().connect(task, address)
                task.complete(OK)
                for again in (lambda: task.complete(OK),
                              lambda: task.give_reason("late")):
                    with test.assertRaises(wws.Handle):
                        again()
                twice.set()

        async def main():
            nonlocal loop
            loop = asyncio.get_running_loop()
            async with client(memory) as proxy:
                await proxy.open(URL)
                self.assertEqual(await proxy.call(ACTION, BODY), REPLY)

        test, loop, twice, memory = self, None, threading.Event(), Later()
        with hosting(memory):
            asyncio.run(main())
        self.assertTrue(twice.wait(PATIENCE_S))

    def test_task__takes_one_of_each_thing_and_no_status_that_is_no_end(self):
        transport = Stopping("receive")
        proxy = client(transport)
        calling = Calling(proxy)
        task = transport.task()
        task.give_piece(b"<x/>", True)
        self.assertRaises(wws.InvalidOperation, task.give_piece, b"<y/>")
        self.assertRaises(wws.Invalidarg, task.complete, ASYNC)
        task.complete(wws.Status.E_ENDPOINT_FAILURE)
        self.assertIsNotNone(calling.failure())
        proxy.free()

    def test_connection__is_not_kept_for_a_function_that_did_not_begin(self):
        class Wrong(Memory):
            def connect(self, task, address):
                connection = Connection(Way(), Way())
                gone.append(weakref.ref(connection))
                task.give_connection(connection, None)

            def listen(self, task, address):
                door = Door(lambda: None)
                gone.append(weakref.ref(door))
                task.give_listener(door, None)

        gone, memory = [], Wrong()
        with client(memory) as proxy, self.assertRaisesRegex(
                wws.Error, "must be str, not NoneType"):
            proxy.open_sync(URL)
        with self.assertRaisesRegex(wws.Error, "must be str, not NoneType"), \
                hosting(memory):
            pass

        def are_gone():
            gc.collect()
            return [each() for each in gone] == [None, None]

        until(are_gone)

    def test_transport__is_freed_with_all_that_was_made_of_it(self):
        memory = Memory()
        gone = weakref.ref(memory)
        before = wws.Runtime.default().get_counter(wws.Counter.HANDLES)
        rounds = 40
        for _ in range(rounds):
            with hosting(memory), client(memory) as proxy:
                proxy.open_sync(URL)
                proxy.call_sync(ACTION, BODY)
        del memory, proxy

        def is_gone():
            gc.collect()
            return gone() is None

        until(is_gone)
        until(lambda: wws.Runtime.default().get_counter(wws.Counter.HANDLES)
              < before + rounds)


if __name__ == "__main__":
    unittest.main()
