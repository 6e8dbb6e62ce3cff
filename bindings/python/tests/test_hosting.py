"""Handlers: how they answer, fail, and learn that nobody wants the answer."""
import asyncio
import functools
import gc
import logging
import threading
import time
import unittest
import warnings

import wws
from helpers import (ACTION, BODY, OVER, PATIENCE_S, REPLY, Silent, Waiting,
                     counter, proxy, service, until)
from wws import _base, _serving, _waiting


class Answers(unittest.TestCase):
    def answer(self, handler, **options):
        with service(handler, **options) as url, proxy(url) as client:
            return client.call_sync(ACTION, BODY)

    def test_handler__answers_with_what_it_returns(self):
        self.assertEqual(self.answer(lambda operation: REPLY), REPLY)

    def test_handler__that_returns_none_answers_with_nothing(self):
        self.assertEqual(self.answer(lambda operation: None), b"")

    def test_handler__may_set_the_reply_itself(self):
        self.assertEqual(
            self.answer(lambda operation: operation.set_reply(REPLY)), REPLY)

    def test_handler__may_complete_the_operation_itself(self):
        def serve(operation):
            operation.set_reply(REPLY)
            operation.complete(wws.Status.S_OK)

        self.assertEqual(self.answer(serve), REPLY)

    def test_handler__may_be_a_coroutine_function_anywhere(self):
        async def serve(operation):
            await asyncio.sleep(0)
            return REPLY

        class Object:
            async def __call__(self, operation):
                return await serve(operation)

        for handler in (serve, Object(), functools.partial(serve),
                        lambda operation: serve(operation)):
            self.assertEqual(self.answer(handler), REPLY)

    def test_handler__runs_on_the_loop_that_it_was_added_on(self):
        async def serve(operation):
            self.assertIs(asyncio.get_running_loop(), here)
            return REPLY

        async def main():
            nonlocal here
            here = asyncio.get_running_loop()
            async with wws.ServiceHost() as host, wws.ServiceProxy() as client:
                host.add_endpoint("http://127.0.0.1:0/", serve)
                await host.open()
                await client.open(host.get_address(0))
                self.assertEqual(await client.call(ACTION, BODY), REPLY)

        here = None
        asyncio.run(main())

    def test_handler__of_the_blocking_kind_does_not_block_the_loop(self):
        def serve(operation):
            self.assertNotEqual(threading.current_thread(), main_thread)
            entered.set()
            leave.wait(PATIENCE_S)
            return REPLY

        async def main():
            async with wws.ServiceHost() as host, wws.ServiceProxy() as client:
                host.add_endpoint("http://127.0.0.1:0/", serve)
                await host.open()
                await client.open(host.get_address(0))
                calls = [asyncio.ensure_future(client.call(ACTION, BODY))
                         for _ in range(20)]
                await asyncio.to_thread(entered.wait, PATIENCE_S)
                leave.set()
                self.assertEqual(await asyncio.gather(*calls), [REPLY] * 20)

        main_thread = threading.current_thread()
        entered, leave = threading.Event(), threading.Event()
        asyncio.run(main())

    def test_handler__is_not_waited_for_by_others(self):
        def serve(operation):
            if operation.body == BODY:
                leave.wait(PATIENCE_S)
            return REPLY

        leave = threading.Event()
        with service(serve) as url, proxy(url) as client:
            threads = [threading.Thread(target=client.call_sync,
                                        args=(ACTION, BODY))
                       for _ in range(20)]
            for thread in threads:
                thread.start()
            for _ in range(20):
                self.assertEqual(client.call_sync(ACTION), REPLY)
            leave.set()
            for thread in threads:
                thread.join()

    def test_handler__that_no_thread_can_be_had_for_is_answered(self):
        class Workers:
            def run(self, *job):
                raise RuntimeError("can't start new thread")

        workers, _serving._workers = _serving._workers, Workers()
        try:
            with self.assertRaises(wws.EndpointFaultReceived):
                self.answer(lambda operation: REPLY)
        finally:
            _serving._workers = workers

    def test_operation__tells_what_is_asked(self):
        def serve(operation):
            seen.append((operation.action, operation.body,
                         operation.info.endpoint_index,
                         operation.info.user_state, operation.cancelled,
                         operation.get_request().get_header(
                             wws.Header.ACTION)))
            return REPLY

        seen = []
        with wws.ServiceHost(user_state=7) as host:
            host.add_endpoint("http://127.0.0.1:0/", lambda operation: None)
            host.add_endpoint("http://127.0.0.1:0/", serve)
            host.open_sync()
            with proxy(host.get_address(1)) as client:
                client.call_sync(ACTION, BODY)
        self.assertEqual(seen, [(ACTION, BODY, 1, 7, False, ACTION)])

    def test_operation__that_has_completed_is_of_no_use(self):
        kept = []

        def serve(operation):
            kept.append((operation, operation.get_request()))
            return REPLY

        self.answer(serve)
        operation, request = kept[0]
        for use in (lambda: operation.body, lambda: operation.action,
                    lambda: operation.cancelled,
                    lambda: operation.set_reply(b""),
                    lambda: operation.on_cancel(print),
                    lambda: operation.complete(wws.Status.S_OK),
                    lambda: request.body,
                    lambda: request.get_header(wws.Header.ACTION)):
            with self.assertRaises(wws.Handle):
                use()


