"""Installs the package as a user would, into an environment made for it, and
runs tests with it from there.

Usage: install.py PYTHON WORK_DIR SOURCE_DIR installed|bundled MODULE...

Exits with 77 where that Python cannot have cffi.
"""
import os
import shutil
import subprocess
import sys

python, work, source, kind, *modules = sys.argv[1:]
binding = os.path.join(source, "bindings", "python")
copy = os.path.join(work, "package")
wheels = os.path.join(work, "wheels")
venv = os.path.join(work, "venv")
inside = os.path.join(venv, "bin", "python")


def run(*command, **named):
    subprocess.run(command, check=True, **named)


def has_builders(program):
    code = ("import cffi, setuptools, wheel; "
            "assert int(setuptools.__version__.split('.')[0]) >= 61")
    return subprocess.run([program, "-c", code],
                          stderr=subprocess.DEVNULL).returncode == 0


def make_environment():
    """With what builds the package: the system's, or fetched."""
    run(python, "-m", "venv", "--clear", "--system-site-packages", venv)
    if has_builders(inside):
        return
    fetched = subprocess.run(
        [inside, "-m", "pip", "install", "-q", "--retries", "1", "--timeout",
         "30", "cffi>=1.15", "setuptools>=61", "wheel"])
    if fetched.returncode != 0:
        print("skipped: no cffi for", python)
        sys.exit(77)


def make_wheel():
    """From a copy, for pip builds where the source is."""
    for folder in copy, wheels:
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(binding, copy,
                    ignore=shutil.ignore_patterns("__pycache__"))
    build = os.path.join(work, "library")
    run(inside, "-m", "pip", "wheel", "-q", "--no-build-isolation",
        "--no-deps", "--no-index", "-w", wheels, copy,
        env=dict(os.environ, WWS_SOURCE=source, WWS_BUILD=build,
                 WWS_BUNDLED="1" if kind == "bundled" else "0"))
    found, = os.listdir(wheels)
    return os.path.join(wheels, found)


os.makedirs(work, exist_ok=True)
make_environment()
run(inside, "-m", "pip", "install", "-q", "--no-deps", "--no-index",
    "--force-reinstall", make_wheel())

clean = {name: value for name, value in os.environ.items()
         if name not in ("LD_LIBRARY_PATH", "PYTHONPATH")}
clean["PYTHONDONTWRITEBYTECODE"] = "1"
if kind == "installed":
    clean["LD_LIBRARY_PATH"] = os.environ.get("LD_LIBRARY_PATH", "")
run(inside, "-m", "unittest", *modules, cwd=os.path.join(binding, "tests"),
    env=clean)
