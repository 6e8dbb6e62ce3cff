"""Runs the benchmark and, behind it, those of the languages, as one table or one
list of JSON objects.

Usage: languages.py FOLDER... -- WWS_BENCH [ARGUMENT...]

Each folder has a program called bench; tests/bindings/README.md says what it
prints.
"""
import json
import os
import subprocess
import sys


def rows_of(folder):
    """A row for each line; what a program says besides is no row."""
    program = subprocess.Popen([os.path.join(folder, "bench")], text=True,
                               stdout=subprocess.PIPE)
    for line in program.stdout:
        row = {"wire": "-", "one_cpu": False, "peer": "-", "theirs": None,
               **json.loads(line)}
        row["ratio"] = row["ours"] / row["theirs"] if row["theirs"] else None
        yield row
    if program.wait() != 0:
        sys.exit("%s/bench: %d" % (folder, program.returncode))


def number(value):
    if value is None:
        return "%11s" % "-"
    return "%11.*f" % (0 if value >= 1000 else 2, value)


def print_row(row):
    print("%-18s %-7s %-7s %-19s %s  %-8s %s %s" % (
        row["bench"], row["wire"], "one CPU" if row["one_cpu"] else "free",
        row["figure"], number(row["ours"]), row["peer"], number(row["theirs"]),
        number(row["ratio"])), flush=True)


def print_json(command, folders):
    ours = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    rows = json.loads(ours.stdout)
    for folder in folders:
        rows += rows_of(folder)
    print("[\n  %s\n]" % ",\n  ".join(map(json.dumps, rows)))


def print_table(command, folders):
    subprocess.run(command, check=True)
    for folder in folders:
        for row in rows_of(folder):
            print_row(row)


def main():
    at = sys.argv.index("--")
    folders, command = sys.argv[1:at], sys.argv[at + 1:]
    # What asks for something else than all is not for the languages.
    if {"--only", "--help", "-h"}.intersection(command):
        folders = []
    try:
        show = print_json if "--json" in command else print_table
        show(command, folders)
    except subprocess.CalledProcessError as failure:
        sys.exit(failure.returncode)


main()
