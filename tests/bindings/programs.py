"""Builds programs of one file, each against the binding of its language in a
tree and against the library that pkg-config finds.
"""
import os
import pathlib
import shutil
import subprocess
import sys


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **options)
    if done.returncode != 0:
        sys.exit("%s\n%s: %d" % (done.stdout, command, done.returncode))


class Programs:
    """The programs of one tree, in a folder to work in."""

    def __init__(self, tree, work):
        self.bindings = pathlib.Path(tree).resolve() / "bindings"
        self.work = pathlib.Path(work).resolve() / "programs"
        self.package = None

    def build(self, source):
        """The command that runs the program in this file."""
        source = pathlib.Path(source).resolve()
        builds = {".c": self.build_c, ".py": self.build_python,
                  ".go": self.build_go, ".rs": self.build_rust}
        folder = self.work / source.suffix[1:] / source.stem
        folder.mkdir(parents=True, exist_ok=True)
        return builds[source.suffix](source, folder)

    def build_c(self, source, folder):
        flags = subprocess.check_output(
            ["pkg-config", "--cflags", "--libs", "wws"], text=True).split()
        run(os.environ.get("CC", "cc"), "-Wall", "-Wextra", "-Werror", source,
            "-o", folder / "program", *flags, "-lpthread")
        return [folder / "program"]

    def build_python(self, source, folder):
        if self.package is None:
            self.package = folder.parent / "package"
            shutil.copytree(self.bindings / "python", self.package,
                            dirs_exist_ok=True)
            run(sys.executable, "build_lib.py", cwd=self.package)
        return ["env", "PYTHONPATH=%s" % self.package, sys.executable, source]

    def build_go(self, source, folder):
        shutil.copy(source, folder)
        (folder / "go.mod").write_text("""module program

go 1.19

require wws v0.0.0

replace wws => %s
""" % (self.bindings / "go"))
        run(os.environ.get("GO", "go"), "build", "-o", "program", cwd=folder,
            env=dict(os.environ, GOTOOLCHAIN="local", GOPROXY="off"))
        return [folder / "program"]

    def build_rust(self, source, folder):
        (folder / "Cargo.toml").write_text("""[package]
name = "program"
version = "0.0.0"
edition = "2021"

[[bin]]
name = "%s"
path = "%s"

[dependencies]
wws = { path = "%s" }

[workspace]
""" % (source.stem, source, self.bindings / "rust" / "wws"))
        target = folder.parent / "target"
        run(os.environ.get("CARGO", "cargo"), "build", "--offline", "--quiet",
            cwd=folder, env=dict(os.environ, CARGO_TARGET_DIR=str(target)))
        return [target / "debug" / source.stem]
