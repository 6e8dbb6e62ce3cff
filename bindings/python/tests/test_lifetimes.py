"""Objects and loops that end, in whatever order, with calls pending or not."""
import asyncio
import copy
import gc
import pickle
import threading
import time
import unittest
import weakref

import wws
from helpers import (ACTION, BODY, OVER, PATIENCE_S, REPLY, Silent, Waiting,
                     counter, proxy, service, until)
from wws import _waiting


class Objects(unittest.TestCase):
    def test_free__may_come_twice(self):
        for make in (wws.Runtime, wws.Message, wws.Channel, wws.Listener,
                     wws.ServiceProxy, wws.ServiceHost, wws.Call):
            thing = make()
            thing.free()
            thing.free()

    def test_free__makes_the_object_answer_that_it_is_gone(self):
        client, message = wws.ServiceProxy(), wws.Message()
        client.free()
        message.free()
        for use in (lambda: client.state, client.reset,
                    lambda: client.open_sync("http://127.0.0.1:1/"),
                    lambda: client.call_sync(ACTION, BODY),
                    lambda: asyncio.run(client.call(ACTION, BODY)),
                    lambda: client.close_sync(), lambda: message.body,
                    lambda: message.set_body(b"")):
            with self.assertRaises(wws.Handle):
                use()
        self.assertIs(client.abort(), False)

    def test_object__refuses_to_be_copied(self):
        for make in wws.Runtime, wws.Message, wws.ServiceProxy, wws.Call:
            with make() as thing:
                for duplicate in copy.copy, copy.deepcopy, pickle.dumps:
                    with self.assertRaisesRegex(TypeError, "copied"):
                        duplicate(thing)

    def test_free__leaves_only_what_stops_to_answer(self):
        client = wws.ServiceProxy()
        client.free()
        self.assertIs(client.abort(), False)
        self.assertRaises(wws.Handle, client.abandon_call, 1)

    def test_close__may_come_before_an_open_and_after_a_close(self):
        client = wws.ServiceProxy()
        client.close_sync()
        client.close_sync()
        client.reset()
        self.assertEqual(client.state, wws.ServiceProxyState.CREATED)
        client.free()

    def test_constructor__that_fails_leaves_nothing(self):
        gc.collect()
        before = counter(wws.Counter.HANDLES)
        for _ in range(100):
            with self.assertRaises(wws.Error):
                wws.ServiceProxy(transport=99)
        self.assertLessEqual(counter(wws.Counter.HANDLES), before)

    def test_objects__that_are_collected_are_given_back(self):
        def make():
            for _ in range(100):
                wws.ServiceProxy(), wws.Message(), wws.Call(), wws.Channel()

        make()
        gc.collect()
        before = counter(wws.Counter.HANDLES)
        make()
        gc.collect()
        self.assertLessEqual(counter(wws.Counter.HANDLES), before)

    def test_object__collected_with_calls_pending_ends_them(self):
        async def main(url):
            client = wws.ServiceProxy()
            await client.open(url)
            call = client.call(ACTION, BODY)
            begun = call.send(None)
            gone = weakref.ref(client)
            del client
            gc.collect()
            self.assertIsNotNone(gone())  # the call needs it
            call.close()
            del call
            gc.collect()
            self.assertIsNone(gone())
            del begun
            until(lambda: peer.taken)

        with Silent() as peer:
            asyncio.run(main(peer.url()))

    def test_free__with_calls_pending_aborts_them(self):
        async def main(url):
            client = wws.ServiceProxy()
            await client.open(url)
            calls = [asyncio.ensure_future(client.call(ACTION, BODY))
                     for _ in range(20)]
            await asyncio.sleep(0)
            client.free()
            for found in await asyncio.gather(*calls, return_exceptions=True):
                self.assertIsInstance(found, wws.Aborted)

        with Silent() as peer:
            asyncio.run(main(peer.url()))

    def test_call__keeps_what_it_was_given_until_it_ends(self):
        async def main(url):
            async with wws.ServiceProxy() as client:
                await client.open(url)
                calls = [asyncio.ensure_future(
                    client.call("urn:" + "a" * i, b"<b>%d</b>" % i,
                                reply=wws.Message()))
                    for i in range(1, 50)]
                await asyncio.sleep(0)
                gc.collect()
                found = await asyncio.gather(*calls)
                self.assertEqual(found, [b"<b>%d</b>" % i
                                         for i in range(1, 50)])

        with service(lambda operation: operation.body) as url:
            asyncio.run(main(url))


