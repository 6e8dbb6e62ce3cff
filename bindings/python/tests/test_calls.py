"""Calls, their results, their failures, and what may be given to them."""
import asyncio
import contextlib
import inspect
import io
import logging
import threading
import time
import unittest

import wws
from wws import _base
from helpers import (ACTION, AT_ONCE_S, BODY, OVER, PATIENCE_S, REPLY, UTF8,
                     Silent, patience, proxy, service, until)


def add(operation):
    assert operation.action == ACTION
    assert operation.body == BODY
    return REPLY


def refuse(operation):
    raise wws.Fault("no", code=wws.FaultCode.SENDER, subcode_name="Refused",
                    subcode_namespace="urn:calc", detail=b'<d xmlns="urn:d"/>')


@contextlib.contextmanager
def quiet():
    """What a callback raises is told to the log, or by cffi."""
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


class Calls(unittest.TestCase):
    def test_call__gives_the_reply(self):
        for over in OVER:
            with self.subTest(over), service(add, over) as url, \
                    proxy(url) as client:
                self.assertEqual(client.call_sync(ACTION, BODY), REPLY)

    def test_call__is_awaited(self):
        async def main(url):
            async with wws.ServiceProxy() as client:
                await client.open(url)
                return await asyncio.gather(
                    *(client.call(ACTION, BODY) for _ in range(50)))

        with service(add) as url:
            self.assertEqual(asyncio.run(main(url)), [REPLY] * 50)

    def test_call__takes_any_octets(self):
        with service(add) as url, proxy(url) as client:
            for body in bytearray(BODY), memoryview(BODY):
                self.assertEqual(client.call_sync(ACTION, body), REPLY)

    def test_call__leaves_octets_to_whoever_owns_them(self):
        async def main(url):
            async with wws.ServiceProxy() as client:
                await client.open(url)
                body = bytearray(BODY)
                call = asyncio.ensure_future(client.call(ACTION, body))
                await asyncio.sleep(0)
                body.clear()
                leave.set()
                self.assertEqual(await call, BODY)

        def echo(operation):
            leave.wait(PATIENCE_S)
            return operation.body

        leave = threading.Event()
        with service(echo) as url:
            asyncio.run(main(url))

    def test_call__carries_headers_both_ways(self):
        def serve(operation):
            sent = operation.get_request().get_mapped_header("X-Sent")
            operation.get_reply().add_mapped_header("X-Back", sent)
            return REPLY

        with service(serve) as url, proxy(url) as client, \
                wws.Message() as headers, wws.Message() as reply:
            headers.initialize(wws.MessageInitialization.REQUEST)
            headers.add_mapped_header("X-Sent", "grüße")
            client.call_sync(ACTION, BODY, request_headers=headers,
                             reply=reply)
            self.assertEqual(reply.get_mapped_header("X-Back"), "grüße")
            self.assertEqual(reply.body, REPLY)
            self.assertIsNone(reply.get_mapped_header("X-Other"))

    def test_message__says_none_and_false_where_there_is_none(self):
        with wws.Message() as message:
            message.initialize(wws.MessageInitialization.REQUEST)
            message.set_header(wws.Header.ACTION, ACTION)

            self.assertEqual(message.get_header(wws.Header.ACTION), ACTION)
            self.assertTrue(message.remove_header(wws.Header.ACTION))
            self.assertIsNone(message.get_header(wws.Header.ACTION))
            self.assertFalse(message.remove_header(wws.Header.ACTION))
            self.assertIsNone(message.fault)
            self.assertEqual(message.info.state,
                             wws.MessageState.INITIALIZED)

    def test_message__gives_two_results_as_a_pair(self):
        header = b'<h xmlns="urn:h">1</h>'
        with wws.Message() as message:
            message.initialize(wws.MessageInitialization.REQUEST)
            message.add_custom_header(header, True)
            found, must_understand = message.get_custom_header("h", "urn:h", 0)
            self.assertIn(b'xmlns="urn:h">1</h>', found)
            self.assertIs(must_understand, True)
            self.assertIsNone(message.get_custom_header("h", "urn:h", 1))

    def test_enumeration__has_a_member_for_every_number(self):
        future = wws.CancelReason(77)
        self.assertEqual(future, 77)
        self.assertIs(future, wws.CancelReason(77))
        self.assertEqual(future.name, "UNKNOWN_77")
        with self.assertRaises(ValueError):
            wws.CancelReason("x")

    def test_functions__stand_alone(self):
        self.assertEqual(wws.version(), 1)
        self.assertEqual(wws.status_name(wws.Status.E_OPERATION_ABORTED),
                         "WWS_E_OPERATION_ABORTED")
        self.assertEqual(wws.status_name(5), "unknown")

    def test_twins__say_what_they_take(self):
        names = list(inspect.signature(wws.ServiceProxy.call).parameters)
        self.assertEqual(names[:3], ["self", "action", "body"])
        self.assertEqual(names[-1], "deadline")
        self.assertEqual(wws.ServiceProxy.call_sync.__name__, "call_sync")
        self.assertTrue(inspect.iscoroutinefunction(wws.ServiceProxy.call))
        self.assertIn("Calls an operation", wws.ServiceProxy.call.__doc__)


