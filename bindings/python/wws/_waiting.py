"""How calls are waited for.

A call that waits is always begun asynchronously.  A *mailbox* is a queue of
the library with the *entries* of the calls that it will tell of: one mailbox
for each event loop, and a few that blocking calls take turns with.  Whatever
the library may still write to belongs to an entry, and an entry in use to its
mailbox, until the event has come - whatever became of the caller.  So nothing
depends on the stack of a task or on the collector.
"""
import asyncio
import atexit
import contextlib
import functools
import inspect
import itertools
import math
import os
import select
import signal
import socket
import threading
import time

from ._base import (ASYNC, END, NONE, failure, ffi, give_tables, invoke, lib,
                    new_records, new_struct, take_back, take_error)

GRACE_S = 0.05    # how long the end of a cancelled call is waited for
LONGEST_S = 3600  # that is slept at once
ROOM = 64         # events fetched at once

ABORTED, CANCELLED, TIMED_OUT = -2143485948, -1606615039, -2143485946
COMPLETED, OPERATION = 0, 1  # kinds of events


class Pending:
    """A call that can be begun: with what, what stops it, what comes of it."""

    __slots__ = ("function", "arguments", "cancel", "result", "end")

    def __init__(self, function, *arguments, cancel, result=None, end=None):
        self.function = function
        self.arguments = arguments
        self.cancel = cancel
        self.result = result
        self.end = end

    def value(self, status):
        if status == END:
            return self.end
        return None if self.result is None else self.result()

    async def finish(self, deadline):
        box = _box_of(asyncio.get_running_loop())
        until = None if deadline is None else float(deadline)
        entry = box.begin(self)
        if not entry.done:
            await _hear(box, entry, until)
        return box.conclude(entry)

    def finish_sync(self, deadline):
        until = None if deadline is None else float(deadline)
        box = _take_box()
        try:
            entry = box.begin(self)
            if not entry.done:
                _await(box, entry, until)
            return box.conclude(entry)
        except BaseException:
            box.give_up(self)
            raise
        finally:
            _give_box(box)


class Entry:
    """A call under way.  It is used again for others afterwards."""

    __slots__ = ("completion", "error", "pending", "future", "status", "done",
                 "expired", "dropped")

    def __init__(self, queue, number):
        self.completion = new_struct("wws_completion", {
            "queue": queue, "state": ffi.cast("void *", number)})
        self.error = take_error()
        self.pending = None

    def start(self, pending):
        self.pending = pending
        self.future = None
        self.status = ASYNC
        self.done = self.expired = self.dropped = False

    def finish(self, status):
        self.status = status
        self.done = True
        wake(self.future)


def wake(future):
    if future is not None and not future.done():
        future.set_result(None)