class Failures(unittest.TestCase):
    def fault(self, handler, over="http"):
        with service(handler, over) as url, proxy(url) as client:
            with self.assertRaises(wws.EndpointFaultReceived) as caught:
                client.call_sync(ACTION, BODY)
        return caught.exception.fault

    def test_handler__answers_with_the_fault_that_it_raises(self):
        def serve(operation):
            raise wws.Fault("no", code=wws.FaultCode.SENDER, language="de",
                            subcode_name="Refused", subcode_namespace="urn:c",
                            detail=b'<d xmlns="urn:d">1</d>')

        async def attend(operation):
            serve(operation)

        for over in OVER:
            for handler in serve, attend:
                found = self.fault(handler, over)
                self.assertEqual(found.code, wws.FaultCode.SENDER)
                self.assertEqual(found.reason, "no")
                self.assertEqual(found.language, "de")
                self.assertEqual(found.subcode_name, "Refused")
                self.assertIn(b"<d", found.detail)

    def test_fault__arrives_with_all_that_it_has(self):
        def serve(operation):
            raise wws.Fault(
                "no", subcode_name="Refused", subcode_namespace="urn:c",
                node="urn:node", action="urn:act",
                headers=b'<h xmlns="urn:h"/>',
                outer_subcode_namespaces=["urn:b", "urn:a"],
                outer_subcode_names=["Far", "Near"],
                further_reasons=["nein", "non"],
                further_languages=("de", "fr"))

        for over in OVER:
            found = self.fault(serve, over)
            self.assertEqual(found.node, "urn:node")
            self.assertEqual(found.action, "urn:act")
            self.assertEqual(found.headers, b'<h xmlns="urn:h"/>')
            self.assertEqual(found.outer_subcode_namespaces,
                             ["urn:b", "urn:a"])
            self.assertEqual(found.outer_subcode_names, ["Far", "Near"])
            self.assertEqual(found.further_reasons, ["nein", "non"])
            self.assertEqual(found.further_languages, ["de", "fr"])

    def test_handler__that_fails_answers_with_a_fault_and_is_logged(self):
        async def attend(operation):
            raise KeyError("secret")

        def serve(operation):
            raise KeyError("secret")

        def leave(operation):
            raise SystemExit("secret")

        for handler in attend, serve, leave:
            with self.subTest(handler.__name__), \
                    self.assertLogs("wws", logging.ERROR) as logged:
                found = self.fault(handler)
            self.assertEqual(found.code, wws.FaultCode.RECEIVER)
            self.assertNotIn("secret", found.reason)
            self.assertIn("secret", logged.output[0])

    def test_handler__that_exits_is_logged_and_ends_no_loop(self):
        async def leave(operation):
            raise SystemExit("secret")

        async def interrupt(operation):
            raise KeyboardInterrupt("secret")

        async def serve(operation):
            return REPLY

        for handler in leave, interrupt:
            with self.subTest(handler.__name__):
                with self.assertLogs("wws", logging.ERROR) as logged:
                    found = self.fault(handler)
                self.assertNotIn("secret", found.reason)
                self.assertIn("secret", logged.output[0])
                with service(serve) as url, proxy(url) as client:
                    self.assertEqual(client.call_sync(ACTION, BODY), REPLY)

    def test_handler__that_returns_what_another_loop_owns_is_answered(self):
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        with self.assertLogs("wws", logging.ERROR):
            found = self.fault(lambda operation: loop.create_future())
        self.assertEqual(found.code, wws.FaultCode.RECEIVER)

    def test_handler__that_returns_nonsense_answers_with_a_fault(self):
        for nonsense in "text", 5, b"<a>", object():
            with self.assertLogs("wws", logging.ERROR):
                found = self.fault(lambda operation: nonsense)
            self.assertEqual(found.code, wws.FaultCode.RECEIVER)

    def test_handler__whose_fault_is_no_good_answers_with_another(self):
        def serve(operation):
            raise wws.Fault("no", detail=b"<a>")

        with self.assertLogs("wws", logging.ERROR):
            self.assertEqual(self.fault(serve).code, wws.FaultCode.RECEIVER)


