"""The conformance report: every guarantee, and the tests that prove it.

Usage: report.py [--check | --record FOLDER]

guarantees.txt says what is promised, offers.txt what became of each property
and function of the original (= names of ours, - not applicable, ~ later). A test
proves what the comment above it begins with (/* G61, G73: ... */) or its name
ends with (__g61_g73), a scenario of the bindings what stands behind its name.
evidence.txt says over which transports and in which manners a test has passed;
it is recorded from what the tests have left in a folder.

Writes REPORT.md and open.txt, what has no test or is not there. With --check it
writes nothing, and fails if they would change, or if a test names what nobody
promises.
"""
import collections
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
WIRES = ["http", "tcp", "custom"]

# The numbers that the contract has; none of them may be missing.
NUMBERS = """L1-9 C1-10 R1-5 P1-7 LI1-9 PR1-9 H1-8 M1-9 G1-16 G20-28 G30-35
    G40-50 G60-78 G80-86 G90-99 G100-119 G120-127 G130-135 G140-146 D1-40
    A1-28 A30-37 A40-54 A60-63 A70-73 E1-6 O1-12 S1-7 T2-5 T11 T14-15 T21 T31
    T41-42 T61-62 TT11 TE2 TE5-6 TF TS7 TI4-5"""
# And what has gone wrong elsewhere.
HAZARDS = "1-21 23 30-32"

ONE = r"(?:[A-Z]{1,2}\d{1,3}\b|TF\b)"
CITED = re.compile(r"(?:%s(?:(?:-|, | and | to |,\s+)(?=%s))?)*" % (ONE, ONE))
RANGE = re.compile(r"([A-Z]{1,2})(\d+)(?:-| to )(?:\1)?(\d+)")
HAZARD = re.compile(r"[Hh]azards? (\d+(?:, \d+)*(?: and \d+)?)")
ANY_TEST = re.compile(r"^static void\s+(\w+__\w+)\(\s*void \*\*", re.M)
# With the comment above it, if there is one.
TEST = re.compile(r"(?:/\*((?:(?!\*/).)*)\*/\n)?^static void\s+(\w+__\w+)"
                  r"\(\s*void \*\*", re.S | re.M)
# As in abort__may_be_called_inside_an_operation__g15.
NAMED = re.compile(r"__([a-z]{1,2}\d+(?:_[a-z]{1,2}\d+)*)$")
# What does not hold here, and why.
EXCUSED = re.compile(r"(.*?)\s*(Not applicable|Later): (.*)", re.S)
HEAD = re.compile(r"(%s|Hazard \d+) \| (.*) \| (.*) \| (.*)" % ONE)

Guarantee = collections.namedtuple(
    "Guarantee", "id section source wires manners text excuse")
Test = collections.namedtuple("Test", "file name")


def numbers(ranges):
    """The ids of ranges as G1-16."""
    found = []
    for word in ranges.split():
        letters, first, last = re.fullmatch(
            r"([A-Z]*)(\d*)(?:-(\d+))?", word).groups()
        if first:
            found += [letters + str(number) for number in
                      range(int(first), int(last or first) + 1)]
        else:
            found.append(letters)
    return found


def hazards(ranges):
    return ["Hazard " + number for number in numbers(ranges)]


class Problems(list):
    def add(self, text, *values):
        self.append(text % values)


# What is promised.

def take(section, head, lines):
    identity, source, wires, manners = head.groups()
    text = " ".join(lines)
    excuse = EXCUSED.fullmatch(text)
    if excuse:
        text, excuse = excuse.group(1), excuse.group(2, 3)
    wires = {"all": WIRES, "-": []}.get(wires, wires.split())
    return Guarantee(identity, section, source, wires, manners, text, excuse)


def read_guarantees(problems):
    found, section, head, lines = {}, None, None, []
    for line in [*(HERE / "guarantees.txt").read_text().splitlines(), "# "]:
        begins = HEAD.fullmatch(line)
        if head and (begins or line.startswith("# ")):
            if head[1] in found:
                problems.add("guarantees.txt says %s twice", head[1])
            found[head[1]] = take(section, head, lines)
            head = None
        if begins:
            head, lines = begins, []
        elif line.startswith("# "):
            section = line[2:]
        elif line:
            lines.append(line.strip())
    for identity in numbers(NUMBERS) + hazards(HAZARDS):
        if identity not in found:
            problems.add("guarantees.txt does not say %s", identity)
    return found


# What proves it.