class Mailbox:
    """Used by the thread of its loop, or by one blocking call at a time."""

    def __init__(self, loop=None):
        queue = ffi.new("wws_queue *")
        fd = ffi.new("int32_t *")
        invoke(lib.wws_queue_create, NONE, queue)
        invoke(lib.wws_queue_get_fd, queue[0], fd)
        self.queue = queue[0]
        self.loop = loop
        self.lock = threading.Lock()
        self.events = new_records("wws_event", ROOM)
        self.count = ffi.new("uint32_t *")
        self.at = 0  # the next of them
        self.entries = []
        self.idle = []
        self.served = {}
        self.is_over = False  # nobody is to be told any more
        self.poll = select.poll()
        self.poll.register(fd[0], select.POLLIN)
        if loop is not None:
            loop.add_reader(fd[0], self.drain)
        _boxes.add(self)

    def close(self):
        self.loop = None
        _boxes.discard(self)
        lib.wws_queue_free(self.queue)

    @property
    def is_busy(self):
        return len(self.idle) < len(self.entries)

    def take(self):
        if self.idle:
            return self.idle.pop()
        entry = Entry(self.queue, len(self.entries))
        self.entries.append(entry)
        return entry

    def begin(self, pending):
        entry = self.take()
        entry.start(pending)
        give_tables(pending.arguments)
        try:
            status = pending.function(*pending.arguments, entry.completion,
                                      entry.error.handle)
        except Exception:
            self.put(entry)  # an argument was no good
            take_back(pending.arguments)
            raise
        except BaseException:
            entry.dropped = True  # it may have begun
            pending.cancel()
            raise
        if status < 0:
            take_back(pending.arguments)
        if status != ASYNC:
            entry.finish(status)
        return entry

    def conclude(self, entry):
        """What came of a call, or TimedOut in place of what its canceller
        leads to.
        """
        status, pending = entry.status, entry.pending
        if entry.expired and status in (ASYNC, CANCELLED, ABORTED):
            status = TIMED_OUT
        if not entry.done:
            entry.dropped = True
            raise failure(status)
        try:
            if status < 0:
                raise failure(status, entry.error)
            return pending.value(status)
        finally:
            self.put(entry)

    def drop(self, entry):
        """Nobody wants to know what came, or comes, of it."""
        if self.is_over:
            return
        entry.future = None
        entry.dropped = True
        if entry.done:
            self.discard(entry)

    def give_up(self, pending):
        """Stops a call that an exception may have left under way anywhere."""
        for entry in self.entries:
            if entry.pending is pending and not entry.dropped:
                try:
                    self.stop(entry)
                finally:
                    self.drop(entry)

    def discard(self, entry):
        try:
            if entry.status >= 0:
                entry.pending.value(entry.status)
            else:
                lib.wws_error_reset(entry.error.handle)
        finally:
            self.put(entry)

    def put(self, entry):
        entry.pending = entry.future = None
        self.idle.append(entry)

    def stop(self, entry):
        """Cancels unless it is over: what comes next must not be hit."""
        self.drain()
        if not entry.done:
            entry.pending.cancel()
            self.drain()

    def drain(self):
        """Tells what has come.  Nothing is lost if a signal interrupts it."""
        while True:
            with self.lock:
                if self.at == self.count[0]:
                    self.at = self.count[0] = 0
                    lib.wws_queue_next(self.queue, ROOM, self.events,
                                       self.count, NONE)
                if self.at == self.count[0]:
                    return
                event = self.read(self.events[self.at])
                self.at += 1
                is_last = self.at == self.count[0] < ROOM
            self.tell(*event)
            if is_last:
                return

    def read(self, event):
        """The event, which must then be told.  A signal may come in between:
        so an entry knows from here on that it is done.
        """
        number = int(ffi.cast("uintptr_t", event.state))
        if event.kind == COMPLETED:
            if event.status < 0 and event.error.id != 0:
                lib.wws_error_free(event.error)
            entry = self.entries[number]
            entry.status, entry.done = event.status, True
            return number, event.status, None
        return number, 0, ffi.new("wws_event *", event)

    def tell(self, number, status, event):
        if event is not None:
            self.serve(number, event)
            return
        entry = self.entries[number]
        if entry.pending is None:
            return  # it was dropped in between
        if self.is_over:
            entry.future = None
            entry.dropped = True
        entry.finish(status)
        if entry.dropped:
            self.discard(entry)

    def serve(self, number, event):
        served = self.served.get(number)
        if served is not None and not self.is_over:
            served(event, self.loop)
        elif event.kind == OPERATION:
            lib.wws_operation_complete(event.operation, ABORTED, NONE)


_boxes = set()   # all
_loops = {}      # those of event loops
_spare = []      # those that blocking calls take
_left = []       # those whose callers have gone
_sweeping = threading.Lock()


def _box_of(loop):
    box = _loops.get(loop)
    if box is None:
        _leave_closed()
        box = _loops[loop] = Mailbox(loop)
        _sweep()
    return box


def _leave_closed():
    for other in list(_loops):
        if other.is_closed():
            _leave(_loops.pop(other, None))


def _take_box():
    _leave_closed()
    if _left:
        _sweep()
    try:
        return _spare.pop()
    except IndexError:
        return Mailbox()


def _give_box(box):
    (_left if box.is_busy else _spare).append(box)


def _leave(box):
    if box is not None:  # or another thread was first
        from ._serving import leave

        loop = box.loop
        box.is_over = True
        _left.append(box)
        leave(loop)


def _sweep():
    """Looks whether what nobody waits for any more has come."""
    if not _sweeping.acquire(blocking=False):
        return
    try:
        for box in list(_left):
            box.drain()
            if box.is_busy:
                continue
            _left.remove(box)
            if box.is_over:
                box.close()
            else:
                _spare.append(box)
    finally:
        _sweeping.release()


async def _hear(box, entry, until):
    """Waits on the loop.  A cancelled task stops the call itself, and gives
    back control when that has ended.
    """
    loop = box.loop
    timers = []

    def expire():
        if not entry.done:
            entry.expired = True
            timers.append(loop.call_later(GRACE_S, wake, entry.future))
            box.stop(entry)

    entry.future = loop.create_future()
    if until is not None:
        timers.append(loop.call_later(until - time.monotonic(), expire))
    try:
        await entry.future
    except asyncio.CancelledError:
        box.stop(entry)
        try:
            if not entry.done:
                entry.future = loop.create_future()
                timers.append(loop.call_later(GRACE_S, wake, entry.future))
                await entry.future
        finally:
            box.drop(entry)
        raise
    except BaseException:
        # The task is being destroyed: its loop may be gone.
        if not entry.done:
            entry.pending.cancel()
        box.drop(entry)
        raise
    finally:
        for timer in timers:
            timer.cancel()


