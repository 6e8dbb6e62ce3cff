"""The installed library, as a foreign function interface sees it.

What there is - functions, structs, enums - is read from the declarations, so
that the tests meet whatever is added without being told.
"""
import collections
import os
import re

from cffi import FFI

with open(os.environ['WWS_CDEF'], encoding='utf-8') as cdef:
    DECLARATIONS = cdef.read()

ffi = FFI()
ffi.cdef(DECLARATIONS)
lib = ffi.dlopen(os.environ['WWS_LIB'])

Parameter = collections.namedtuple('Parameter', 'const type stars name')

LARGEST_STRUCT = 4096
REFUSED = '%s: null, empty, of a wrong size or an unknown value'


def _functions():
    prototypes = re.finditer(r'^[a-z][\w ]*\*?(wws_\w+)\(([^()]*)\);$',
                             DECLARATIONS, re.M)
    for name, parameters in (match.groups() for match in prototypes):
        found = re.findall(r'(const )?(\w+) (\**)(\w+)', parameters)
        yield name, [Parameter(*parts) for parts in found]


def _structs():
    bodies = re.finditer(r'^typedef struct (wws_\w+) \{\n(.*?)^\} \1;$',
                         DECLARATIONS, re.M | re.S)
    for name, body in (match.groups() for match in bodies):
        members = re.findall(r'^    (const )?(\w+) (\**)(\w+);$', body, re.M)
        yield name, [Parameter(*parts) for parts in members]


def _enums():
    bodies = re.finditer(r'^typedef uint32_t (wws_\w+);\nenum \{(.*?)^\};$',
                         DECLARATIONS, re.M | re.S)
    for name, body in (match.groups() for match in bodies):
        yield name, [int(value) for value in re.findall(r'= (\d+)', body)]


FUNCTIONS = {name: parameters for name, parameters in _functions()
             if parameters and name not in ('wws_status_name',
                                            'wws_buffer_release')}
STRUCTS = dict(_structs())
ENUMS = dict(_enums())
STATUSES = {name: int(value) for name, value in
            re.findall(r'^    (WWS_[SE]_\w+) = (-?\d+)', DECLARATIONS, re.M)}
HANDLES = [name for name, members in STRUCTS.items()
           if [member.name for member in members] == ['id']]
VERSIONED = [name for name, members in STRUCTS.items()
             if members and members[0].name == 'struct_size']


def text(octets):
    """A wws_string or wws_bytes, and what keeps it alive."""
    data = ffi.new('char[]', octets)
    return {'data': data, 'size': len(octets)}, data


def read(string):
    return bytes(ffi.buffer(string.data, string.size)).decode()


def new(name, **members):
    """A versioned struct with nothing in it but these members."""
    struct = ffi.new(name + ' *', members)
    struct.struct_size = ffi.sizeof(name)
    struct.version = lib.wws_version()
    return struct


class Failure(Exception):
    def __init__(self, status):
        super().__init__(ffi.string(lib.wws_status_name(status)).decode())
        self.status = status


def check(status):
    if status < 0:
        raise Failure(status)
    return status


def create(name, *arguments):
    """A handle from a function wws_..._create."""
    handle = ffi.new(name + ' *')
    check(getattr(lib, name + '_create')(*arguments, handle,
                                         *no_error(name)))
    return handle[0]


def copy(handle):
    """A handle that does not live in the struct it was read from."""
    return ffi.new(ffi.typeof(handle).cname + ' *', handle)[0]


def no_error(name):
    return () if name == 'wws_error' else ({'id': 0},)


def free(handle, name):
    return getattr(lib, name + '_free')(handle)


def strings(error):
    """What an error object says, the outermost first."""
    info = new('wws_error_info')
    check(lib.wws_error_get_info(error, info))
    found = []
    for index in range(info.string_count):
        string = ffi.new('wws_string *')
        check(lib.wws_error_get_string(error, index, string))
        found.append(read(string))
    return found


def counter(name, runtime=None):
    value = ffi.new('uint64_t *')
    check(lib.wws_runtime_get_counter(runtime or {'id': 0},
                                      getattr(lib, 'WWS_COUNTER_' + name),
                                      value, {'id': 0}))
    return value[0]
