"""The runner of Python: reads scenarios and carries them out, line by line."""
import asyncio
import os
import sys
import time

import wws
from suite import NAMESPACE, OVER, PATIENCE_S, SCHEMES, body_of, text_in

KINDS = {"proxy": wws.ServiceProxy, "listener": wws.Listener,
         "call": wws.Call}


class Wrong(Exception):
    """A step did not go as it says."""


class Line:
    def __init__(self, number, text):
        words = text.split()
        self.number = number
        self.options = dict(word.split("=", 1) for word in words[1:]
                            if "=" in word)
        self.words = [word for word in words[:1]] + [
            word for word in words[1:] if "=" not in word]

    def numbers(self, *names):
        return {name: int(self.options[name]) for name in names
                if name in self.options}


def expanded(text):
    return "x" * int(text[1:]) if text.startswith("*") else text


def status_of(error):
    if isinstance(error, wws.Error):
        return wws.status_name(error.status)
    return wws.status_name(wws.Status.S_OK)


class Work:
    """A call of the library that was begun, and how it ended."""

    def __init__(self, line, call, cancelled=wws.Aborted):
        self.cancelled = cancelled
        self.error = self.reply = self.status = None
        self.phase = self.progress = "-"
        self.begun = time.perf_counter()
        for name in "timeout_ms", "deadline":
            self.begun += int(line.options.get(name, 0)) / 1000
        self.under_way = asyncio.Event()
        self.task = asyncio.ensure_future(self.run(call))

    async def run(self, call):
        self.under_way.set()  # who waits for it comes after the call's begin
        try:
            self.reply = await call
            self.status = "WWS_S_END" if self.reply is False else "WWS_S_OK"
        except wws.Error as error:
            self.error = error
            self.status = status_of(error)
            if hasattr(error, "phase"):
                self.phase = error.phase.name.lower()
                self.progress = error.progress.name.lower()
        except asyncio.CancelledError:
            self.status = wws.status_name(self.cancelled.status)
        self.ended = time.perf_counter()

    @property
    def found(self):
        """What may be compared."""
        fault = getattr(self.error, "fault", None)
        if isinstance(self.reply, wws.Message):
            self.reply = self.reply.body
        found = {"reply": text_in(self.reply or b"")} \
            if isinstance(self.reply, bytes) else {}
        if self.error is not None:
            found.update(phase=self.phase, progress=self.progress)
        if fault is not None:
            found.update(fault=fault.subcode_name, detail=text_in(fault.detail),
                         code=fault.code.name.lower())
        return found

    def compare(self, line, status):
        if self.status != status:
            raise Wrong(f"{self.status}, not {status}")
        silent = self.error is None and status.startswith("WWS_E")
        for name, wanted in line.options.items():
            if name not in ("reply", "phase", "progress", "fault", "code",
                            "detail"):
                continue
            if silent and name in ("phase", "progress"):
                continue
            found = self.found.get(name, "-")
            if found not in expanded(wanted).split("|"):
                raise Wrong(f"{name} {found:.40}, not {wanted:.40}")