class Bell:
    """Ends a wait of the thread that handles signals when one has come - even
    just before it began, when the interpreter had looked for signals already.
    """

    def __init__(self):
        self.heard, self.rung = socket.socketpair()
        self.heard.setblocking(False)
        self.rung.setblocking(False)

    @contextlib.contextmanager
    def hung(self, poll):
        """Yields what is to be called after each wait."""
        try:
            before = signal.set_wakeup_fd(self.rung.fileno(),
                                          warn_on_full_buffer=False)
        except ValueError:
            yield lambda: None  # another thread handles signals
            return
        try:
            poll.register(self.heard, select.POLLIN)
            yield lambda: self.pass_on(before)
        finally:
            signal.set_wakeup_fd(before)
            with contextlib.suppress(KeyError):  # interrupted above
                poll.unregister(self.heard)
            self.pass_on(before)

    def pass_on(self, before):
        """Tells of the signals whoever would have been told."""
        with contextlib.suppress(OSError):
            signals = self.heard.recv(ROOM)
            if before not in (-1, self.rung.fileno()):
                os.write(before, signals)


_bell = Bell()


def _listen(box, entry, until):
    """Waits for the event, at most until then.  Signals are handled here."""
    with _bell.hung(box.poll) as pass_on:
        while not entry.done:
            left = LONGEST_S
            if until is not None:
                left = min(left, until - time.monotonic())
                if left <= 0:
                    box.drain()
                    return
            box.poll.poll(math.ceil(left * 1000))
            pass_on()
            box.drain()


def _await(box, entry, until):
    """Waits on the thread."""
    try:
        _listen(box, entry, until)
        if not entry.done:
            entry.expired = True
            box.stop(entry)
            _listen(box, entry, time.monotonic() + GRACE_S)
    except BaseException:
        try:
            box.stop(entry)
            _listen(box, entry, time.monotonic() + GRACE_S)
        finally:
            box.drop(entry)
        raise


def twins(begin):
    """The two ways to make a call: awaited, and blocking."""
    signature = inspect.signature(begin)
    deadline = inspect.Parameter("deadline", inspect.Parameter.KEYWORD_ONLY,
                                 default=None)
    signature = signature.replace(
        parameters=[*signature.parameters.values(), deadline])

    async def awaited(self, *arguments, deadline=None, **named):
        return await begin(self, *arguments, **named).finish(deadline)

    def blocking(self, *arguments, deadline=None, **named):
        return begin(self, *arguments, **named).finish_sync(deadline)

    for twin, ending in (awaited, ""), (blocking, "_sync"):
        functools.update_wrapper(twin, begin)
        twin.__name__ = begin.__name__[1:] + ending
        twin.__qualname__ = begin.__qualname__.replace("._", ".") + ending
        twin.__signature__ = signature
        del twin.__wrapped__
    blocking.__doc__ = (f"{awaited.__name__}(), and blocks.\n\n"
                        f"{inspect.cleandoc(begin.__doc__)}")
    return awaited, blocking


# Where callbacks of tables run that have no thread of their own

_numbers = itertools.count(1)
_background = None
_beginning = threading.Lock()


def _begin_background():
    loop = asyncio.new_event_loop()
    box = _box_of(loop)
    threading.Thread(target=loop.run_forever, name="wws", daemon=True).start()
    return box


def background():
    """The mailbox of a loop on a thread of its own."""
    global _background
    with _beginning:
        if _background is None:
            _background = _begin_background()
        return _background


def home(wants_loop):
    """The mailbox of the loop that runs here, if it is wanted."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    return _box_of(loop) if wants_loop and loop is not None else background()


def serve_from(box, name, serve, owner):
    """A table that names the queue of a mailbox; serve(event, loop) is called
    for each event.
    """
    number = next(_numbers)
    box.served[number] = serve
    if owner is not None:
        owner._tables.append((box.served, number))
    return new_struct(name, {"queue": box.queue,
                             "state": ffi.cast("void *", number)})


# The ends of a process and the beginnings of others

def _make_immortal(thing):
    """The library may write to it when the interpreter is gone."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _leave_process():
    lib.wws_python_leave()
    for box in list(_boxes):
        _make_immortal(box)


def _begin_process():
    """A child has none of the threads and queues of its parent."""
    global _background, _bell, _sweeping, _beginning
    _bell = Bell()
    _boxes.clear()
    _loops.clear()
    _spare.clear()
    _left.clear()
    _background = None
    _sweeping = threading.Lock()
    _beginning = threading.Lock()


atexit.register(_leave_process)
os.register_at_fork(after_in_child=_begin_process)
