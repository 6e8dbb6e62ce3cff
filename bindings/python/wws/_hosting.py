"""The classes of the package that are written by hand, over generated ones."""
import asyncio
import logging

from . import errors as _errors
from . import operation as _operation
from . import types as _types
from ._serving import logger, report

__all__ = ["Fault", "Operation", "TimedOut", "log_to"]


class TimedOut(_errors.TimedOut, TimeoutError,
               status=_types.Status.E_OPERATION_TIMED_OUT):
    __doc__ = _errors.TimedOut.__doc__


class Fault(_types.Fault, Exception):
    __doc__ = _types.Fault.__doc__ + """
    A handler raises it to answer with it.
    """

    def __init__(self, reason, **named):
        _types.Fault.__init__(self, reason, **named)
        Exception.__init__(self, reason)


class Operation(_operation.Operation, kind="Operation"):
    __doc__ = _operation.Operation.__doc__

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
        self._end(_types.Status.S_OK)

    def _fail(self, error):
        """Answers with a fault: the one that was raised, or one of a fixed
        text.
        """
        status = _types.Status.E_OTHER
        if isinstance(error, _types.Fault):
            try:
                self.set_fault(error)
            except Exception:
                logger.exception("a fault cannot be sent")
        elif isinstance(error, asyncio.CancelledError):
            status = _types.Status.E_OPERATION_CANCELLED
        elif not isinstance(error, _errors.Handle):
            logger.error("a handler failed", exc_info=error)
        self._end(status)

    def _end(self, status):
        try:
            self.complete(status)
        except _errors.Handle:
            pass  # the handler has done it
        finally:
            self._forget()


_LEVELS = {_types.LogLevel.ERROR: logging.ERROR,
           _types.LogLevel.WARNING: logging.WARNING,
           _types.LogLevel.INFO: logging.INFO,
           _types.LogLevel.DEBUG: logging.DEBUG}


def log_to(logger):
    """A callback for Runtime.set_log() that writes to a logger of Python."""
    def line(level, phase, text):
        logger.log(_LEVELS.get(level, logging.ERROR), "%s: %s",
                   phase.name.lower(), text)
    return line
