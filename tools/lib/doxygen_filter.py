#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows a public header to Doxygen: plain comments become its own, one that is about several declarations is said to be,
what is indented stays as it is, and each name of the library in a comment is a link, which Doxygen complains about where
it leads nowhere. Lines keep their numbers as near as can be. Usage: doxygen_filter.py HEADER, on standard output."""
import os
import re
import sys

COMMENT = re.compile(r"/\*(.*?)\*/", re.S)


def linked(text):
    text = re.sub(r"[\\@&<>#%\"]|::", r"\\\g<0>", text)
    return re.sub(r"(?<![\w/])shoal_\w+(?!\w*\.h)", r"#\g<0>", text)


def commented(match):
    """A comment; behind a declaration it is about what stands before it."""
    text, at = match.string, match.start()
    before = text[text.rfind("\n", 0, at) + 1:at]
    if "SPDX" in match[0]:
        return match[0]
    rows, code = [], False
    for i, row in enumerate(match[1].split("\n")):
        plain = re.sub(r"^\s*\* ?", "", row) if i else row.removeprefix(" ")
        indented = i > 0 and plain.startswith("    ") and not before.strip()
        if indented != code and (plain.strip() or indented):
            rows.append("@verbatim" if indented else "@endverbatim")
            code = indented
        rows.append(plain if code else linked(plain))
    if code:
        rows.append("@endverbatim")
    if rows[0].startswith("shoal/"):
        rows[0] = "@file " + rows[0].partition(" ")[0] + "\n" + rows[0].partition(" - ")[2]
    return ("/**<" if before.strip() else "/**") + " " + "\n".join(rows) + "*/"


def grouped(text):
    """A comment at the beginning of a line is about all functions up to the next one or the next empty line."""
    parts = re.split(r"(?m)^(?=/\*)|\n(?=\n)", text)
    for i, part in enumerate(parts):
        if part.startswith("/*") and len(re.findall(r"^SHOAL_API", part, re.M)) > 1:
            parts[i] = "/**@{*/\n" + part.rstrip("\n") + "\n/**@}*/\n"
    return "".join("\n" + part if part.startswith("\n") else part for part in parts)


def opaque(text, header):
    """A struct that is known by its name only has a page where it is at home."""
    return re.sub(rf"(?m)(?<=\*/\n)(struct shoal_\w+);$|^(struct shoal_{header});$",
                  lambda match: (match[1] or match[2]) + " {};", text)


def main(path):
    with open(path, encoding="utf-8") as file:
        text = opaque(file.read(), os.path.basename(path)[:-2])
    print(COMMENT.sub(lambda match: match[0] if match[0].startswith("/**@") else commented(match), grouped(text)), end="")


if __name__ == "__main__":
    main(sys.argv[1])
