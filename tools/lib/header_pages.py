#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes manual pages of section 3 from the public headers, one a header, with its comments as their text.

    header_pages.py VERSION FOLDER HEADER...

writes FOLDER/shoal_cluster.3 for shoal/cluster.h and so on, and for each function and type a page of one line that leads
to that of its header; a function and a type of one name lead to the function's. A header is read by its form: a comment at the beginning of a line is about what follows it up to the next
empty line; members, enumerators and numbers have theirs above them or behind them; a table X(...) stands for what the
enumeration or struct makes of it."""
import itertools
import os
import re
import sys
import textwrap

COMMENT = re.compile(r"/\*(.*?)\*/", re.S)
TABLE = re.compile(r"#define SHOAL_X\(([^)]*)\)((?:[^\n]*\\\n)*[^\n]*)\n\s*(\w+)\(SHOAL_X\)\n#undef SHOAL_X\n")
HIDDEN = ("SHOAL_API", "SHOAL_MUST_USE")
WIDTH = 72


def escaped(text):
    for plain, troff in (("\\", "\\e"), ("-", "\\-"), ("'", "\\(aq"), ("`", "\\(ga"), ("^", "\\(ha"), ("~", "\\(ti")):
        text = text.replace(plain, troff)
    return "\\&" + text if text.startswith(".") else text


def bold(text):
    return f"\\fB{escaped(text)}\\fR"


def prose(comment):
    """Lines of troff of a comment. What is indented in it stays as it is; the library's names are bold."""
    rows = [re.sub(r"^\s*\* ?", "", row).rstrip() for row in comment.strip().split("\n")]
    lines = []
    for kind, some in itertools.groupby(rows, lambda row: "" if not row else "code" if row[:4] == "    " else "text"):
        some = list(some)
        if kind == "code":
            lines += [".RS 4", ".nf", *(escaped(row[4:]) for row in some), ".fi", ".RE"]
        elif kind == "text":
            lines += [re.sub(r"\bshoal_\w+", r"\\fB\g<0>\\fR", escaped(row.strip())) for row in some]
        else:
            lines.append(".PP")
    return lines


def indented(comment, begin):
    return [begin, *prose(comment), ".RE"] if comment else []


def until(text, at, ends):
    """The place behind the first of `ends` that stands in no brackets, quotes or comments."""
    depth = 0
    while at < len(text):
        skipped = COMMENT.match(text, at) or re.compile(r'"(?:\\.|[^"\\])*"').match(text, at)
        if skipped:
            at = skipped.end()
            continue
        depth += (text[at] in "({[") - (text[at] in ")}]")
        at += 1
        if depth <= 0 and text[at - 1] in ends:
            break
    return at


def split(text, mark=","):
    parts, at = [], 0
    while at < len(text):
        end = until(text, at, mark)
        parts.append(text[at:end].removesuffix(mark).strip())
        at = end
    return parts


def rows_of(table):
    """The arguments of each X(...) of a table."""
    body, at = table.replace("\\\n", " ")[table.index(")") + 1:], 0
    while (begin := body.find("X(", at)) >= 0:
        at = until(body, begin + 1, ")")
        yield split(body[begin + 2:at - 1])


def expanded(body, tables, mark):
    """An enumeration or struct with what its table makes in place of the table."""
    def rows(match):
        names, form = split(match[1]), match[2].replace("\\\n", " ").strip().rstrip(mark)
        for row in rows_of(tables[match[3]]):
            text = form
            for name, value in zip(names, row):
                text = re.sub(rf"##{name}\b|\(?\b{name}\b\)?", lambda _, value=value: value, text)
            yield f"{text}{mark} /* {''.join(re.findall(chr(34) + '([^' + chr(34) + ']*)' + chr(34), row[-1]))} */\n"
    return TABLE.sub(lambda match: "".join(rows(match)), body)