def cited(comment, name):
    """The ids that a comment begins with, or a name ends with."""
    words = re.sub(r"\s*\n\s*\*?\s*", " ", comment).strip()
    start = CITED.match(words).group()
    found = []
    for letters, first, last in RANGE.findall(start):
        found += numbers("%s%s-%s" % (letters, first, last))
    named = NAMED.search(name)
    found += re.findall(ONE, start)
    found += named.group(1).upper().split("_") if named else []
    for said in HAZARD.findall(words):
        found += hazards(re.sub(r"\D+", " ", said))
    return list(dict.fromkeys(found))


def read_tests():
    """By id, the tests that say it; and all that there are."""
    proofs, known = collections.defaultdict(list), set()
    for path in sorted(TESTS.glob("**/test_*.c")):
        text = path.read_text()
        file = str(path.relative_to(TESTS))
        known |= {Test(file, name) for name in ANY_TEST.findall(text)}
        for comment, name in TEST.findall(text):
            for identity in cited(comment, name):
                proofs[identity].append(Test(file, name))
    return proofs, known


def read_scenarios(proofs):
    """Over which wires each runs."""
    over = {}
    file = "bindings/scenarios.txt"
    for line in (TESTS / file).read_text().splitlines():
        if line.startswith("scenario "):
            _, name, *words = line.split()
            test = Test(file, name)
            limits = dict(w.split("=") for w in words if "=" in w)
            wires = [limits["over"]] if "over" in limits else ["http", "tcp"]
            over[test] = {wire: ["callback"] for wire in wires}
            for word in words:
                if "=" not in word:
                    proofs[word.replace("hazard-", "Hazard ")].append(test)
    return over


# Where it has passed: "file name: wire manner...; wire manner..."

def read_evidence():
    found = {}
    path = HERE / "evidence.txt"
    for line in path.read_text().splitlines() if path.exists() else []:
        where, runs = line.split(": ")
        found[Test(*where.split())] = {
            words[0]: words[1:] for words in map(str.split, runs.split("; "))}
    return found


def record(folder):
    found = collections.defaultdict(dict)
    for path in sorted(folder.iterdir()):
        for line in path.read_text().splitlines():
            file, name, wire, *manners = line.split()
            found[Test(file, name)][wire] = manners
    lines = []
    for test, wires in sorted(found.items()):
        runs = "; ".join(" ".join([wire, *wires[wire]])
                         for wire in WIRES if wire in wires)
        lines.append("%s %s: %s\n" % (*test, runs))
    (HERE / "evidence.txt").write_text("".join(lines))


# What became of what the original has.

Offer = collections.namedtuple("Offer", "section what sign how")


def read_offers():
    offers, section = [], None
    for line in (HERE / "offers.txt").read_text().splitlines():
        if line.startswith("# "):
            section = line[2:]
        elif line:
            offers.append(Offer(section, *re.fullmatch(
                r"(?:- )?(.+?) ([=~-]) (.*)", line).groups()))
    return offers


def offered_names():
    """The functions, the constants and the members of structs."""
    names = set()
    for header in ["types.h", "wws.h"]:
        text = (TESTS.parent / "capi/include/wws" / header).read_text()
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        names |= set(re.findall(r"\b(?:wws|WWS)_\w+", text))
        for body, struct in re.findall(
                r"typedef struct \w+ \{(.*?)\n\} (\w+);", text, re.S):
            names |= {"%s.%s" % (struct, member) for member in
                      re.findall(r"\(?\*?(\w+)\)?(?:\([^;]*)?;", body)}
    return names


def not_there(offers):
    names = offered_names()
    return [name for offer in offers if offer.sign == "="
            for name in offer.how.split() if name not in names]


def offer_rows(offers):
    rows, section = [], None
    for offer in offers:
        if offer.section != section:
            section = offer.section
            rows += ["", "## " + section, "", "| Original | Here |",
                     "|---|---|"]
        how = {"=": ", ".join("`%s`" % n for n in offer.how.split()),
               "-": "Not applicable: " + offer.how,
               "~": "Later: " + offer.how}[offer.sign]
        rows.append("| %s | %s |" % (offer.what, how))
    return rows


# The report.

def cell(guarantee, wire, tests, evidence):
    """In which manners it was seen over a wire."""
    if wire not in guarantee.wires:
        return "–"
    runs = [evidence[test][wire] for test in tests
            if wire in evidence.get(test, {})]
    manners = {manner for run in runs for manner in run}
    manners = {"sync" if m == "sync" else "async" for m in manners}
    if guarantee.manners != "both":
        return "●" if runs else ""
    return ", ".join(sorted(manners, reverse=True)) if manners else \
        "●" if runs else ""


