import logging
from typing import Callable

import wws
from . import errors

class TimedOut(errors.TimedOut, TimeoutError): ...

def log_to(
    logger: logging.Logger
) -> Callable[[wws.LogLevel, wws.Phase, str], None]: ...
