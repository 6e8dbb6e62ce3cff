"""Breaks guarantees on purpose, and sees that a test fails each time.

Usage: mutate.py [ID...]

mutations.txt names for each what is broken, in which file, by which text in the
place of which, and the tests of which one must fail. Each is tried in a copy of
the sources, in build/mutate: the tests pass without any, and fail with it, or
the end of this says which survived.
"""
import collections
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COPY = ROOT / "build/mutate"
BUILD = COPY / "build/debug"
TIMEOUT_S = 100

Mutation = collections.namedtuple(
    "Mutation", "id what file old new tests")


def read_mutations():
    text = (ROOT / "tests/conformance/mutations.txt").read_text()
    for paragraph in text.split("\n\n"):
        lines = [line for line in paragraph.splitlines()
                 if not line.startswith("#")]
        if lines:
            yield parse(lines)


def parse(lines):
    identity, what = lines[0].split(": ", 1)
    old = [line[1:] for line in lines if line.startswith("-")]
    new = [line[1:] for line in lines if line.startswith("+")]
    file = lines[1].removeprefix("in ")
    tests = lines[-1].removeprefix("by ").split()
    return Mutation(identity, what, file, "\n".join(old), "\n".join(new),
                    tests)


def copy_sources():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    for name in listed.stdout.splitlines():
        source, copy = ROOT / name, COPY / name
        if not source.is_file() or (
                copy.is_file() and copy.read_bytes() == source.read_bytes()):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)


def run(*command):
    return subprocess.run(command, cwd=COPY, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)


def must_run(*command):
    ran = run(*command)
    if ran.returncode != 0:
        sys.exit(ran.stdout)


def build(tests):
    """Of a test over another transport, the program is the same."""
    targets = {re.sub(r"\.(tcp|custom)$", "", test) for test in tests}
    return run("cmake", "--build", str(BUILD), "--parallel", "2",
               "--target", *sorted(targets))


def failing(tests):
    """Of these tests, those that fail."""
    names = "|".join(re.escape(test) for test in tests)
    ran = run("ctest", "--test-dir", str(BUILD), "--timeout", str(TIMEOUT_S),
              "-j2", "-R", "^(%s)$" % names)
    passed = re.findall(r"Test +#\d+: (\S+) \.+ +Passed", ran.stdout)
    return [test for test in tests if test not in passed]


def survives(mutation):
    """Whether no test minds; says so if it cannot be tried."""
    path = COPY / mutation.file
    text = path.read_text()
    if text.count(mutation.old) != 1:
        print("%s: the text is there %d times" % (
            mutation.id, text.count(mutation.old)))
        return True
    path.write_text(text.replace(mutation.old, mutation.new))
    try:
        built = build(mutation.tests)
        if built.returncode != 0:
            print("%s: does not build\n%s" % (mutation.id, built.stdout))
            return True
        failed = failing(mutation.tests)
    finally:
        path.write_text(text)
    print("%s: %s -> %s" % (mutation.id, mutation.what,
                            " ".join(failed) or "SURVIVED"), flush=True)
    return not failed


def main():
    mutations = [m for m in read_mutations()
                 if not sys.argv[1:] or m.id in sys.argv[1:]]
    unknown = set(sys.argv[1:]).difference(m.id for m in mutations)
    if unknown:
        sys.exit("%s\nno mutation has the id %s" % (
            __doc__, " ".join(sorted(unknown))))
    tests = sorted({test for m in mutations for test in m.tests})
    copy_sources()
    must_run("cmake", "--preset", "debug")
    built = build(tests)
    if built.returncode != 0:
        sys.exit(built.stdout)
    failed = failing(tests)
    if failed:
        sys.exit("these fail as it is: %s" % " ".join(failed))
    survivors = [m.id for m in mutations if survives(m)]
    print("%d caught, %d survived %s" % (
        len(mutations) - len(survivors), len(survivors), " ".join(survivors)))
    sys.exit(1 if survivors else 0)


main()
