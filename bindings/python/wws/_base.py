"""What the generated modules stand on: the library, values on their way in and
out, failures, and objects.
"""
import importlib
import os
import sys
import threading
import weakref
from enum import IntEnum


def _is_main_interpreter():
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return module.get_current() == module.get_main()
    return True


def _load():
    """Loads lazily, so that a library which is too old can say so instead of
    lacking a symbol.
    """
    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_LAZY)
    try:
        return importlib.import_module("._native", __package__)
    finally:
        sys.setdlopenflags(flags)


if not _is_main_interpreter():
    raise ImportError("wws cannot be used in a sub-interpreter: what calls "
                      "Python from the library belongs to the main one")
_native = _load()
ffi, lib = _native.ffi, _native.lib

OK, ASYNC, END = 0, 3997696, 3997697
INFINITE = 0xFFFFFFFF
NONE = (0,)  # as a handle
_version = 0


def require(version):
    """Fails unless the library implements that version of its interface."""
    global _version
    found = lib.wws_version()
    if found < version:
        raise ImportError(
            f"the library libwws implements version {found} of its interface, "
            f"but this package was made for version {version}")
    _version = version


# Values on their way in.  What they point at lives as long as they do.

_kept = weakref.WeakKeyDictionary()
_structs = {}


def text_in(text):
    if not isinstance(text, str):
        raise TypeError(f"must be str, not {type(text).__name__}")
    octets = text.encode()
    return ffi.from_buffer(octets), len(octets)


def octets_in(octets):
    """What can be written to is copied: a call must not lock it."""
    if type(octets) is not bytes:
        octets = memoryview(octets).tobytes()
    view = ffi.from_buffer(octets)
    return view, len(view)


def buffer_in(octets):
    """Octets that go into the possession of the library."""
    view = ffi.from_buffer(octets)
    owner = lib.malloc(len(view) or 1)
    if owner == ffi.NULL:
        raise MemoryError
    ffi.memmove(owner, view, len(view))
    return ffi.new("wws_buffer *", {
        "data": owner, "size": len(view), "owner": owner,
        "release": ffi.addressof(lib, "free")})


def pointer_in(number):
    return ffi.cast("void *", number)


def handle_in(thing, kind):
    if getattr(thing, "_kind", None) != kind:
        raise TypeError(f"must be a wws.{kind}, not {type(thing).__name__}")
    return thing._handle


def handle_or_none(thing, kind):
    return NONE if thing is None else handle_in(thing, kind)


def struct_in(value, kind):
    if value is None:
        return ffi.NULL
    if getattr(value, "_kind", None) != kind:
        raise TypeError(f"must be a wws.{kind}, not {type(value).__name__}")
    return value._lower()


def array_in(name, items):
    items = list(items)
    array = ffi.new(f"{name}[]", items)
    _kept[array] = items
    return array, len(items)


def texts_in(texts):
    return array_in("wws_string", [text_in(text) for text in texts])


def array_members(name, array):
    return {name: array[0], f"{name}_count": array[1]}


def _versioned(name):
    found = _structs.get(name)
    if found is None:
        found = ffi.typeof(f"{name} *"), ffi.sizeof(name)
        _structs[name] = found
    return found


def new_struct(name, members):
    kind, size = _versioned(name)
    made = ffi.new(kind, members)
    made.struct_size = size
    made.version = _version
    _kept[made] = members
    return made


# Of the tables that the library has, by their addresses.
states = {}
_new_tables = weakref.WeakSet()  # that no function has been given


def new_table(name, members):
    made = new_struct(name, members)
    _new_tables.add(made)
    return made


def _tables_in(arguments):
    for argument in arguments:
        inner = (_kept.get(argument, ()) if isinstance(argument, ffi.CData)
                 else ())
        if isinstance(inner, dict):
            if "free_state" in inner:
                yield argument
            inner = inner.values()
        yield from _tables_in(inner)


