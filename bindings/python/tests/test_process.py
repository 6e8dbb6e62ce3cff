"""The ends of processes and the beginnings of others; other libraries."""
import importlib.util
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

import wws
from helpers import (ACTION, BODY, PATIENCE_S, REPLY, Silent, patience, proxy,
                     service, until)

HERE = os.path.dirname(os.path.abspath(__file__))


def program(text):
    return [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(text)]


def environment():
    paths = [HERE, os.path.dirname(os.path.dirname(wws.__file__))]
    return dict(os.environ, PYTHONPATH=os.pathsep.join(paths),
                PYTHONDONTWRITEBYTECODE="1")


class Exits(unittest.TestCase):
    """An interpreter may exit with whatever is pending."""

    def leaves(self, text, *arguments, code=0, errors=""):
        """From the line "now" on, soon and quietly."""
        process = subprocess.Popen(
            program(text) + list(arguments), env=environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.assertEqual(process.stdout.readline(), "now\n",
                             process.poll() and process.stderr.read())
            began = time.monotonic()
            _, said = process.communicate(timeout=PATIENCE_S)
            took = time.monotonic() - began
        finally:
            process.kill()
            process.wait()
        self.assertEqual(process.returncode, code, said)
        self.assertEqual(said, errors)
        self.assertLess(took, patience(5))

    def test_exit__with_1000_calls_pending(self):
        for over in "http", "net.tcp":
            with self.subTest(over), service(
                    hold, over, max_concurrency=1000) if over == "net.tcp" \
                    else Silent() as peer:
                url = peer if over == "net.tcp" else peer.url()
                self.leaves(PENDING, url)
                leave.set()

    def test_exit__at_a_random_moment(self):
        random.seed(4)
        with Silent() as peer:
            for _ in range(12):
                self.leaves(RANDOM, peer.url(), str(random.random() * 0.05))

    def test_exit__while_replies_come(self):
        random.seed(5)
        with service(lambda operation: REPLY) as url:
            for _ in range(8):
                self.leaves(BUSY, url, str(random.random() * 0.05))

    def test_exit__with_a_host_that_serves(self):
        self.leaves("""
            import threading, wws
            from helpers import *
            entered = threading.Event()
            def serve(operation):
                entered.set()
                threading.Event().wait()
            async def attend(operation):
                operation.on_cancel(print)
                entered.set()
                await asyncio.sleep(1000)
            host = wws.ServiceHost()
            host.add_endpoint("http://127.0.0.1:0/", serve)
            host.open_sync()
            client = wws.ServiceProxy()
            client.open_sync(host.get_address(0))
            def call():
                try:
                    client.call_sync(ACTION, BODY)
                except wws.Error:
                    pass
            threading.Thread(target=call, daemon=True).start()
            entered.wait()
            print("now", flush=True)
        """)

    def test_exit__with_a_log_that_is_written(self):
        self.leaves("""
            import threading, wws
            from helpers import *
            wws.Runtime.default().set_log(wws.LogLevel.DEBUG,
                                          lambda *line: None)
            host = wws.ServiceHost()
            host.add_endpoint("http://127.0.0.1:0/", lambda operation: REPLY)
            host.open_sync()
            client = wws.ServiceProxy()
            client.open_sync(host.get_address(0))
            def calls():
                try:
                    while True:
                        client.call_sync(ACTION, BODY)
                except wws.Error:
                    pass
            for _ in range(4):
                threading.Thread(target=calls, daemon=True).start()
            client.call_sync(ACTION, BODY)
            print("now", flush=True)
        """)

    def test_interrupt__ends_a_program(self):
        with Silent() as peer:
            process = subprocess.Popen(program("""
                import sys, wws
                with wws.ServiceProxy() as client:
                    client.open_sync(sys.argv[1])
                    client.call_sync("urn:a")
            """) + [peer.url()], env=environment(), stderr=subprocess.PIPE)
            until(lambda: peer.taken)
            peer.taken[0].recv(1)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=PATIENCE_S)
            self.assertIn(b"KeyboardInterrupt", said)
            self.assertEqual(process.returncode, -signal.SIGINT)


leave = threading.Event()


def hold(operation):
    leave.wait(PATIENCE_S)


PENDING = """
    import asyncio, sys, wws
    from helpers import OVER
    over = sys.argv[1].partition(":")[0]
    client = wws.ServiceProxy(max_pending_calls=2000, **OVER[over])
    async def main():
        await client.open(sys.argv[1])
        tasks = [asyncio.ensure_future(client.call("urn:a"))
                 for _ in range(1000)]
        await asyncio.sleep(0)
        for task in tasks:
            task._log_destroy_pending = False
        return tasks
    loop = asyncio.new_event_loop()
    tasks = loop.run_until_complete(main())
    print("now", flush=True)
"""

RANDOM = """
    import asyncio, os, sys, threading, time, wws
    client = wws.ServiceProxy(max_pending_calls=2000)
    async def main():
        await client.open(sys.argv[1])
        await asyncio.gather(*(client.call("urn:a") for _ in range(1000)))
    threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
    while client.state != wws.ServiceProxyState.OPEN:
        time.sleep(0)
    time.sleep(float(sys.argv[2]))
    print("now", flush=True)
"""


BUSY = """
    import asyncio, sys, threading, time, wws
    client = wws.ServiceProxy()
    async def call():
        while True:
            await client.call("urn:a", b"<a/>")
    async def main():
        await client.open(sys.argv[1])
        await asyncio.gather(*(call() for _ in range(50)))
    threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()
    while client.state != wws.ServiceProxyState.OPEN:
        time.sleep(0)
    time.sleep(float(sys.argv[2]))
    print("now", flush=True)
"""


