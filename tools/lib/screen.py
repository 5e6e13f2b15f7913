# SPDX-License-Identifier: MIT
"""A page of text that grows downwards, with a region at its end that is redrawn in place.

On a terminal the region follows what happens while lines scroll past above it; piped into a file
the region is printed only where settle() asks for it, and no escape code is written. Colours: on a
terminal only, and not where NO_COLOR is set. The region's lines are cut to the width of the
terminal, so that each is one line on the screen.

A line is a list of parts, each a string or a pair (style, string).
"""
import os

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34",
          "magenta": "35", "cyan": "36"}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
SPINNER_ASCII = "|/-\\"


class Screen:
    """One output stream. `live` tells whether the region is drawn in place."""

    def __init__(self, stream, environment):
        terminal = environment.get("TERM", "")
        self._stream = stream
        self.live = stream.isatty() and terminal not in ("", "dumb")
        self.colour = self.live and not environment.get("NO_COLOR")
        self.unicode = (self.live and terminal != "linux"
                        and (stream.encoding or "").lower().replace("-", "") == "utf8")
        self._region = []
        self._height = 0
        self._turn = 0

    def size(self):
        """Columns and rows; as good as endless where no terminal is."""
        if not self.live:
            return 10000, 10000
        try:
            columns, rows = os.get_terminal_size(self._stream.fileno())
        except OSError:
            columns, rows = 80, 24
        return max(20, columns or 80), max(6, rows or 24)

    def spinner(self):
        self._turn += 1
        signs = SPINNER if self.unicode else SPINNER_ASCII
        return signs[self._turn % len(signs)]

    def say(self, *parts, cut=False):
        """One more line for good, above the region; cut to the width of the terminal on demand."""
        text = self._render(parts, cut)
        if not self.live:
            self._write(text + "\n")
            return
        self._write(f"{self._up()}{text}\x1b[K\n{self._draw()}")

    def show(self, lines):
        """Replaces the region."""
        self._region = lines
        if self.live:
            self._write(self._up() + self._draw())

    def settle(self):
        """The region becomes part of the page."""
        if not self.live:
            self._write("".join(self._render(line) + "\n" for line in self._region))
        elif self._height:
            self._write(self._up() + self._draw() + "\x1b[?25h")
        self._region, self._height = [], 0

    def clear(self):
        """The region goes, and the cursor is seen again."""
        if self.live:
            self._write(self._up() + "\x1b[J\x1b[?25h")
        self._region, self._height = [], 0

    def _up(self):
        height, self._height = self._height, 0
        return f"\r\x1b[{height}A" if height else ""

    def _draw(self):
        rows = self.size()[1]
        lines = self._region[-(rows - 2):]
        self._height = len(lines)
        if not lines:
            return ""
        return "\x1b[?25l" + "".join(self._render(line) + "\x1b[K\n" for line in lines) + "\x1b[J"

    def _render(self, parts, cut=True):
        left = self.size()[0] - 1 if cut else 1000000
        text = ""
        for part in parts:
            style, piece = part if isinstance(part, tuple) else ("", part)
            if len(piece) > left:
                piece = piece[:max(0, left - 1)] + (("…" if self.unicode else ">") if left else "")
            left -= len(piece)
            if self.colour and style and piece:
                piece = f"\x1b[{';'.join(STYLES[s] for s in style.split())}m{piece}\x1b[0m"
            text += piece
        return text if self.live else text.rstrip()

    def _write(self, text):
        self._stream.write(text)
        self._stream.flush()