class Channels(unittest.TestCase):
    def test_handler__hears_of_channels_and_lets_requests_in(self):
        KIND = wws.OperationKind

        def handle(operation):
            info = operation.info
            seen.append(info.kind)
            if info.kind == KIND.ACCEPT_CHANNEL:
                channels[info.channel] = []
            elif info.kind == KIND.AUTHORIZE:
                self.assertIn("127.0.0.1:", operation.get_text(
                    wws.OperationText.REMOTE_ADDRESS))
                if operation.action != ACTION:
                    raise PermissionError(operation.action)
            elif info.kind == KIND.CLOSE_CHANNEL:
                ended.append(channels.pop(info.channel))
            else:
                channels[info.channel].append(operation.body)
                return REPLY

        async def handle_later(operation):
            await asyncio.sleep(0)
            return handle(operation)

        for over in OVER:
            for handler in handle, handle_later:
                channels, ended, seen = {}, [], []
                with service(handler, over, channel_events=True,
                             authorizes=True) as url:
                    with proxy(url) as client:
                        self.assertEqual(client.call_sync(ACTION, BODY), REPLY)
                        with self.assertRaises(wws.EndpointDisconnected), \
                                self.assertLogs("wws"):
                            client.call_sync("urn:calc/Other", BODY)
                    until(lambda: seen and not channels)
                calls = [call for channel in ended for call in channel]
                self.assertEqual(calls, [BODY])
                self.assertEqual(seen.count(KIND.AUTHORIZE), 2)
                self.assertEqual(seen.count(KIND.ACCEPT_CHANNEL), len(ended))

    def test_handler__serves_the_actions_that_were_named(self):
        def handle(operation):
            kinds.append(operation.info.kind)
            return REPLY

        kinds = []
        with service(handle, actions=[ACTION]) as url, proxy(url) as client:
            self.assertEqual(client.call_sync(ACTION, BODY), REPLY)
            with self.assertRaises(wws.EndpointActionNotSupported):
                client.call_sync("urn:calc/Other", BODY)
        with service(handle, actions=[ACTION], default_handler=True) as url, \
                proxy(url) as client:
            self.assertEqual(client.call_sync("urn:calc/Other", BODY), REPLY)
        self.assertEqual(kinds, [wws.OperationKind.CALL,
                                 wws.OperationKind.MESSAGE])

    def test_operation__can_abort_its_channel(self):
        def handle(operation):
            operation.on_cancel(reasons.append)
            self.assertTrue(operation.abort_channel())
            until(lambda: reasons)

        reasons = []
        with service(handle) as url, proxy(url) as client:
            with self.assertRaises(wws.EndpointDisconnected):
                client.call_sync(ACTION, BODY)
        self.assertEqual(reasons, [wws.CancelReason.CHANNEL_FAULTED])