class Failures(unittest.TestCase):
    def test_failure__says_what_how_far_and_in_which_phase(self):
        with Silent() as peer, proxy(peer.url()) as client:
            with self.assertRaises(wws.TimedOut) as caught:
                client.call_sync(ACTION, BODY, timeout_ms=50)

        self.assertIsInstance(caught.exception, TimeoutError)
        self.assertIsInstance(caught.exception, wws.Error)
        self.assertEqual(caught.exception.status,
                         wws.Status.E_OPERATION_TIMED_OUT)
        self.assertEqual(caught.exception.progress, wws.Progress.SENT)
        self.assertEqual(caught.exception.phase, wws.Phase.WAIT)
        self.assertGreater(len(caught.exception.strings), 0)
        self.assertIn(caught.exception.strings[0], str(caught.exception))
        self.assertIn("(wait, sent)", str(caught.exception))

    def test_failure__has_the_fault(self):
        for over in OVER:
            with self.subTest(over), service(refuse, over) as url, \
                    proxy(url) as client:
                with self.assertRaises(wws.EndpointFaultReceived) as caught:
                    client.call_sync(ACTION, BODY)
                fault = caught.exception.fault
                self.assertEqual(fault.code, wws.FaultCode.SENDER)
                self.assertEqual(fault.subcode_name, "Refused")
                self.assertEqual(fault.reason, "no")
                self.assertIn(b"urn:d", fault.detail)

    def test_failure__leaves_nothing_to_the_next(self):
        with service(refuse) as url, proxy(url) as client, \
                service(add) as other, proxy(other) as working:
            for _ in range(3):
                with self.assertRaises(wws.EndpointFaultReceived):
                    client.call_sync(ACTION, BODY)
                with self.assertRaises(wws.Invalidarg) as caught:
                    client.call_sync("", BODY)
                self.assertIsNone(caught.exception.fault)
                self.assertEqual(len(caught.exception.strings), 1)
                self.assertEqual(working.call_sync(ACTION, BODY), REPLY)

    def test_failure__is_named_after_its_status(self):
        with wws.ServiceProxy() as client:
            with self.assertRaises(wws.InvalidOperation):
                client.call_sync(ACTION, BODY)
            with self.assertRaises(wws.InvalidEndpointUrl):
                client.open_sync("wrong://")

    def test_failure__of_no_known_status_is_an_error(self):
        from wws._base import failure
        found = failure(-5)
        self.assertIs(type(found), wws.Error)
        self.assertEqual(found.status, -5)