class Run:
    """A scenario that is being carried out."""

    def __init__(self, controls, over, url):
        self.controls = controls
        self.over = over
        self.url = url
        self.objects = {}
        self.received = {}
        self.works = {}
        self.stopped = 0
        self.told = False
        self.result = None

    # Work

    def address(self, line, thing):
        at = line.options.get("at")
        if at is None and isinstance(thing, wws.Listener):
            return f"{SCHEMES[self.over]}://127.0.0.1:0/"
        if at is None:
            return self.url
        if at == "wrong":
            return "wrong://127.0.0.1/"
        if at in self.objects:
            return self.objects[at].address
        place = os.environ["SUITE_" + at.upper().replace("-", "_")]
        return f"{SCHEMES[self.over]}://{place}/"

    def message(self, operation, text):
        message = wws.Message()
        message.initialize(wws.MessageInitialization.REQUEST)
        message.set_header(wws.Header.ACTION, f"{NAMESPACE}/{operation}")
        message.set_body(body_of(operation, expanded(text)))
        return message

    async def receive(self, name):
        self.received[name] = message = wws.Message()
        return (await self.objects[name].receive(message)) and message.body

    async def answer(self, name, text):
        reply = wws.Message()
        reply.initialize(wws.MessageInitialization.REPLY,
                         original=self.received[name])
        reply.set_header(wws.Header.ACTION, f"{NAMESPACE}/Reply")
        reply.set_body(body_of("Reply", expanded(text)))
        channel = self.objects[name]
        if self.over == "tcp":
            await channel.send(reply)
        else:
            await channel.send_reply(reply)

    async def exchange(self, name, operation, text):
        reply = wws.Message()
        await self.objects[name].request_reply(self.message(operation, text),
                                               reply)
        return reply.body

    def call(self, line, proxy, operation, text):
        named = line.numbers("timeout_ms")
        if "handle" in line.options:
            named["call"] = self.objects[line.options["handle"]]
        if "group" in line.options:
            named["call_id"] = int(line.options["group"])
        if "deadline" in line.options:
            named["deadline"] = (time.monotonic()
                                 + int(line.options["deadline"]) / 1000)
        action = f"{NAMESPACE}/{operation}"
        if line.options.get("action") == "none":
            action = ""
        return proxy.call(action, body_of(operation, expanded(text)), **named)

    def begin(self, line, words):
        """The work that the words name."""
        what, *words = words
        if what == "host":
            return Work(line, self.call(line, self.controls, *words))
        thing = self.objects[words[0]]
        if what == "call":
            return Work(line, self.call(line, thing, *words[1:]),
                        wws.Cancelled)
        if what == "receive":
            return Work(line, self.receive(words[0]), wws.Cancelled)
        if what == "open":
            return Work(line, thing.open(self.address(line, thing)))
        if what == "close":
            return Work(line, thing.close())
        if what == "accept":
            return Work(line, thing.accept(self.objects[words[1]]))
        if what == "send":
            return Work(line, thing.send(self.message(*words[1:])))
        return Work(line, getattr(self, what)(*words))

    async def start(self, line, name, words):
        times = int(line.options.get("times", 1))
        self.works[name] = [self.begin(line, words) for _ in range(times)]
        for work in self.works[name]:
            await work.under_way.wait()

    async def finish(self, line, name, status):
        works = self.works[name]
        _, late = await asyncio.wait([work.task for work in works],
                                     timeout=PATIENCE_S)
        if late:
            raise Wrong(f"{name} is not over")
        for work in works:
            work.compare(line, status)
        last = works[-1]
        since = max(last.begun, self.stopped)
        took = int((max(work.ended for work in works) - since) * 1000000)
        return last.status, last.phase, last.progress, took

    # Steps

    def create(self, line, kind, name):
        if kind == "call":
            self.objects[name] = wws.Call()
            return
        options = dict(OVER[self.over])
        options.update(line.numbers(
            "call_timeout_ms", "max_pending_calls", "max_close_timeout_ms",
            "max_message_size", "receive_timeout_ms", "close_timeout_ms"))
        if "timeout_abandons" in line.options:
            options["timeout_abandons"] = line.options[
                "timeout_abandons"] != "0"
        if kind != "channel":
            self.objects[name] = KINDS[kind](**options)
        elif "for" in line.options:
            self.objects[name] = wws.Channel.for_listener(
                self.objects[line.options["for"]], **options)
        else:
            self.objects[name] = wws.Channel(**options)

    def act(self, word, name, *words):
        thing = self.objects[name]
        if word == "state":
            state = thing.state.name.lower()
            if state != words[0]:
                raise Wrong(f"state {state}")
            return
        self.stopped, self.told = time.perf_counter(), False
        status = "WWS_S_OK"
        try:
            if word == "abandon":
                thing.abandon_call(int(words[0]))
                words = words[1:]
            elif getattr(thing, word.replace("-", "_"))() is False:
                status = "WWS_E_HANDLE"
        except wws.Error as error:
            status = status_of(error)
        if status != (words[0] if words else "WWS_S_OK"):
            raise Wrong(status)

    async def step(self, line):
        word, *words = line.words
        if word == "start":
            await self.start(line, words[0], words[1:])
        elif word == "await":
            result = await self.finish(line, *words)
            if self.stopped == 0 or not self.told:
                self.result = result
            self.told = True
        elif word == "do":
            await self.start(line, line.number, words)
            await self.finish(line, line.number, "WWS_S_OK")
        elif word == "idiom-cancel":
            self.stopped, self.told = time.perf_counter(), False
            for work in self.works[words[0]]:
                work.task.cancel()
        elif word in ("proxy", "channel", "listener", "call"):
            self.create(line, word, words[0])
        else:
            self.act(word, *words)

    async def clear(self):
        for thing in self.objects.values():
            thing.free()
        for works in self.works.values():
            for work in works:
                work.task.cancel()
            await asyncio.gather(*(work.task for work in works),
                                 return_exceptions=True)


def scenarios(path):
    """The heading and the steps of each."""
    found = []
    with open(path) as file:
        for number, text in enumerate(file, 1):
            if not text.split() or text.split()[0] == "#":
                continue
            line = Line(number, text)
            if line.words[0] == "scenario":
                found.append((line, []))
            else:
                found[-1][1].append(line)
    return found


async def carry_out(controls, over, heading, steps):
    """Whether it passed; says so."""
    name, number = heading.words[1], heading.number
    run = None
    try:
        url = await controls.call(f"{NAMESPACE}/Begin", body_of("Begin", over))
        run = Run(controls, over, text_in(url))
        for line in steps:
            number = line.number
            if line.words[0].endswith(":"):
                if line.words.pop(0) != over + ":":
                    continue
            await run.step(line)
    except Exception as error:
        print("FAILED", name, number, f"{type(error).__name__}: {error}",
              flush=True)
        return False
    finally:
        if run is not None:
            await run.clear()
    status, phase, progress, took = run.result or ("-", "-", "-", 0)
    print("ok", name, status, phase, progress, took, flush=True)
    return True


async def main(url, path, over, only=None):
    passed = failed = 0
    async with wws.ServiceProxy() as controls:
        await controls.open(url)
        for heading, steps in scenarios(path):
            if heading.options.get("over", over) != over \
                    or only not in (None, heading.words[1]):
                continue
            if "python" in heading.options.get("skip", "").split(","):
                print("skipped", heading.words[1], flush=True)
            elif await carry_out(controls, over, heading, steps):
                passed += 1
            else:
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
