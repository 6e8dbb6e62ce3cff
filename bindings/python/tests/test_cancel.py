"""How a call is stopped: by its task, by Ctrl-C, by another thread."""
import asyncio
import contextlib
import ctypes
import functools
import operator
import os
import random
import select
import signal
import socket
import sys
import threading
import time
import unittest
from unittest import mock

import wws
from helpers import (ACTION, AT_ONCE_S, BODY, OVER, PATIENCE_S, REPLY, Silent,
                     Waiting, interrupted, patience, proxy, service, under_way,
                     until)
from wws import _waiting

RACES = int(os.environ.get("WWS_RACES", 100000))


def run(main):
    """Runs it on a loop that must have nothing to complain about."""
    complaints = []

    async def watched():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, what: complaints.append(what))
        return await main

    result = asyncio.run(watched())
    assert not complaints, complaints
    return result


class Tasks(unittest.TestCase):
    def test_cancel__of_a_task_stops_the_call_itself(self):
        async def main(url):
            async with wws.ServiceProxy(**OVER[url.partition(":")[0]]) as client:
                await client.open(url)
                task = asyncio.ensure_future(client.call(ACTION, BODY))
                await asyncio.to_thread(handler.wait_entered)
                began = time.monotonic()
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                self.assertLess(time.monotonic() - began,
                                patience(AT_ONCE_S))
                if url.startswith("net.tcp"):
                    self.assertEqual(handler.reasons, [])
                    client.abort()
                await asyncio.to_thread(handler.wait_told)
                self.assertEqual(handler.reasons,
                                 [wws.CancelReason.CHANNEL_FAULTED])

        for over in OVER:
            handler = Waiting()
            with self.subTest(over), service(handler, over) as url:
                run(main(url))

    def test_wait_for__stops_the_call_itself(self):
        async def main(url):
            async with wws.ServiceProxy() as client:
                await client.open(url)
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(client.call(ACTION, BODY), 0.05)

        handler = Waiting()
        with service(handler) as url:
            run(main(url))
            handler.wait_told()

    @unittest.skipIf(sys.version_info < (3, 11), "asyncio.timeout is of 3.11")
    def test_timeout__stops_the_call_itself(self):
        async def main(url):
            async with wws.ServiceProxy() as client:
                await client.open(url)
                with self.assertRaises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await client.call(ACTION, BODY)
                self.assertEqual(asyncio.current_task().cancelling(), 0)

        handler = Waiting()
        with service(handler) as url:
            run(main(url))
            handler.wait_told()

    def test_cancel__harms_no_neighbour(self):
        async def echo(operation):
            if b"<a>0" in operation.body:
                entered.set()
                await late.wait()
            await go.wait()
            return operation.body

        async def main(over):
            nonlocal entered, go, late
            entered, go, late = (asyncio.Event() for _ in range(3))
            async with wws.ServiceHost(close_timeout_ms=200) as host, \
                    wws.ServiceProxy(**OVER[over]) as client:
                host.add_endpoint(f"{over}://127.0.0.1:0/", echo, **OVER[over],
                                  max_concurrency=100)
                await host.open()
                await client.open(host.get_address(0))
                bodies = [b'<e xmlns="urn:e"><a>%d</a></e>' % i
                          for i in range(50)]
                calls = [asyncio.ensure_future(client.call(ACTION, body))
                         for body in bodies]
                await entered.wait()
                calls[0].cancel()
                go.set()
                found = await asyncio.gather(*calls, return_exceptions=True)
                late.set()
            self.assertIsInstance(found[0], asyncio.CancelledError)
            self.assertEqual(found[1:], bodies[1:])

        entered = go = late = None
        for over in OVER:
            with self.subTest(over):
                run(main(over))

    def test_cancel__of_a_receive_leaves_the_channel_open(self):
        async def main():
            options = OVER["net.tcp"]
            async with wws.Listener(**options) as here:
                await here.open("net.tcp://127.0.0.1:0/")
                async with wws.Channel.for_listener(here) as server, \
                        wws.Channel(**options) as client:
                    await asyncio.gather(here.accept(server),
                                         client.open(here.address))
                    await self.receive_again(client, server)

        run(main())

    async def receive_again(self, client, server):
        with wws.Message() as sent, wws.Message() as got:
            task = asyncio.ensure_future(server.receive(got))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual(server.state, wws.ChannelState.OPEN)

            sent.initialize(wws.MessageInitialization.REQUEST)
            sent.set_body(BODY)
            sent.set_header(wws.Header.ACTION, ACTION)
            await client.send(sent)
            self.assertTrue(await server.receive(got))
            self.assertEqual(got.body, BODY)
            await asyncio.gather(client.close(), server.close())

    def test_cancel__of_an_accept_leaves_its_listener_open(self):
        async def main():
            async with wws.Listener() as here:
                await here.open("http://127.0.0.1:0/")
                with wws.Channel.for_listener(here) as channel:
                    task = asyncio.ensure_future(here.accept(channel))
                    await asyncio.sleep(0)
                    task.cancel()
                    with self.assertRaises(asyncio.CancelledError):
                        await task
                    self.assertEqual(here.state, wws.ListenerState.OPEN)
                    self.assertEqual(channel.state, wws.ChannelState.CREATED)

        run(main())

    def test_cancel__before_the_call_has_begun_sends_nothing(self):
        async def main(url):
            async with wws.ServiceProxy() as client:
                await client.open(url)
                task = asyncio.ensure_future(client.call(ACTION, BODY))
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task

        with Silent() as peer:
            run(main(peer.url()))
            self.assertEqual(peer.taken, [])

    def test_cancel__twice_is_as_once(self):
        async def main(url):
            async with wws.ServiceProxy() as client:
                await client.open(url)
                task = asyncio.ensure_future(client.call(ACTION, BODY))
                await asyncio.sleep(0)
                task.cancel()
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task

        with Silent() as peer:
            run(main(peer.url()))

    def test_cancel__gives_control_back_though_a_host_cannot_close(self):
        entered, leave = threading.Event(), threading.Event()

        def hold(operation):
            entered.set()
            leave.wait(PATIENCE_S)

        async def main():
            host = wws.ServiceHost(close_timeout_ms=100)
            host.add_endpoint("http://127.0.0.1:0/", hold)
            await host.open()
            with wws.ServiceProxy() as client:
                await client.open(host.get_address(0))
                call = asyncio.ensure_future(client.call(ACTION, BODY))
                await asyncio.to_thread(entered.wait)
                task = asyncio.ensure_future(host.close())
                await asyncio.sleep(0)
                began = time.monotonic()
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
                self.assertLess(time.monotonic() - began,
                                patience(AT_ONCE_S))
                leave.set()
                with self.assertRaises(wws.Error):
                    await call
            host.free()

        run(main())


