"""How callbacks are called: those of a queue by whoever drains it, others on
threads of the library.
"""
import asyncio
import functools
import inspect
import logging
import os
import queue
import threading

from ._base import OK, Failure, ffi, free_state, lib, new_table
from ._waiting import background, home, serve_from

MOST_THREADS = 256
ABORTED, OTHER, OUTOFMEMORY = -2143485948, -2143485919, -2147024882

logger = logging.getLogger("wws")


def _is_interrupt(error):
    """Whether it is Ctrl-C, which is not for a callback to have."""
    return (isinstance(error, KeyboardInterrupt)
            and threading.current_thread() is threading.main_thread())


def report(function, *arguments):
    """Calls what must not fail."""
    try:
        function(*arguments)
    except BaseException as error:
        if _is_interrupt(error):
            raise
        logger.exception("a callback failed")


class _Workers:
    """Threads that handlers run on; they end with the process."""

    def __init__(self):
        self.jobs = queue.SimpleQueue()
        self.idle = threading.Semaphore(0)
        self.count = 0

    def run(self, *job):
        if self.idle.acquire(blocking=False) or self.count >= MOST_THREADS:
            self.jobs.put(job)
            return
        threading.Thread(target=self.work, args=job, daemon=True,
                         name=f"wws-{self.count}").start()
        self.count += 1

    def work(self, *job):
        while True:
            report(*job)
            job = None
            self.idle.release()
            job = self.jobs.get()


_workers = _Workers()
_tasks = {}  # and the operations that they answer


def _is_async(handler):
    return (inspect.iscoroutinefunction(handler)
            or inspect.iscoroutinefunction(getattr(handler, "__call__", None)))


def _serve_aside(handler, operation):
    try:
        _workers.run(_serve_here, handler, operation)
    except RuntimeError:  # there is no thread to be had
        operation._end(OUTOFMEMORY)


def _serve_here(handler, operation):
    """Runs a handler on a thread of its own."""
    try:
        reply = handler(operation)
        if inspect.isawaitable(reply):
            loop = background().loop
            loop.call_soon_threadsafe(_begin, loop, reply, operation)
            return
        operation._answer(reply)
    except BaseException as error:
        operation._fail(error)


async def _attend(reply):
    """Nothing that a handler raises ends the loop."""
    try:
        return await reply
    except (SystemExit, KeyboardInterrupt) as error:
        if _is_interrupt(error):
            raise
        raise RuntimeError("a handler wanted to exit") from error


def _begin(loop, reply, operation):
    """A task for a handler.  It may be cancelled before it has begun, so that
    only its end can answer.
    """
    task = loop.create_task(_attend(reply))
    _tasks[task] = operation
    task.add_done_callback(functools.partial(_conclude, operation, reply))
    if not task.done():
        report(operation.on_cancel, lambda reason: task.cancel())


def _conclude(operation, reply, task):
    if _tasks.pop(task, None) is None:
        return  # it is answered
    if asyncio.iscoroutine(reply):
        reply.close()  # it may not have begun
    try:
        operation._answer(task.result())
    except BaseException as error:
        operation._fail(error)


def leave(loop):
    """Answers what a loop that is closed does not answer any more."""
    for task, operation in list(_tasks.items()):
        if task.get_loop() is loop and _tasks.pop(task, None) is not None:
            report(operation._end, ABORTED)


def _serve_on(loop, handler, operation):
    try:
        reply = handler(operation)
    except (Exception, SystemExit) as error:
        operation._fail(error)
    else:
        _begin(loop, reply, operation)


def queued(name, callback, owner, arguments, answers):
    """A table whose only callback is served through a queue.  What answers is
    given an operation; a coroutine function runs on the loop that it was
    handed over on.
    """
    if callback is None:
        return ffi.NULL
    if not callable(callback):
        raise TypeError(f"must be callable, not {type(callback).__name__}")
    is_async = _is_async(callback)

    def serve(event, loop):
        if not answers:
            report(callback, *arguments(event))
        elif is_async:
            _serve_on(loop, callback, *arguments(event))
        else:
            _serve_aside(callback, *arguments(event))

    return serve_from(home(is_async or not answers), name, serve, owner)


# Tables that are called on threads of the library

@ffi.def_extern()
def wws_python_free_state(state):
    free_state(state)


def foreign(name, callbacks, **slots):
    """A table that is called as long as the library has its state."""
    if callbacks is None:
        return ffi.NULL
    members = {slot: ffi.addressof(lib, gate) for slot, gate in slots.items()
               if callable(callbacks if len(slots) == 1
                           else getattr(callbacks, slot, None))}
    if not members:
        raise TypeError(f"{type(callbacks).__name__} has nothing to be called")
    return new_table(name, {
        "state": ffi.new_handle(callbacks),
        "free_state": ffi.addressof(lib, "wws_call_free_state"),
        **members})


def tell(callback, *arguments):
    report(callback, *arguments)


def ask(callback, *arguments):
    """The status that a callback gives, or stands for."""
    try:
        status = callback(*arguments)
        return OK if status is None else int(status)
    except Failure as failed:
        return failed.status
    except BaseException as error:
        if _is_interrupt(error):
            raise
        logger.exception("a callback failed")
        return OTHER


def _begin_process():
    global _workers
    _workers = _Workers()
    _tasks.clear()


os.register_at_fork(after_in_child=_begin_process)
