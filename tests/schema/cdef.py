"""What is expected for foreign function interfaces parses, and lays out
memory as the header does: a compiled library tells its sizes."""
import os
import subprocess
import sys

import cffi

compiler, base, work_dir = sys.argv[1:]
here = os.path.dirname(os.path.abspath(__file__))
header = os.path.join(here, "expected", "header", "capi", "include")
structs = ["wws_string", "wws_bytes", "wws_buffer", "wws_channel",
           "wws_completion", "wws_protection", "wws_inspector",
           "wws_channel_options", "wws_error_info", "wws_event"]
values = {"WWS_E_OPERATION_ABORTED": -2143485948, "WWS_S_OK": 0,
          "WWS_DIRECTION_BOTH": 3}

ffi = cffi.FFI()
with open(os.path.join(here, "expected", "cdef", "capi", "wws.cdef")) as file:
    ffi.cdef(file.read())
ffi.cdef("".join(f"extern size_t size_of_{name};" for name in structs))

os.makedirs(work_dir, exist_ok=True)
source = os.path.join(work_dir, "sizes.c")
library = os.path.join(work_dir, "sizes.so")
with open(source, "w") as file:
    file.write('#include "wws/wws.h"\n')
    file.writelines(f"extern const size_t size_of_{name};\n"
                    f"const size_t size_of_{name} = sizeof({name});\n"
                    for name in structs)
subprocess.run([compiler, "-shared", "-fPIC", "-I", header, "-I", base,
                "-o", library, source], check=True)

sizes = ffi.dlopen(library)
for name in structs:
    assert ffi.sizeof(name) == getattr(sizes, f"size_of_{name}"), name
for name, number in values.items():
    assert getattr(sizes, name) == number, name
