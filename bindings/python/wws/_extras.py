"""What the package has besides what is generated."""
import logging

from . import errors, types

__all__ = ["TimedOut", "log_to"]


class TimedOut(errors.TimedOut, TimeoutError,
               status=types.Status.E_OPERATION_TIMED_OUT):
    __doc__ = errors.TimedOut.__doc__


def log_to(logger):
    """A callback for Runtime.set_log() that writes to a logger of Python."""
    def line(level, phase, text):
        logger.log(getattr(logging, level.name, logging.ERROR), "%s: %s",
                   phase.name.lower(), text)
    return line