class Cancellation(unittest.TestCase):
    def test_coroutine__is_cancelled_with_its_operation(self):
        async def serve(operation):
            try:
                entered.release()
                await asyncio.sleep(PATIENCE_S)
            except asyncio.CancelledError:
                told.append(operation.cancelled)
                raise

        async def main():
            async with wws.ServiceHost() as host:
                host.add_endpoint("http://127.0.0.1:0/", serve)
                await host.open()
                await asyncio.to_thread(self.call_and_cancel,
                                        host.get_address(0), entered)
                while not told:
                    await asyncio.sleep(0.001)

        told, entered = [], threading.Semaphore(0)
        asyncio.run(main())
        self.assertEqual(told, [True])

        told.clear()
        with service(serve) as url:
            self.call_and_cancel(url, entered)
            until(lambda: told)

    def test_coroutine__cancelled_before_it_begins_is_answered(self):
        class Served:
            def on_cancel(self, tell):
                tell(None)

            def _answer(self, reply):
                pass

            def _fail(self, error):
                failed.append(error)

        async def never():
            self.fail("it has begun")

        async def main():
            _serving._begin(asyncio.get_running_loop(), never(), Served())
            while not failed:
                await asyncio.sleep(0)

        failed = []
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            asyncio.run(main())
            gc.collect()
        self.assertIsInstance(failed[0], asyncio.CancelledError)
        self.assertEqual(warned, [])

    def call_and_cancel(self, url, entered):
        def stop():
            entered.acquire(timeout=PATIENCE_S)
            call.cancel()

        with proxy(url) as client, wws.Call() as call:
            thread = threading.Thread(target=stop)
            thread.start()
            with self.assertRaises(wws.Cancelled):
                client.call_sync(ACTION, BODY, call=call)
            thread.join()

    def test_on_cancel__tells_all_that_asked_and_why(self):
        seen = []
        entered, over = threading.Semaphore(0), threading.Event()

        def serve(operation):
            operation.on_cancel(lambda reason: seen.append(reason))
            operation.on_cancel(lambda reason: over.set())
            self.assertFalse(operation.cancelled)
            entered.release()
            over.wait(PATIENCE_S)
            self.assertTrue(operation.cancelled)
            operation.on_cancel(lambda reason: seen.append(reason))

        with service(serve) as url:
            self.call_and_cancel(url, entered)
            until(lambda: len(seen) == 2)
        self.assertEqual(seen, [wws.CancelReason.CHANNEL_FAULTED] * 2)

    def test_on_cancel__that_fails_keeps_nobody_from_being_told(self):
        entered, over = threading.Semaphore(0), threading.Event()

        def serve(operation):
            operation.on_cancel(lambda reason: 1 / 0)
            operation.on_cancel(lambda reason: over.set())
            entered.release()
            over.wait(PATIENCE_S)

        with self.assertLogs("wws", logging.ERROR), service(serve) as url:
            self.call_and_cancel(url, entered)
            self.assertTrue(over.wait(PATIENCE_S))

    def test_on_cancel__that_exits_keeps_nobody_from_being_told(self):
        entered, over = threading.Semaphore(0), threading.Event()

        def leave(reason):
            raise SystemExit

        def serve(operation):
            operation.on_cancel(leave)
            operation.on_cancel(lambda reason: over.set())
            entered.release()
            over.wait(PATIENCE_S)

        with self.assertLogs("wws", logging.ERROR), service(serve) as url:
            for _ in range(2):  # what tells is still there
                over.clear()
                self.call_and_cancel(url, entered)
                self.assertTrue(over.wait(PATIENCE_S))

    def test_abort__of_the_host_tells_its_operations(self):
        handler = Waiting()
        host = wws.ServiceHost()
        host.add_endpoint("http://127.0.0.1:0/", handler)
        host.open_sync()
        with proxy(host.get_address(0)) as client:
            thread = threading.Thread(
                target=lambda: self.assertRaises(wws.Error, client.call_sync,
                                                 ACTION, BODY))
            thread.start()
            handler.wait_entered()
            host.abort()
            handler.wait_told()
            thread.join()
        self.assertEqual(handler.reasons, [wws.CancelReason.HOST_ABORTED])
        host.close_sync()
        host.free()

    def test_free__of_the_host_lets_handlers_finish(self):
        entered, leave = threading.Event(), threading.Event()
        done = []

        def serve(operation):
            entered.set()
            leave.wait(PATIENCE_S)
            done.append(1)
            return REPLY

        host = wws.ServiceHost()
        host.add_endpoint("http://127.0.0.1:0/", serve)
        host.open_sync()
        with proxy(host.get_address(0)) as client:
            thread = threading.Thread(
                target=lambda: self.assertRaises(wws.Error, client.call_sync,
                                                 ACTION, BODY))
            thread.start()
            entered.wait(PATIENCE_S)
            host.free()
            thread.join()
            leave.set()
            until(lambda: done)

    def test_free__of_the_host_drops_what_was_not_served_yet(self):
        async def serve(operation):
            self.fail("nobody serves")

        def call(url):
            with proxy(url) as client:
                self.assertRaises(wws.Error, client.call_sync, ACTION, BODY)

        async def main():
            served = counter(wws.Counter.OPERATIONS)
            host = wws.ServiceHost()
            host.add_endpoint("http://127.0.0.1:0/", serve)
            await host.open()
            thread = threading.Thread(target=call,
                                      args=(host.get_address(0),))
            thread.start()
            # The loop does not come to look before the host is gone.
            until(lambda: counter(wws.Counter.OPERATIONS) > served)
            host.free()
            thread.join()
            await asyncio.sleep(0)

        asyncio.run(main())

    def test_loop__that_is_over_refuses_what_comes(self):
        async def serve(operation):
            self.fail("nobody serves")

        async def main():
            host.add_endpoint("http://127.0.0.1:0/", serve)
            await host.open()

        async def look():
            """Has a mailbox, and so sweeps those of others."""
            with self.assertRaises(wws.InvalidOperation):
                await wws.ServiceProxy().call(ACTION, BODY)

        def call():
            with self.assertRaises(wws.EndpointFaultReceived):
                client.call_sync(ACTION, BODY)
            refused.append(1)

        refused = []
        with wws.ServiceHost() as host:
            asyncio.run(main())
            with proxy(host.get_address(0)) as client:
                for times in 1, 2:
                    served = counter(wws.Counter.OPERATIONS)
                    thread = threading.Thread(target=call)
                    thread.start()
                    until(lambda: counter(wws.Counter.OPERATIONS) > served)
                    asyncio.run(look())
                    thread.join(PATIENCE_S)
                    self.assertEqual(len(refused), times)

    def test_operations__that_are_over_are_forgotten(self):
        def serve(operation):
            operation.on_cancel(print)
            return REPLY

        with service(serve) as url, proxy(url) as client:
            client.call_sync(ACTION, BODY)
            box = _waiting.background()
            before = len(box.served)
            for _ in range(10):
                client.call_sync(ACTION, BODY)
            until(lambda: len(box.served) <= before)

    def test_loop__that_ends_answers_its_operations(self):
        async def serve(operation):
            entered.set()
            await asyncio.sleep(PATIENCE_S)

        async def main():
            host = wws.ServiceHost()
            host.add_endpoint("http://127.0.0.1:0/", serve)
            await host.open()
            client.open_sync(host.get_address(0))
            thread = threading.Thread(target=call)
            thread.start()
            await asyncio.to_thread(entered.wait, PATIENCE_S)
            return host, thread

        def call():
            try:
                client.call_sync(ACTION, BODY)
            except wws.Error as error:
                failed.append(error)

        entered, failed = threading.Event(), []
        with wws.ServiceProxy() as client:
            host, thread = asyncio.run(main())
            thread.join(PATIENCE_S)
            self.assertIsInstance(failed[0], wws.EndpointFaultReceived)
        host.free()

    def test_loop__that_is_closed_leaves_no_operation_unanswered(self):
        async def serve(operation):
            entered.set()
            await asyncio.sleep(PATIENCE_S)

        async def open_host():
            host.add_endpoint("http://127.0.0.1:0/", serve)
            await host.open()

        async def wait_entered():
            while not entered.is_set():
                await asyncio.sleep(0)
            for task in asyncio.all_tasks():
                task._log_destroy_pending = False

        def call():
            try:
                client.call_sync(ACTION, BODY)
            except wws.Error as error:
                failed.append(error)

        entered, failed = threading.Event(), []
        loop = asyncio.new_event_loop()
        host = wws.ServiceHost()
        loop.run_until_complete(open_host())
        with proxy(host.get_address(0)) as client:
            thread = threading.Thread(target=call)
            thread.start()
            loop.run_until_complete(wait_entered())
            loop.close()
            host.close_sync()
            thread.join(PATIENCE_S)
            self.assertIsInstance(failed[0], wws.EndpointFaultReceived)
        self.assertEqual(list(_serving._tasks), [])
        host.free()