class Races(unittest.TestCase):
    """Whether the cancel or the end comes first, each call ends once, and
    nothing is left.
    """

    def test_cancel__races_with_the_end(self):
        async def main():
            async with wws.ServiceHost() as host, wws.ServiceProxy(
                    max_pending_calls=1000, **OVER["net.tcp"]) as client:
                host.add_endpoint("net.tcp://127.0.0.1:0/", echo,
                                  **OVER["net.tcp"], max_concurrency=1000)
                await host.open()
                await client.open(host.get_address(0))
                await self.race(client)
                handles = count()
                await self.race(client)
                await asyncio.to_thread(
                    until, lambda: count() <= handles, "the end of handles")
                self.assertEqual(await client.call(ACTION, BODY), BODY)

        async def echo(operation):
            return operation.body

        def count():
            return wws.Runtime.default().get_counter(wws.Counter.HANDLES)

        run(main())

    async def race(self, client):
        random.seed(4)
        won = lost = 0
        for _ in range(RACES // 400):
            tasks = [asyncio.ensure_future(client.call(ACTION, BODY))
                     for _ in range(200)]
            await asyncio.sleep(0)
            for task in tasks:
                if random.random() < 0.02:
                    await asyncio.sleep(0)
                task.cancel()
            for found in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(found, asyncio.CancelledError):
                    won += 1
                else:
                    self.assertEqual(found, BODY)
                    lost += 1
        self.assertEqual(won + lost, RACES // 400 * 200)
        self.assertGreater(won, 0)


class Handles(unittest.TestCase):
    def test_call__is_cancelled_from_another_thread(self):
        handler = Waiting()
        with service(handler) as url, proxy(url) as client, wws.Call() as call:
            def stop():
                handler.wait_entered()
                call.cancel()

            thread = threading.Thread(target=stop)
            thread.start()
            with self.assertRaises(wws.Cancelled) as caught:
                client.call_sync(ACTION, BODY, call=call)
            thread.join()
            handler.wait_told()
            self.assertIn(caught.exception.phase,
                          (wws.Phase.SEND, wws.Phase.WAIT))
            self.assertIs(call.cancel(), False)

    def test_call__that_is_cancelled_already_is_not_begun(self):
        with Silent() as peer, proxy(peer.url()) as client, wws.Call() as call:
            self.assertIs(call.cancel(), True)
            with self.assertRaises(wws.Cancelled) as caught:
                client.call_sync(ACTION, BODY, call=call)
            self.assertEqual(caught.exception.progress, wws.Progress.NOT_SENT)
            self.assertEqual(peer.taken, [])

    def test_abandon__releases_the_callers_of_a_group(self):
        async def main(url):
            async with wws.ServiceProxy() as client:
                await client.open(url)
                calls = [asyncio.ensure_future(
                    client.call(ACTION, BODY, call_id=i)) for i in (1, 1, 2)]
                await asyncio.to_thread(until, lambda: len(peer.taken) == 3)
                client.abandon_call(1)
                found = await asyncio.gather(*calls[:2],
                                             return_exceptions=True)
                self.assertFalse(calls[2].done())
                client.abort()
                with self.assertRaises(wws.Aborted):
                    await calls[2]
            self.assertTrue(all(type(f) is wws.Abandoned for f in found))

        with Silent() as peer:
            run(main(peer.url()))


class Interrupts(unittest.TestCase):
    """Ctrl-C ends every blocking call at once, and really."""

    def test_interrupt__stops_a_call_and_the_host_sees_it(self):
        handler = Waiting()
        with service(handler) as url, proxy(url) as client:
            with interrupted(handler.has_entered):
                client.call_sync(ACTION, BODY)
            handler.wait_told()
            self.assertEqual(handler.reasons,
                             [wws.CancelReason.CHANNEL_FAULTED])

    def test_interrupt__just_before_the_wait_stops_the_call(self):
        class Late:
            """Is interrupted when the interpreter has looked for signals."""

            def __init__(self, poll):
                self.wait = poll.poll
                self.register = poll.register
                self.unregister = poll.unregister
                self.steps = [functools.partial(
                    getattr(ctypes.CDLL(None), "raise"), signal.SIGINT)]

            def poll(self, timeout):
                steps = *self.steps, functools.partial(self.wait, timeout)
                self.steps = []
                return list(map(operator.methodcaller("__call__"), steps))[-1]

        with Silent() as peer, proxy(peer.url()) as client:
            box = _waiting._take_box()
            box.poll = Late(box.poll)
            with mock.patch.object(_waiting, "_take_box", lambda: box):
                begun = time.monotonic()
                with self.assertRaises(KeyboardInterrupt):
                    client.call_sync(ACTION, BODY)
                self.assertLess(time.monotonic() - begun,
                                patience(AT_ONCE_S))

    def test_interrupt__passes_a_signal_on_to_who_hears_of_them(self):
        here, there = socket.socketpair()
        with here, there, Silent() as peer, proxy(peer.url()) as client:
            here.settimeout(PATIENCE_S)
            there.setblocking(False)
            before = signal.set_wakeup_fd(there.fileno())
            try:
                with interrupted():
                    client.call_sync(ACTION, BODY)
                self.assertEqual(here.recv(10), bytes([signal.SIGINT]))
                self.assertEqual(signal.set_wakeup_fd(before), there.fileno())
            finally:
                signal.set_wakeup_fd(before)

    def test_interrupt__that_a_handler_takes_waits_on(self):
        taken = []
        before = signal.signal(signal.SIGUSR1, lambda *_: taken.append(1))
        try:
            with Silent() as peer, proxy(peer.url()) as client:
                def press():
                    until(lambda: len(peer.taken) == 1)
                    os.kill(os.getpid(), signal.SIGUSR1)
                    until(lambda: taken and not select.select(
                        [_waiting._bell.heard], [], [], 0)[0])
                    client.abort()

                thread = threading.Thread(target=press)
                thread.start()
                with self.assertRaises(wws.Aborted):
                    client.call_sync(ACTION, BODY)
                thread.join(PATIENCE_S)
        finally:
            signal.signal(signal.SIGUSR1, before)

    def test_interrupt__stops_opening(self):
        with Silent() as peer:
            for make in wws.ServiceProxy, wws.Channel:
                with self.subTest(make.__name__):
                    with make(**OVER["net.tcp"]) as client:
                        with interrupted():
                            client.open_sync(peer.url("net.tcp"))

    def test_interrupt__stops_accepting(self):
        with wws.Listener() as here:
            here.open_sync("http://127.0.0.1:0/")
            with wws.Channel.for_listener(here) as channel:
                with interrupted():
                    here.accept_sync(channel)

    def test_interrupt__stops_a_request_and_its_reply(self):
        with Silent() as peer, wws.Channel() as client, \
                wws.Message() as request, wws.Message() as reply:
            client.open_sync(peer.url())
            request.initialize(wws.MessageInitialization.REQUEST)
            request.set_header(wws.Header.ACTION, ACTION)
            with interrupted():
                client.request_reply_sync(request, reply)

    def test_interrupt__stops_receiving(self):
        for name in "receive_sync", "read_message_start_sync":
            with self.subTest(name), self.session() as (client, server), \
                    wws.Message() as got:
                with interrupted():
                    getattr(server, name)(got)
                self.assertEqual(server.state, wws.ChannelState.OPEN)
                client.abort()
                server.abort()

    def test_interrupt__stops_sending(self):
        big = b'<big xmlns="urn:b">' + 12000000 * b"x" + b"</big>"
        options = dict(OVER["net.tcp"], max_message_size=20000000)
        with self.session(**options) as (client, server), \
                wws.Message() as sent:
            sent.initialize(wws.MessageInitialization.REQUEST)
            sent.set_header(wws.Header.ACTION, ACTION)
            sent.set_body(big)
            with interrupted():
                client.send_sync(sent)
            self.assertEqual(client.state, wws.ChannelState.FAULTED)
            server.abort()

    def test_interrupt__at_a_bad_moment_stops_the_call_all_the_same(self):
        def then_interrupt(*arguments):
            begin(*arguments)
            raise KeyboardInterrupt

        begin = _waiting.Mailbox.begin
        for what in (
                mock.patch.object(_waiting.Mailbox, "begin", then_interrupt),
                mock.patch.object(_waiting, "_await",
                                  side_effect=KeyboardInterrupt)):
            with Silent() as peer, proxy(peer.url()) as client:
                before = under_way()
                with what, self.assertRaises(KeyboardInterrupt):
                    client.call_sync(ACTION, BODY)
                until(lambda: swept() and not under_way() - before)
                for taken in peer.taken:
                    taken.settimeout(PATIENCE_S)
                    with contextlib.suppress(ConnectionResetError):
                        while taken.recv(1000):
                            pass

    def test_interrupt__when_the_end_is_told_leaves_nothing(self):
        def interrupt(box, *event):
            if box.loop is None:
                raise KeyboardInterrupt
            tell(box, *event)

        tell = _waiting.Mailbox.tell
        with service(lambda operation: REPLY) as url, proxy(url) as client:
            before = under_way()
            with mock.patch.object(_waiting.Mailbox, "tell", interrupt), \
                    self.assertRaises(KeyboardInterrupt):
                client.call_sync(ACTION, BODY)
            until(lambda: swept() and not under_way() - before)
            self.assertEqual(client.call_sync(ACTION, BODY), REPLY)

    def test_interrupt__stops_closing(self):
        with self.session() as (client, server):
            with interrupted():
                client.close_sync()
            until(lambda: client.state == wws.ChannelState.CLOSED)
            server.abort()

    def test_interrupt__stops_closing_a_proxy(self):
        with Silent() as peer:
            client = wws.ServiceProxy(max_close_timeout_ms=30000)
            client.open_sync(peer.url())
            failed = []

            def call():
                try:
                    client.call_sync(ACTION, BODY)
                except wws.Error as error:
                    failed.append(error)

            thread = threading.Thread(target=call)
            thread.start()
            until(lambda: peer.taken)
            with interrupted(
                    lambda: client.state == wws.ServiceProxyState.CLOSING):
                client.close_sync()
            thread.join(PATIENCE_S)
            self.assertIsInstance(failed[0], wws.Aborted)
            client.free()

    def test_interrupt__stops_closing_a_host(self):
        entered, leave = threading.Event(), threading.Event()

        def hold(operation):
            entered.set()
            leave.wait(PATIENCE_S)

        host = wws.ServiceHost(close_timeout_ms=30000)
        host.add_endpoint("http://127.0.0.1:0/", hold)
        host.open_sync()
        url = host.get_address(0).partition("//")[2].strip("/").partition(":")
        with socket.create_connection((url[0], int(url[2]))) as peer:
            peer.sendall(request())
            entered.wait(PATIENCE_S)
            with interrupted(
                    lambda: host.state == wws.ServiceHostState.CLOSING):
                host.close_sync()
        leave.set()
        host.free()

    def session(self, **options):
        return Session(**(options or OVER["net.tcp"]))


class Session:
    def __init__(self, **options):
        self.here = wws.Listener(**options)
        self.here.open_sync("net.tcp://127.0.0.1:0/")
        self.server = wws.Channel.for_listener(self.here,
                                               receive_timeout_ms=30000)
        self.client = wws.Channel(**options)

    def __enter__(self):
        thread = threading.Thread(
            target=lambda: self.here.accept_sync(self.server))
        thread.start()
        self.client.open_sync(self.here.address)
        thread.join(PATIENCE_S)
        return self.client, self.server

    def __exit__(self, *_):
        for thing in self.client, self.server, self.here:
            thing.free()


def swept():
    """Whether all calls that were left have ended."""
    _waiting._sweep()
    return not _waiting._left


def request():
    body = (b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
            b'xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>'
            b'<a:Action>urn:calc/Add</a:Action></s:Header><s:Body/>'
            b'</s:Envelope>')
    return (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: "
            b"application/soap+xml; charset=utf-8\r\nContent-Length: %d\r\n"
            b"\r\n" % len(body)) + body


if __name__ == "__main__":
    unittest.main()