def members(body, mark):
    """(declarations, comment) of what stands in the braces of a struct or an enumeration."""
    found, comment, at, end = [], None, 0, 0
    joins = False  # what stood before had its comment above it, and it is about this too
    while at < len(body):
        gap = re.compile(r"\s*").match(body, at)
        at = gap.end()
        if "\n\n" in gap[0]:
            comment, joins = None, False
        said = COMMENT.match(body, at)
        if said and found and "\n" not in body[end:at]:
            found[-1] = (found[-1][0], said[1]) if not joins else found[-1]
            at = said.end()
        elif said:
            comment, joins, at = said[1], False, said.end()
        elif at < len(body):
            last = COMMENT.search(body, at)
            end = until(body, at, mark)
            if mark == "," and end == len(body) and last:  # the last enumerator has no comma, perhaps a comment
                end = last.start()
            name = body[at:end].rstrip().rstrip(mark)
            if joins:
                found[-1][0].append(name)
            else:
                found.append(([name], comment))
                joins = comment is not None
            comment, at = None, end
            end = at if mark == ";" or not last else len(body[:at].rstrip())
    return found


def listed(rows):
    lines = []
    for names, comment in rows:
        if any("{" in name or len(" ".join(name.split())) > WIDTH - 8 for name in names):
            shown = [row for name in names for row in
                     ([bold(row) for row in textwrap.dedent("\t" + name).expandtabs(4).split("\n")] if "{" in name
                      else prototype(name))]
            lines += [".PP", ".nf", *shown, ".fi", *(indented(comment, ".RS"))]
            continue
        for i, name in enumerate(names):
            lines += [".TP" if i == 0 else ".TQ", bold(" ".join(name.split()))]
        lines += [row if row != ".PP" else ".IP" for row in prose(comment)] if comment else ["\\&"]
    return lines


def tidied(lines):
    """Without paragraphs that have nothing in them."""
    kept = []
    for row in lines:
        if kept and kept[-1] == ".PP" and row[:3] in (".PP", ".SH", ".SS", ".TP", ".RE"):
            kept.pop()
        if row != ".PP" or kept[-1][:3] not in (".SH", ".SS", ".PP", ".RS"):
            kept.append(row)
    return kept


def prototype(text):
    """A declaration in lines that a terminal has room for."""
    text = " ".join(re.sub(r"\b(?:SHOAL_API|SHOAL_MUST_USE)\b", "", text).split()).replace("( ", "(")
    if len(text) <= WIDTH or "(" not in text:
        return [bold(text)]
    head, rest = text[:text.rindex("(") + 1], text[text.rindex("(") + 1:]
    lines, row = [head], "        "
    for part in rest.replace(", ", ", \n").split("\n"):
        if len(row + part) > WIDTH and row.strip():
            lines.append(row.rstrip())
            row = "        "
        row += part
    return [bold(one) for one in [*lines, row]]


