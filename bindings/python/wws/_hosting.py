"""What handlers are given, and how they answer."""
import asyncio

from ._base import Failure, Object, Struct
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