class Logs(unittest.TestCase):
    def test_set_log__takes_a_logger(self):
        runtime = wws.Runtime()
        logger = logging.getLogger("wws.test")
        with self.assertLogs(logger, logging.DEBUG) as logged:
            runtime.set_log(wws.LogLevel.DEBUG, wws.log_to(logger))
            with Silent() as peer, wws.ServiceProxy(runtime=runtime) as client:
                client.open_sync(peer.url())
                with self.assertRaises(wws.TimedOut):
                    client.call_sync(ACTION, BODY, timeout_ms=20)
            runtime.set_log(wws.LogLevel.DEBUG)
        self.assertGreater(len(logged.output), 0)
        runtime.close(PATIENCE_S * 1000)
        runtime.free()

    def test_set_log__frees_the_callback_that_is_replaced(self):
        before = len(_base.states)
        with wws.Runtime() as runtime:
            runtime.set_log(wws.LogLevel.DEBUG, lambda *_: None)
            self.assertEqual(len(_base.states), before + 1)
            runtime.set_log(wws.LogLevel.DEBUG, lambda *_: None)
            self.assertEqual(len(_base.states), before + 1)
            runtime.set_log(wws.LogLevel.DEBUG)
            self.assertEqual(len(_base.states), before)

    def test_set_log__survives_a_callback_that_fails(self):
        def line(level, phase, text):
            seen.append(text)
            raise KeyError(text)

        seen = []
        with wws.Runtime() as runtime, self.assertLogs("wws"):
            runtime.set_log(wws.LogLevel.DEBUG, line)
            with wws.ServiceProxy(runtime=runtime) as client:
                client.open_sync("http://127.0.0.1:1/")
            until(lambda: seen)
            runtime.set_log(wws.LogLevel.DEBUG)

    def test_threads__are_told_of(self):
        class Threads(wws.ThreadCallbacks):
            def started(self):
                seen.append("started")

            def stopped(self):
                seen.append("stopped")

        seen = []
        runtime = wws.Runtime(threads=Threads())
        until(lambda: seen)
        self.assertTrue(runtime.close(PATIENCE_S * 1000) is None)
        self.assertEqual(seen.count("started"), seen.count("stopped"))
        runtime.free()


if __name__ == "__main__":
    unittest.main()