class Loops(unittest.TestCase):
    def test_object__is_used_from_several_loops_and_threads(self):
        async def many():
            return await asyncio.gather(*(client.call(ACTION, BODY)
                                          for _ in range(20)))

        def work():
            found.append(asyncio.run(many()))
            found.append([client.call_sync(ACTION, BODY) for _ in range(20)])

        found = []
        with service(lambda operation: REPLY) as url, \
                proxy(url, max_pending_calls=1000) as client:
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(found, [[REPLY] * 20] * 16)

    def test_loops__come_and_go_on_many_threads(self):
        async def call():
            found.append(await client.call(ACTION, BODY))

        def work():
            for _ in range(20):
                asyncio.run(call())

        found = []
        with service(lambda operation: REPLY) as url, proxy(url) as client:
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(found, [REPLY] * 160)

    def test_loop__closed_with_calls_pending_leaves_nothing(self):
        complaints = []

        async def begin(client):
            tasks = [asyncio.ensure_future(client.call(ACTION, BODY))
                     for _ in range(50)]
            await asyncio.sleep(0)
            return tasks

        def once(client):
            loop = asyncio.new_event_loop()
            loop.set_exception_handler(
                lambda _, what: complaints.append(what))
            tasks = loop.run_until_complete(begin(client))
            loop.close()
            for task in tasks:
                task._log_destroy_pending = False
            return weakref.ref(loop)

        with Silent() as peer, proxy(peer.url()) as client:
            once(client)
            gc.collect()
            asyncio.run(asyncio.sleep(0))
            before = None
            for _ in range(5):
                loop = once(client)
                gc.collect()
                client.abort()
                client.close_sync()
                client.reset()
                client.open_sync(peer.url())
                until(lambda: self.is_swept(loop))
                before = before or counter(wws.Counter.HANDLES)
                until(lambda: counter(wws.Counter.HANDLES) <= before)
        self.assertEqual(complaints, [])

    def is_swept(self, loop):
        asyncio.run(self.look())
        gc.collect()
        return loop() is None and not _waiting._left

    async def look(self):
        """Has a mailbox, and so sweeps those of others."""
        with self.assertRaises(wws.InvalidOperation):
            await wws.ServiceProxy().call(ACTION, BODY)

    def test_loop__that_is_closed_hears_of_nothing(self):
        async def main():
            host = wws.ServiceHost(close_timeout_ms=100)
            host.add_endpoint("http://127.0.0.1:0/", hold)
            await host.open()
            with wws.ServiceProxy() as client:
                await client.open(host.get_address(0))
                call = asyncio.ensure_future(client.call(ACTION, BODY))
                await asyncio.to_thread(entered.wait, PATIENCE_S)
                task = asyncio.ensure_future(host.close())
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, call, return_exceptions=True)
            return host

        def hold(operation):
            entered.set()
            leave.wait(PATIENCE_S)

        entered, leave = threading.Event(), threading.Event()
        complaints = []
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda _, what: complaints.append(what))
        host = loop.run_until_complete(main())
        box = _waiting._loops[loop]
        loop.close()
        self.assertTrue(box.is_busy)
        leave.set()
        until(lambda: host.state == wws.ServiceHostState.CLOSED)
        asyncio.run(self.look())
        self.assertFalse(box.is_busy)
        host.free()
        self.assertEqual(complaints, [])


class Balance(unittest.TestCase):
    """Handles and memory are flat, whatever happens."""

    def flat(self, work):
        def measure():
            gc.collect()
            asyncio.run(Loops.look(self))
            return (counter(wws.Counter.HANDLES),
                    counter(wws.Counter.MEMORY_BLOCKS))

        for _ in range(2):
            work()
        handles, blocks = measure()
        for _ in range(10):
            work()
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            now = measure()
            if now[0] <= handles and now[1] <= blocks + 20:
                return
            time.sleep(0.01)
        self.fail(f"{handles} handles became {now[0]}, "
                  f"{blocks} blocks {now[1]}")

    def test_calls__leave_nothing(self):
        with service(lambda operation: REPLY) as url, proxy(url) as client:
            self.flat(lambda: [client.call_sync(ACTION, BODY)
                               for _ in range(50)])

    def test_failures__leave_nothing(self):
        def refuse(operation):
            raise wws.Fault("no")

        def fail():
            with self.assertRaises(wws.EndpointFaultReceived):
                client.call_sync(ACTION, BODY)

        with service(refuse) as url, proxy(url) as client:
            self.flat(fail)

    def test_cancels__leave_nothing(self):
        async def main():
            tasks = [asyncio.ensure_future(client.call(ACTION, BODY))
                     for _ in range(20)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        with Silent() as peer, proxy(peer.url()) as client:
            self.flat(lambda: asyncio.run(main()))

    def test_deadlines__leave_nothing(self):
        def late():
            with self.assertRaises(wws.TimedOut):
                client.call_sync(ACTION, BODY, deadline=0)

        with Silent() as peer, proxy(peer.url()) as client:
            self.flat(late)

    def test_hosts__leave_nothing(self):
        def serve():
            handler = Waiting()
            with service(handler) as url, proxy(url) as client:
                with self.assertRaises(wws.TimedOut):
                    client.call_sync(ACTION, BODY,
                                     deadline=time.monotonic() + 0.02)

        self.flat(serve)

    def test_sessions__leave_nothing(self):
        def serve():
            with service(lambda operation: REPLY, "net.tcp") as url, \
                    proxy(url) as client:
                client.call_sync(ACTION, BODY)

        self.flat(serve)


if __name__ == "__main__":
    unittest.main()
