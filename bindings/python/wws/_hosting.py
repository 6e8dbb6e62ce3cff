"""What handlers are given, and how they answer."""
import asyncio
import contextlib
import sys

from . import _base
from ._base import ASYNC, Failure, Object, Struct
from ._serving import logger, report

DONE = 0
CANCELLED, OTHER, STALE = -1606615039, -2143485919, -2147024890


class Raised(Struct, Exception):
    """What a handler can raise to answer with it."""

    def __init_subclass__(cls, **named):
        super().__init_subclass__(**named)
        plain = cls.__init__

        def __init__(self, *arguments, **named):
            plain(self, *arguments, **named)
            Exception.__init__(self, *arguments)

        if "__init__" in vars(cls):
            __init__.__wrapped__ = plain
            cls.__init__ = __init__


class Served(Object):
    """Something that a handler is given, and that it answers."""

    _reason = None
    _asks = False

    def __new__(cls, *arguments, **named):
        self = super().__new__(cls, *arguments, **named)
        self._told = []
        return self

    @property
    def action(self):
        """The action of the request."""
        return self.info.action

    @property
    def cancelled(self):
        """Whether nobody wants the answer any more."""
        return self._reason is not None or self.info.cancelled

    def on_cancel(self, tell):
        """Calls tell(reason) when nobody wants the answer any more; at once if
        that is known already.  It is called on the loop that this was called
        on, or else on a thread of this package, and must not block.
        """
        with self._guard:
            if self._reason is None:
                self._told.append(tell)
                if not self._asks:
                    self.register_for_cancel(self._cancel)
                    self._asks = True
                return
        tell(self._reason)

    def _cancel(self, reason):
        with self._guard:
            self._reason = reason
            told, self._told = self._told, []
        for tell in told:
            report(tell, reason)

    def _answer(self, reply):
        if reply is not None:
            self.set_reply(reply)
        self._end(DONE)

    def _fail(self, error):
        """Answers with a fault: the one that was raised, or one of a fixed
        text.
        """
        status = OTHER
        if isinstance(error, Raised):
            try:
                self.set_fault(error)
            except Exception:
                logger.exception("a fault cannot be sent")
        elif isinstance(error, asyncio.CancelledError):
            status = CANCELLED
        elif not (isinstance(error, Failure) and error.status == STALE):
            logger.error("a handler failed", exc_info=error)
        self._end(status)

    def _end(self, status):
        try:
            self.complete(status)
        except Failure as failed:
            if failed.status != STALE:
                raise
            # The handler has done it.
        finally:
            self._told.clear()
            self._forget()


class Handed(Object):
    """Something that whoever is given it completes, once: by what a callback
    returns or raises, or later.  What nobody has any more has failed.
    """

    _over = False

    def _end(self, status, reason=""):
        self._over = True
        if reason:
            with contextlib.suppress(Failure):  # what it says is no text
                self.give_reason(reason.encode("utf-8", "replace").decode())
        try:
            self.complete(status)
        except Failure as failed:
            if failed.status != STALE:
                raise
            # The callback has done it.

    def _fail(self, error):
        """Fails as the exception says."""
        logger.debug("a callback failed", exc_info=error)
        status = error.status if isinstance(error, Failure) else None
        try:
            reason = str(error)
        except Exception:
            reason = ""
        self._end(OTHER if status is None else status,
                  reason or type(error).__name__)

    def __del__(self):
        if (self._over or self._handle is None or sys.is_finalizing()
                or self._born != _base._forks):
            return
        report(self._end, OTHER, "it was let go of")


def hand(callback, given, *arguments):
    """Gives something to a callback, which completes it unless it wants to do
    so later.
    """
    try:
        status = callback(given, *arguments)
        if status != ASYNC:
            given._end(DONE if status is None else int(status))
    except BaseException as error:
        report(given._fail, error)
    return ASYNC