def give_tables(arguments):
    """A function is about to be called that may take them."""
    if not _new_tables:
        return
    for table in _tables_in(arguments):
        _new_tables.discard(table)
        states[pointer_out(table.state)] = _kept[table]["state"]


def take_back(arguments):
    """A function that fails has not taken the tables it was given."""
    for table in _tables_in(arguments):
        free_state(table.state)


def free_state(state):
    states.pop(pointer_out(state), None)


# Values on their way out: always copies.

def new_record(name):
    kind, size = _versioned(name)
    made = ffi.new(kind)
    made.struct_size = size
    made.version = _version
    return made


def new_records(name, count):
    made = ffi.new(f"{name}[]", max(count, 1))
    made[0].struct_size = ffi.sizeof(name)
    made[0].version = _version
    return made


def octets_out(view):
    return ffi.buffer(view.data, view.size)[:] if view.size else b""


def text_out(view):
    return octets_out(view).decode("utf-8", "replace")


def texts_out(texts, count):
    return [text_out(texts[index]) for index in range(count)]


def take_octets(buffer):
    octets = octets_out(buffer)
    lib.wws_buffer_release(buffer)
    return octets


def take_text(buffer):
    return take_octets(buffer).decode("utf-8", "replace")


def c_text(text):
    return ffi.string(text).decode()


def pointer_out(pointer):
    return int(ffi.cast("uintptr_t", pointer))


class Enumeration(IntEnum):
    """Has a member for every number: a library that is newer than this package
    may give values that this package has no name for.
    """

    @classmethod
    def _missing_(cls, value):
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return cls._value2member_map_.setdefault(value, member)


class Record:
    """Something that the library told."""

    def __init__(self, **members):
        self.__dict__.update(members)

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None

    def __repr__(self):
        members = ", ".join(f"{name}={value!r}"
                            for name, value in vars(self).items())
        return f"{type(self).__name__}({members})"


class Struct:
    """A value that the library is given."""

    def __init_subclass__(cls, kind=None, **named):
        super().__init_subclass__(**named)
        if kind is not None:
            cls._kind = kind


# Failures

_failures = {}


class Failure(Exception):
    """The root of all exceptions of this package.  The last class that names
    a status, or none, is the one that is raised.
    """

    status = None
    strings = ()
    fault = None

    def __init_subclass__(cls, status=None, **named):
        super().__init_subclass__(**named)
        if status is not None:
            cls.status = status
        _failures[status] = cls


class _Error:
    """What takes the words of a failure; used for one call at a time."""

    __slots__ = ("handle",)

    def __init__(self):
        handle = ffi.new("wws_error *")
        lib.wws_error_create(handle)
        self.handle = handle[0]

    def __del__(self):
        if not sys.is_finalizing():
            lib.wws_error_free(self.handle)

    def strings(self, count):
        text = ffi.new("wws_string *")
        for index in range(count):
            if lib.wws_error_get_string(self.handle, index, text) == OK:
                yield text_out(text)


_errors = []


os.register_at_fork(after_in_child=_errors.clear)  # they are the parent's


def take_error():
    try:
        return _errors.pop()
    except IndexError:
        return _Error()


def give_error(error):
    _errors.append(error)


def _read(error, info, failed):
    from .types import FaultInfo

    if lib.wws_error_get_info(error.handle, info) == OK:
        failed.strings = tuple(error.strings(info.string_count))
    fault = new_record("wws_fault_info")
    if lib.wws_error_get_fault(error.handle, fault) == OK:
        failed.fault = FaultInfo._of(fault)
    lib.wws_error_reset(error.handle)


def _words(failed):
    words = ": ".join((failed.status.name,) + failed.strings)
    if failed.fault is not None and failed.fault.reason:
        words += f": {failed.fault.reason}"
    if failed.phase:
        words += f" ({failed.phase.name}, {failed.progress.name})".lower()
    return words