def names(tests):
    by_file = collections.defaultdict(list)
    for file, name in sorted(set(tests)):
        by_file[file.removesuffix(".c").removesuffix(".txt")].append(name)
    return "; ".join("%s: %s" % (file, ", ".join("`%s`" % n for n in tests))
                     for file, tests in by_file.items())


def row(guarantee, tests, evidence):
    if guarantee.excuse:
        proof = "%s: %s" % guarantee.excuse
        cells = ["–"] * len(WIRES)
    else:
        proof = names(tests) or "**none yet**"
        cells = [cell(guarantee, wire, tests, evidence) for wire in WIRES]
    return "| %s |" % " | ".join(
        [guarantee.id, guarantee.text, guarantee.source, *cells, proof])


TITLE = """# What is promised, and what proves it

Written by report.py from guarantees.txt, the tests and evidence.txt; `./dev
report` runs the tests and writes it anew.

*From* names where a guarantee comes from: *doc* is the documentation of Windows
Web Services, *native* what the original does, *sample* what an official sample
relies on, *diagram* a drawing of states, *derived* what follows from these,
*ours* and a number D what we have decided. A column of a transport says in which
manners it was seen to hold there, or ● where there is only one; – means that it
has nothing to do with that transport. Unit tests stand among the tests, but in
no column.
"""
COLUMNS = "| Id | What | From | HTTP | TCP | Custom | Tests |\n|" + \
    "---|" * 7


def counts(guarantees, proofs):
    excused = [g for g in guarantees.values() if g.excuse]
    kinds = collections.Counter(g.excuse[0] for g in excused)
    proven = [g for g in guarantees.values()
              if not g.excuse and proofs[g.id]]
    tests = {test for g in proven for test in proofs[g.id]}
    return "%d guarantees: %d proven by %d tests, %d open, %d not applicable, " \
        "%d later." % (len(guarantees), len(proven), len(tests),
                       len(guarantees) - len(proven) - len(excused),
                       kinds["Not applicable"], kinds["Later"])


def report(guarantees, proofs, evidence, offers):
    lines, section = [TITLE, counts(guarantees, proofs)], None
    for guarantee in guarantees.values():
        if guarantee.section != section:
            section = guarantee.section
            lines += ["", "## " + section, "", COLUMNS]
        lines.append(row(guarantee, proofs[guarantee.id], evidence))
    lines += offer_rows(offers)
    return "\n".join(lines) + "\n"


def without_test(guarantees, proofs):
    return [g.id for g in guarantees.values()
            if not g.excuse and not proofs[g.id]]


def look_at(guarantees, proofs, evidence, known, problems):
    for identity, tests in proofs.items():
        if identity in guarantees and guarantees[identity].excuse:
            problems.add("%s is said not to hold here, but %s proves it",
                         identity, names(tests))
        elif identity not in guarantees and tests:
            problems.add("nobody promises %s: %s", identity, names(tests))
    for test in sorted(set(evidence) - known):
        problems.add("evidence.txt names a test that is not there: %s %s",
                     *test)


def outputs(problems):
    guarantees = read_guarantees(problems)
    proofs, known = read_tests()
    evidence = read_evidence()
    look_at(guarantees, proofs, evidence, known, problems)
    evidence.update(read_scenarios(proofs))
    offers = read_offers()
    missing = [*without_test(guarantees, proofs),
               *dict.fromkeys(not_there(offers))]
    return {
        "open.txt": "".join("%s\n" % name for name in missing),
        "REPORT.md": report(guarantees, proofs, evidence, offers),
    }


def compare(name, text, problems):
    path = HERE / name
    was = path.read_text() if path.exists() else ""
    if name == "open.txt":
        for missing in sorted(set(text.split("\n")) - set(was.split("\n"))):
            problems.add("%s has no test, or is not there", missing)
    if was != text:
        problems.add("%s is not what the sources say: run %s", name,
                     "tests/conformance/report.py")


def main():
    if sys.argv[1:2] == ["--record"]:
        record(pathlib.Path(sys.argv[2]))
    problems = Problems()
    for name, text in outputs(problems).items():
        if sys.argv[1:] == ["--check"]:
            compare(name, text, problems)
        else:
            (HERE / name).write_text(text)
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


main()
