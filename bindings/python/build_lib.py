"""Builds wws/_native, which links the library: the installed one that
pkg-config finds, or else, and if WWS_BUNDLED is 1, one that is built here and
becomes a part of it.
"""
import os
import pathlib
import subprocess
import tempfile

import cffi

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = tempfile.TemporaryDirectory(prefix="wws-")  # goes with the process

DECLARATIONS = """
void *malloc(size_t size);
void free(void *memory);
void wws_python_leave(void);
void wws_call_free_state(void *state);
extern "Python" void wws_python_free_state(void *state);
"""

# Threads of the library may outlive Python.
SOURCE = """
#include <stdlib.h>
#include <wws/wws.h>

static int wws_python_gone;

static void wws_python_leave(void)
{
    __atomic_store_n(&wws_python_gone, 1, __ATOMIC_SEQ_CST);
}

static int wws_python_is_gone(void)
{
    return __atomic_load_n(&wws_python_gone, __ATOMIC_SEQ_CST);
}

static void wws_python_free_state(void *state);

static void wws_call_free_state(void *state)
{
    if (!wws_python_is_gone())
        wws_python_free_state(state);
}

"""


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout.strip()


def pkg_config(option, package="wws"):
    return output_of("pkg-config", option, package).split()


def is_installed():
    try:
        pkg_config("--exists")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def installed():
    folder = output_of("pkg-config", "--variable=libdir", "wws")
    places = [] if folder.startswith(("/usr/lib", "/lib")) else [
        "-Wl,--enable-new-dtags", f"-Wl,-rpath,{folder}"]
    return {
        "extra_compile_args": pkg_config("--cflags"),
        "extra_link_args": pkg_config("--libs") + places + ["-Wl,-z,lazy"],
    }


def resolver():
    """c-ares, whole where there is an archive of it."""
    for folder in pkg_config("--variable=libdir", "libcares"):
        if os.path.exists(f"{folder}/libcares.a"):
            return [f"{folder}/libcares.a"]
    return pkg_config("--libs", "libcares")


def bundled():
    source = pathlib.Path(os.environ.get("WWS_SOURCE", HERE.parent.parent))
    build = os.environ.get("WWS_BUILD") or FOLDER.name
    subprocess.run(["cmake", "-S", source, "-B", build,
                    "-DCMAKE_BUILD_TYPE=Release"], check=True)
    subprocess.run(["cmake", "--build", build, "--target", "wws-static",
                    "--parallel"], check=True)
    return {
        "include_dirs": [str(source / "capi" / "include")],
        "extra_objects": [f"{build}/libwws.a"],
        "extra_link_args": resolver() + ["-pthread",
                                         "-Wl,--exclude-libs,ALL"],
    }


def made():
    builder = cffi.FFI()
    builder.cdef((HERE / "wws" / "_cdef.h").read_text() + DECLARATIONS)
    gates = (HERE / "wws" / "_callbacks.h").read_text()
    is_bundled = os.environ.get("WWS_BUNDLED") == "1" or not is_installed()
    builder.set_source("wws._native", SOURCE + gates,
                       **(bundled() if is_bundled else installed()))
    return builder


builder = made()

if __name__ == "__main__":
    builder.compile(verbose=True)