def failure(status, error=None):
    """The exception for a status, with what the error object knows of it,
    which is empty afterwards.
    """
    from .types import ErrorInfo, Status

    failed = _failures.get(status, _failures[None])()
    info = new_record("wws_error_info")
    if error is not None:
        _read(error, info, failed)
    failed.__dict__.update(vars(ErrorInfo._of(info)), status=Status(status))
    failed.args = (_words(failed),)
    return failed


def invoke(function, *arguments):
    error = take_error()
    give_tables(arguments)
    try:
        status = function(*arguments, error.handle)
    except Exception:  # an argument was no good
        take_back(arguments)
        raise
    if status < 0:
        take_back(arguments)
        failed = failure(status, error)
        give_error(error)
        raise failed
    give_error(error)
    return status


def reach(function, handle):
    """Stops something; whether it was still there to be stopped."""
    status = function(handle)
    if status == OK:
        return True
    failed = failure(status)
    if isinstance(failed, _failures[_status("E_HANDLE")]):
        return False
    raise failed


def _status(name):
    from .types import Status

    return Status[name]


# Objects

_classes = {}
_forks = 0


def _count_fork():
    global _forks
    _forks += 1


os.register_at_fork(after_in_child=_count_fork)


class Object:
    """Something behind a handle of the library."""

    _kind = None
    _handle = None
    _owner = None    # whom it is lent by
    _is_lent = False

    def __init_subclass__(cls, kind=None, **named):
        super().__init_subclass__(**named)
        if kind is not None:
            cls._kind = kind
            _classes[kind] = cls

    def __new__(cls, *arguments, **named):
        self = super().__new__(cls)
        self._lock, self._born = threading.RLock(), _forks
        self._tables = []
        return self

    def __reduce_ex__(self, protocol):
        raise TypeError(f"a {type(self).__name__} cannot be copied")

    @property
    def _guard(self):
        if self._born != _forks:  # who held it is not in this process
            self._lock, self._born = threading.RLock(), _forks
        return self._lock

    @classmethod
    def _own(cls, handle):
        self = cls.__new__(cls)
        self._handle = handle
        return self

    def _forget(self):
        """What was served for this object is served no more."""
        while self._tables:
            served, number = self._tables.pop()
            served.pop(number, None)


def owned(handle, kind):
    return _classes[kind]._own(ffi.new(f"wws_{_snake(kind)} *", handle)[0])


def lent(handle, kind, owner):
    """An object that lives no longer than its owner, and is looked at under
    the guard of that.
    """
    if handle.id == 0:
        return None
    found = owned(handle, kind)
    found._is_lent = True
    if owner is not None:
        found._owner = owner
        found._lock = owner._guard
    return found


def default(cls):
    found = cls._own(NONE)
    found._is_lent = True
    return found


def _snake(name):
    return "".join("_" + c.lower() if c.isupper() and i else c.lower()
                   for i, c in enumerate(name))


class Owned(Object):
    """An object that is given back: by free(), by leaving its with statement,
    or by being collected.  Leaving the statement closes it in order, if it can
    be closed; leaving it by an exception aborts it.
    """

    _is_freed = False

    def _give_back(self, function):
        with self._guard:
            if self._is_freed or self._is_lent or self._handle is None:
                return
            self._is_freed = True
            function(self._handle)
        self._forget()

    def __del__(self):
        if not sys.is_finalizing():
            self.free()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self._is_to_be_closed(kind):
                self.close_sync()
        except _failures[_status("E_INVALID_OPERATION")]:
            pass  # closed already
        finally:
            self.free()

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, value, trace):
        try:
            if self._is_to_be_closed(kind):
                await self.close()
        except _failures[_status("E_INVALID_OPERATION")]:
            pass  # closed already
        finally:
            self.free()

    def _is_to_be_closed(self, kind):
        if kind is not None and hasattr(self, "abort"):
            self.abort()
        return (kind is None and not self._is_freed
                and hasattr(self, "close_sync"))