class Deadlines(unittest.TestCase):
    def stops_what_was_sent(self, call):
        """On a busy machine it may not be sent in so little time: then it has
        more.
        """
        for seconds in 0.05, 0.5, 5:
            with self.assertRaises(wws.TimedOut) as caught:
                call(seconds)
            if caught.exception.phase == wws.Phase.WAIT:
                break
        self.assertEqual(caught.exception.phase, wws.Phase.WAIT)
        self.assertEqual(caught.exception.progress, wws.Progress.SENT)

    def test_deadline__stops_a_blocking_call(self):
        with Silent() as peer, proxy(peer.url()) as client:
            def call(seconds):
                began = time.monotonic()
                try:
                    client.call_sync(ACTION, BODY, deadline=began + seconds)
                finally:
                    took = time.monotonic() - began
                    self.assertGreaterEqual(took, seconds)
                    self.assertLess(took, seconds + patience(AT_ONCE_S))

            self.stops_what_was_sent(call)
            until(lambda: peer.taken)
            with self.assertRaises(ConnectionResetError):
                while peer.taken[-1].recv(65536):
                    pass

    def test_deadline__stops_an_awaited_call(self):
        async def main(url, seconds):
            async with wws.ServiceProxy() as client:
                await client.open(url)
                await client.call(ACTION, BODY,
                                  deadline=time.monotonic() + seconds)

        with Silent() as peer:
            self.stops_what_was_sent(
                lambda seconds: asyncio.run(main(peer.url(), seconds)))

    def test_deadline__that_is_over_stops_at_once(self):
        async def main(client):
            await client.call(ACTION, BODY, deadline=time.monotonic() - 1)

        with Silent() as peer, proxy(peer.url()) as client:
            with self.assertRaises(wws.TimedOut):
                asyncio.run(main(client))
            with self.assertRaises(wws.TimedOut):
                client.call_sync(ACTION, BODY, deadline=0)

    def test_deadline__that_is_not_met_changes_nothing(self):
        with service(add) as url, proxy(url) as client:
            self.assertEqual(client.call_sync(
                ACTION, BODY, deadline=time.monotonic() + 60), REPLY)
            self.assertEqual(client.call_sync(
                ACTION, BODY, deadline=float("inf")), REPLY)

    def test_deadline__must_be_a_number(self):
        with service(add) as url, proxy(url) as client:
            with self.assertRaises((TypeError, ValueError)):
                client.call_sync(ACTION, BODY, deadline="soon")
            self.assertEqual(client.call_sync(ACTION, BODY), REPLY)

    def test_deadline__gives_control_back_while_a_host_cannot_close(self):
        entered, leave = threading.Event(), threading.Event()

        def hold(operation):
            entered.set()
            leave.wait()
            return REPLY

        host = wws.ServiceHost(close_timeout_ms=100)
        host.add_endpoint("http://127.0.0.1:0/", hold)
        host.open_sync()
        with proxy(host.get_address(0)) as client:
            thread = threading.Thread(
                target=lambda: self.assertRaises(
                    wws.Error, client.call_sync, ACTION, BODY))
            thread.start()
            entered.wait()
            began = time.monotonic()
            with self.assertRaises(wws.TimedOut) as caught:
                host.close_sync(deadline=time.monotonic() + 0.02)
            self.assertEqual(caught.exception.phase, wws.Phase.NONE)
            self.assertLess(time.monotonic() - began, patience(AT_ONCE_S))
            leave.set()
            thread.join()
        host.free()


class WrongTypes(unittest.TestCase):
    def test_arguments__of_a_wrong_type_are_refused(self):
        with service(add) as url, proxy(url) as client, wws.Message() as empty:
            for call in (lambda: client.call_sync(5, BODY),
                         lambda: client.call_sync(ACTION, "text"),
                         lambda: client.call_sync(ACTION, BODY, reply=client),
                         lambda: client.call_sync(ACTION, BODY, call=empty),
                         lambda: client.call_sync(ACTION, BODY, timeout_ms="x"),
                         lambda: client.call_sync(ACTION, BODY, other=1),
                         lambda: empty.initialize("request"),
                         lambda: empty.set_fault("reason"),
                         lambda: wws.ServiceProxy(runtime=5),
                         lambda: wws.ServiceHost().add_endpoint(url, "handler"),
                         lambda: wws.Runtime(threads=5),
                         lambda: wws.Channel.for_listener(None)):
                with self.assertRaises(TypeError):
                    call()
            self.assertEqual(client.call_sync(ACTION, BODY), REPLY)

    def test_arguments__that_do_not_fit_are_refused(self):
        with self.assertRaises(OverflowError):
            wws.ServiceProxy(max_message_size=2 ** 32)
        with self.assertRaises(OverflowError):
            wws.ServiceProxy(max_message_size=-1)
        with self.assertRaises(wws.Invalidarg):
            wws.ServiceProxy(transport=99)
        with wws.ServiceProxy() as client:
            with self.assertRaises(ValueError):
                client.open_sync("http://\udcff/")