class Forks(unittest.TestCase):
    def in_child(self, work):
        """Runs it in a child, which must end with 0."""
        child = os.fork()
        if child == 0:
            try:
                work()
                os._exit(0)
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(1)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                self.assertEqual(status, 0)
                return
            time.sleep(0.005)
        os.kill(child, signal.SIGKILL)
        self.fail("the child hangs")

    def test_fork__leaves_old_objects_to_the_parent(self):
        def work():
            for use in (lambda: client.state,
                        lambda: client.call_sync(ACTION, BODY),
                        lambda: client.abort()):
                self.assertRaises(wws.Forked, use)
            client.free()
            client.free()

        with service(lambda operation: REPLY) as url, proxy(url) as client:
            client.call_sync(ACTION, BODY)
            self.in_child(work)
            self.assertEqual(client.call_sync(ACTION, BODY), REPLY)

    def test_fork__leaves_to_the_parent_what_its_threads_hold(self):
        def hold():
            with client._guard, message._guard:
                held.set()
                leave.wait(PATIENCE_S)

        def work():
            self.assertRaises(wws.Forked, lambda: message.body)
            message.free()
            client.free()

        held, leave = threading.Event(), threading.Event()
        with wws.ServiceProxy() as client, wws.Message() as message:
            thread = threading.Thread(target=hold)
            thread.start()
            self.assertTrue(held.wait(PATIENCE_S))
            try:
                self.in_child(work)
            finally:
                leave.set()
                thread.join()

    def test_fork__lets_the_child_begin_anew(self):
        def work():
            import asyncio

            async def main():
                async with wws.ServiceProxy() as mine:
                    await mine.open(url)
                    return await mine.call(ACTION, BODY)

            with proxy(url) as mine:
                self.assertEqual(mine.call_sync(ACTION, BODY), REPLY)
            self.assertEqual(asyncio.run(main()), REPLY)
            with service(lambda operation: BODY) as own, proxy(own) as mine:
                self.assertEqual(mine.call_sync(ACTION, BODY), BODY)

        with service(lambda operation: REPLY) as url, proxy(url) as client:
            client.call_sync(ACTION, BODY)
            self.in_child(work)

    def test_fork__with_calls_pending_harms_neither(self):
        def work():
            with proxy(url) as mine:
                self.assertEqual(mine.call_sync(ACTION, BODY), REPLY)

        def call():
            with proxy(peer.url()) as client:
                self.assertRaises(wws.TimedOut, client.call_sync, ACTION, BODY,
                                  timeout_ms=500)

        with Silent() as peer, service(lambda operation: REPLY) as url:
            threads = [threading.Thread(target=call) for _ in range(20)]
            for thread in threads:
                thread.start()
            until(lambda: len(peer.taken) == 20)
            self.in_child(work)
            found = subprocess.run([sys.executable, "-c", "print(5)"],
                                   stdout=subprocess.PIPE, timeout=PATIENCE_S)
            self.assertEqual(found.stdout, b"5\n")
            for thread in threads:
                thread.join()


class Interpreters(unittest.TestCase):
    def test_subinterpreter__gets_a_clear_error(self):
        name = next((name for name in ("_interpreters", "_xxsubinterpreters")
                     if importlib.util.find_spec(name)), None)
        if name is None:
            self.skipTest("there are no sub-interpreters here")
        found = subprocess.run(program(f"""
            import sys, {name} as interpreters
            inside = interpreters.create()
            code = '''
            try:
                import wws
            except ImportError as error:
                print("refused:", error, flush=True)
            '''
            interpreters.run_string(inside, __import__("textwrap").dedent(code))
        """), env=environment(), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S)
        self.assertIn("refused:", found.stdout)
        self.assertIn("sub-interpreter", found.stdout.lower().replace(
            "subinterpreter", "sub-interpreter"))
        self.assertEqual(found.returncode, 0, found.stdout)


class Versions(unittest.TestCase):
    def load(self, source):
        with tempfile.TemporaryDirectory() as folder:
            other = os.path.join(folder, "libwws.so.1")
            with open(os.path.join(folder, "map"), "w") as file:
                file.write("WWS_1 { global: *; };")
            made = subprocess.run(
                ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", other,
                 "-Wl,-soname,libwws.so.1",
                 f"-Wl,--version-script={file.name}"],
                input=source, text=True)
            self.assertEqual(made.returncode, 0)
            return subprocess.run(
                program("import wws; print(wws.version())"), text=True,
                env=dict(environment(), LD_LIBRARY_PATH=folder),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                timeout=PATIENCE_S)

    def setUp(self):
        from wws import _base
        with open(_base._native.__file__, "rb") as file:
            if b"libwws.so.1" not in file.read():
                self.skipTest("the library is a part of this package")

    def test_library__that_is_too_old_is_refused_by_name(self):
        found = self.load("unsigned wws_version(void) { return 0; }")
        self.assertNotEqual(found.returncode, 0)
        self.assertIn("ImportError: the library libwws implements version 0 "
                      "of its interface, but this package was made for "
                      "version 1", found.stderr)

    def test_library__that_is_newer_is_fine(self):
        found = self.load("unsigned wws_version(void) { return 9; }")
        self.assertEqual((found.returncode, found.stdout), (0, "9\n"),
                         found.stderr)


if __name__ == "__main__":
    unittest.main()