class Header:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.name = os.path.basename(path)[:-2]
        about = COMMENT.findall(text)[1]
        self.what, self.intro = re.match(rf"\s*shoal/{self.name}\.h - (.*?)(?:\n \*\n(.*))?$", about, re.S).groups()
        # The first sentence is the name; what more there is to the first paragraph belongs to the description.
        self.what = " ".join(re.sub(r"^\s*\* ?", "", row) for row in self.what.strip().split("\n"))
        self.what, _, more = self.what.partition(". ")
        self.intro = "\n\n".join(part for part in (more, self.intro) if part)
        self.includes = re.findall(r"#include <shoal/(\w+)\.h>", text)
        self.tables, self.groups = {}, []
        body = text[text.index("*/", text.index(about)) + 2:]
        self._read(re.sub(r"#ifdef __cplusplus.*?#endif\n", "", body, flags=re.S))

    def _read(self, body):
        at, comment, items = 0, None, []
        while at < len(body):
            gap = re.compile(r"\s*").match(body, at)
            at = gap.end()
            said = COMMENT.match(body, at)
            if "\n\n" in gap[0] or said:
                self._close(comment, items)
                comment, items = (said[1] if said else None), []
            if said:
                at = said.end()
            elif at < len(body):
                begin = at
                at = self._directive(body, at) if body[at] == "#" else until(body, at, ";")
                items.append(body[begin:at])
        self._close(comment, items)

    def _directive(self, body, at):
        end = re.compile(r"(?:[^\n]*\\\n)*[^\n]*").match(body, at).end()
        opened = body.rfind("/*", at, end)
        if opened >= 0:
            end = max(end, body.index("*/", opened) + 2)
        table = re.match(r"#define (\w+_TABLE)\(X\)", body[at:end])
        if table:
            self.tables[table[1]] = body[at:end]
        return end

    def _close(self, comment, items):
        items = [one for one in items if not one.startswith("#") or
                 (one.startswith("#define") and not one.endswith("_H") and one.split()[1] not in HIDDEN)]
        if items:
            self.groups.append((comment, items))

    def functions(self):
        """Names that a program calls, each with its group's number."""
        for _, items in self.groups:
            if any(one.startswith("SHOAL_API") for one in items):
                for one in items:
                    name = re.match(r"#define (shoal_\w+)\(|SHOAL_API[^(]*\b(shoal_\w+)\(", one)
                    if name:
                        yield name[1] or name[2]

    def types(self):
        """Names of structs, enumerations and types of callbacks."""
        for _, items in self.groups:
            for one in items:
                name = re.match(r"(?:struct|enum) (shoal_\w+)\s*(?:\{|;)|typedef [^;]*?\(\*(shoal_\w+)\)", one)
                if name:
                    yield name[1] or name[2]

    def type_lines(self, comment, items):
        """(types, constants) of a group."""
        lines, numbers = [], []
        for one in items:
            kind = re.match(r"(struct|enum) \w+", one)
            if one.startswith("#define") and one.split()[1].split("(")[0] in self.tables:
                lines += [".SS " + escaped(one.split()[1])]
            elif one.startswith("#define"):
                said = COMMENT.search(one)
                plain = " ".join(COMMENT.sub("", one[len("#define"):]).replace("\\\n", " ").split())
                numbers.append(([plain], said and said[1]))
            elif kind and "{" in one:
                mark = ";" if kind[1] == "struct" else ","
                inside = expanded(one[one.index("{") + 1:one.rindex("}")], self.tables, mark)
                lines += [f".SS {kind[0]}", *(prose(comment) if comment else []), *listed(members(inside, mark))]
                comment = None
            elif comment and kind:
                lines += [f".SS {kind[0]}"]
            elif not kind:
                lines += [".SS " + re.search(r"\(\*(\w+)\)", one)[1], ".nf", *prototype(one), ".fi", ".PP"]
        text = prose(comment) if comment else []
        if lines:
            return lines + text, listed(numbers)
        return [], [".PP", *text, *listed(numbers)]

    def function_lines(self, comment, items):
        lines = [".PP", ".nf"]
        for one in items:
            if one.startswith("#define"):
                one = re.match(r"#define (\w+\([^)]*\))", one)[1] + ";"
            lines += prototype(one)
        return lines + [".fi", *indented(comment, ".RS 4")]

    def page(self, version):
        types, constants, functions, short = [], [], [], []
        for comment, items in self.groups:
            if any(one.startswith("SHOAL_API") for one in items):
                functions += self.function_lines(comment, items)
                short += [row for one in items if one.startswith("SHOAL_API") for row in prototype(one)]
            else:
                for some, more in zip((types, constants), self.type_lines(comment, items)):
                    some += more
        lines = ['.\\" Made of shoal/%s.h.' % self.name,
                 f'.TH {self.title.upper()} 3 "" "shoal {version}" "Library Functions"',
                 ".SH NAME", f"{self.title} \\- {escaped(self.what.rstrip('.'))}",
                 ".SH SYNOPSIS", ".nf", bold(f"#include <shoal/{self.name}.h>"), *([""] if short else []), *short, ".fi",
                 ".PP", "Link with the flags of", bold("pkg-config --libs shoal") + "."]
        if self.intro:
            lines += [".SH DESCRIPTION", *prose(self.intro)]
        if constants:
            lines += [".SH CONSTANTS", *constants]
        if types:
            lines += [".SH TYPES", *types]
        if functions:
            lines += [".SH FUNCTIONS", *functions]
        others = [f".BR {'shoal_' + one} (3)" for one in sorted(self.includes)]
        lines += [".SH SEE ALSO", *(other + "," for other in others), ".BR shoal (1)"]
        return "\n".join(tidied(lines)) + "\n"

    @property
    def title(self):
        return "shoal" if self.name == "shoal" else "shoal_" + self.name


def main(version, folder, *paths):
    headers = [Header(path) for path in paths]
    pages = {header.title: header.page(version) for header in headers}
    for names in (Header.functions, Header.types):
        for header in headers:
            for name in names(header):
                pages.setdefault(name, f".so man3/{header.title}.3\n")
    os.makedirs(folder, exist_ok=True)
    for name, text in pages.items():
        with open(os.path.join(folder, name + ".3"), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
