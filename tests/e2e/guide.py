# SPDX-License-Identifier: Apache-2.0
"""docs/operator-guide.md as data, and somebody who types what it says at a terminal."""

import fcntl
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import termios
import time

GUIDE = pathlib.Path(__file__).parents[2] / "docs" / "operator-guide.md"


class Guide:
    """Its sections, each with the blocks in it: fenced ones by language, and commands."""

    def __init__(self, path=GUIDE):
        self.sections = {}
        for part in path.read_text().split("\n## ")[1:]:
            title, _, body = part.partition("\n")
            self.sections[title.split(".")[0]] = body

    def fenced(self, section, language):
        found = re.findall(rf"^```{language}\n(.*?)^```$", self.sections[section], re.M | re.S)
        assert len(found) == 1, (section, language, found)
        return found[0]

    def commands(self, section):
        """Lines of indented blocks, without what stands behind a # for the reader."""
        plain = re.sub(r"^```.*?^```$", "", self.sections[section], flags=re.M | re.S)
        return [re.sub(r"\s{2,}#.*", "", line).strip()
                for line in re.findall(r"^ {4}(\S.*)$", plain, re.M)]


class Terminal:
    """A person at a bash on the issuer, who says yes whenever that is asked."""

    def __init__(self, directory, environment):
        self.directory, self.environment = directory, environment
        self.shown = []

    def type(self, line, timeout=240):
        """What the terminal showed, and the exit status."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 250, 0, 0))
        process = subprocess.Popen(["bash", "-c", line], stdin=theirs, stdout=theirs,
                                   stderr=theirs, cwd=self.directory, env=self.environment,
                                   start_new_session=True)
        os.close(theirs)
        text, answered, end = "", 0, time.monotonic() + timeout
        try:
            while True:
                assert time.monotonic() < end, f"no end within {timeout} s: {line}\n{text}"
                if select.select([ours], [], [], 1)[0]:
                    piece = self.read(ours)
                    if not piece:
                        break
                    text += piece
                if text.count("[yes/no] ") > answered:
                    os.write(ours, b"yes\n")
                    answered += 1
            code = process.wait(timeout=30)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            os.close(ours)
        self.shown.append(f"$ {line}\n{text}[{code}]")
        return text.replace("\r\n", "\n"), code

    @staticmethod
    def read(fd):
        """Nothing at the end, which a terminal tells by an error."""
        try:
            return os.read(fd, 65536).decode(errors="replace")
        except OSError:
            return ""