class Statements(unittest.TestCase):
    def test_with__closes_and_gives_back(self):
        with service(add) as url:
            with wws.ServiceProxy() as client:
                client.open_sync(url)
            with self.assertRaises(wws.Handle):
                client.state

    def test_with__lets_what_is_closed_be(self):
        with service(add) as url:
            with wws.ServiceProxy() as client:
                client.open_sync(url)
                client.close_sync()

    def test_with__aborts_when_it_is_left_by_an_exception(self):
        seen = []

        async def main(url):
            async with wws.ServiceProxy() as client:
                await client.open(url)
                call = asyncio.ensure_future(client.call(ACTION, BODY))
                await asyncio.sleep(0)
                try:
                    async with client:
                        raise KeyError("mine")
                except KeyError:
                    pass
                try:
                    await call
                except wws.Aborted as error:
                    seen.append(error)

        with Silent() as peer:
            asyncio.run(main(peer.url()))
        self.assertEqual(len(seen), 1)

    def test_call__one_way_has_no_reply(self):
        served = threading.Event()

        def serve(operation):
            served.set()
            return b"<nobody-hears/>"

        for over in OVER:
            served.clear()
            with self.subTest(over), service(serve, over) as url, \
                    proxy(url) as client:
                self.assertEqual(
                    client.call_sync(ACTION, BODY, one_way=True), b"")
                self.assertTrue(served.wait(PATIENCE_S))

    def test_call__shows_its_messages(self):
        class Shown(wws.CallCallbacks):
            def sending(self, message):
                message.add_custom_header(b'<n xmlns="urn:n">1</n>', False)

            def received(self, message):
                seen.append(message.get_header(wws.Header.RELATES_TO))

        def serve(operation):
            self.assertIsNotNone(
                operation.get_request().get_custom_header("n", "urn:n", 0))
            return REPLY

        seen = []
        before = len(_base.states)
        for over in OVER:
            with self.subTest(over), service(serve, over) as url, \
                    proxy(url) as client:
                self.assertEqual(
                    client.call_sync(ACTION, BODY, callbacks=Shown()), REPLY)
        self.assertEqual(len(seen), len(OVER))
        self.assertTrue(all(seen))
        self.assertEqual(len(_base.states), before)

    def test_call__that_its_callback_refuses_leaves_nothing(self):
        class Refusing(wws.CallCallbacks):
            def sending(self, message):
                raise wws.QuotaExceeded()

        before = len(_base.states)
        with service(add) as url, proxy(url) as client:
            with self.assertRaises(wws.QuotaExceeded):
                client.call_sync(ACTION, BODY, callbacks=Refusing())
            self.assertEqual(client.call_sync(ACTION, BODY), REPLY)
        self.assertEqual(len(_base.states), before)

    def test_failure__with_a_list_among_the_options_is_told(self):
        with self.assertRaisesRegex(wws.Invalidarg, "custom"):
            wws.Listener(transport=wws.Transport.CUSTOM,
                         disallowed_user_agents=["old"])

    def test_call__is_refused_by_whatever_its_callback_raises(self):
        class Raising(wws.CallCallbacks):
            def sending(self, message):
                raise what

        served = []
        with service(served.append) as url, proxy(url) as client:
            for what in (ValueError, SystemExit, KeyboardInterrupt,
                         GeneratorExit, asyncio.CancelledError):
                with self.subTest(what.__name__):
                    with self.assertRaises(wws.Error) as raised, quiet():
                        client.call_sync(ACTION, BODY, callbacks=Raising())
                    self.assertEqual(raised.exception.status,
                                     wws.Status.E_OTHER)
        self.assertEqual(served, [])

    def test_call__is_refused_by_a_status_that_is_none(self):
        class Odd(wws.CallCallbacks):
            def sending(self, message):
                return status

        with service(add) as url, proxy(url) as client:
            for status in 2**40, "done", object():
                with self.subTest(status):
                    with self.assertRaises(wws.Error) as raised, quiet():
                        client.call_sync(ACTION, BODY, callbacks=Odd())
                    self.assertEqual(raised.exception.status,
                                     wws.Status.E_OTHER)

    def test_channel__converses_over_a_session(self):
        with wws.Listener(transport=wws.Transport.TCP, encoding=UTF8) as here:
            here.open_sync("net.tcp://127.0.0.1:0/")
            self.assertTrue(here.address.startswith("net.tcp://127.0.0.1:"))
            asyncio.run(self.converse(here))

    async def converse(self, here):
        options = OVER["net.tcp"]
        async with wws.Channel.for_listener(here) as server, \
                wws.Channel(**options) as client:
            await asyncio.gather(here.accept(server),
                                 client.open(here.address))
            with wws.Message() as sent, wws.Message() as got:
                sent.initialize(wws.MessageInitialization.REQUEST)
                sent.set_header(wws.Header.ACTION, ACTION)
                sent.set_body(BODY)
                await client.send(sent)
                self.assertIs(await server.receive(got), True)
                self.assertEqual(got.body, BODY)
                got.reset()
                await client.shutdown_session()
                self.assertIs(await server.receive(got), False)
            await asyncio.gather(client.close(), server.close())


if __name__ == "__main__":
    unittest.main()
