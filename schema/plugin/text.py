"""Templates that look like their output, and wrapping."""
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

COLUMNS = 80

# Paths, below the folder that protoc was told, and contents.
Files = Iterator[tuple[str, str]]


def fill(template: str, **values: object) -> str:
    """Puts the value of name where "$name$" stands; alone on a line, it stands
    for whole lines, if any.

    A template of several lines begins behind the quotes, and each line behind
    a bar, so that it can be indented like the code around it:

        fill('''
            |typedef struct wws_$name$ {
            |$members$
            |} wws_$name$;
            ''', name="channel", members="    uint64_t id;\\n")
    """
    def value(found: re.Match[str]) -> str:
        value = str(values[found[1] or found[2]])
        whole = found[1] and value and not value.endswith("\n")
        return f"{value}\n" if whole else value

    if re.match(r"\n *\|", template):
        template = re.sub(r"^ *(\||\Z)", "", template[1:], flags=re.M)
    return re.sub(r"^\$(\w+)\$\n|\$(\w+)\$", value, template, flags=re.M)


def wrapped(words: str, first: str, margin: str, tail: str = "") -> str:
    """Words in lines: behind what stands before the first one and before the
    others, with a tail behind the last word.  A blank line in the words starts
    a new paragraph, "- " an entry of a list."""
    pieces = re.split(r"([ \n]+)", words.strip(" \n"))
    pieces[-1] += tail
    lines = [pieces[0]]
    for gap, word in zip(pieces[1::2], pieces[2::2]):
        newlines = gap.count("\n")
        wide = lines[-1].endswith(".") if newlines else len(gap) > 1
        line = lines[-1] + ("  " if wide else " ") + word
        if newlines > 1:
            lines += ["", word]
        elif newlines == 1 and word == "-" or len(margin + line) > COLUMNS:
            lines.append(word)
        else:
            lines[-1] = line
    margins = [first] + [margin] * (len(lines) - 1)
    return "".join((margin + line).rstrip() + "\n"
                   for margin, line in zip(margins, lines))


def doc_comment(words: str, indent: str = "") -> str:
    return wrapped(words, f"{indent}/** ", f"{indent} *  ", " */")


def comment(words: str) -> str:
    return wrapped(words, "/* ", " * ", " */")


def fits(line: str, columns: int = COLUMNS) -> bool:
    return len(line.partition("\n")[0].expandtabs(4)) <= columns


def spread(
    head: str, items: Sequence[str], tail: str, indent: str = ""
) -> str:
    """Items between a head and a tail as in prototypes: on one line, or each on
    a line of its own."""
    line = indent + head + ", ".join(items) + tail
    if fits(line):
        return line
    lines = ",\n".join(f"{indent}    {item}" for item in items)
    return f"{indent}{head}\n{lines}{tail}"


def flow(
    head: str, items: Sequence[str], tail: str, columns: int = COLUMNS,
    margin: str | None = None
) -> str:
    """Items between a head and a tail as in calls: they fill lines, which start
    below the first one, or behind a margin."""
    first, *others = [*(f"{item}," for item in items[:-1]),
                      "".join(items[-1:]) + tail]
    lines = [head + first]
    margin = " " * len(head) if margin is None else margin
    for item in others:
        line = f"{lines[-1]} {item}"
        if fits(line, columns):
            lines[-1] = line
        else:
            lines.append(margin + item)
    return "\n".join(lines)


def listed(names: Sequence[str]) -> str:
    """As in "a, b and c"."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last
