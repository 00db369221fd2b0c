# SPDX-License-Identifier: Apache-2.0
"""The program under test: run as an operator runs it, its answers read as JSON."""

import json
import os
import pathlib
import signal
import subprocess
import threading
import time

HERE = pathlib.Path(__file__).parent
BUILD = pathlib.Path(os.environ.get("CERTFERRY_BUILD", HERE / "../../build/dev")).resolve()

DONE, USAGE, CONFLICT, FINAL, WAITS = 0, 2, 4, 6, 7


class Result:
    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    def __str__(self):
        return (f"$ {' '.join(map(str, self.argv))}\nexit code {self.code}\n"
                f"--- stdout\n{self.out}--- stderr\n{self.err}")

    __repr__ = __str__


class Certferry:
    def __init__(self, config):
        self.config = pathlib.Path(config)
        self.program = BUILD / "bin" / "certferry"
        self.results = []

    def argv(self, *words):
        return [str(self.program), "--config", str(self.config), *map(str, words)]

    def environment(self):
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root",
                "ASAN_OPTIONS": "abort_on_error=0:exitcode=99",
                "UBSAN_OPTIONS": "print_stacktrace=1"}

    def start(self, *words, out=subprocess.DEVNULL, err=subprocess.DEVNULL):
        """A run that goes on beside the test, in a process group of its own."""
        return subprocess.Popen(self.argv(*words), stdin=subprocess.DEVNULL, stdout=out,
                                stderr=err, text=True, errors="replace",
                                env=self.environment(), start_new_session=True)

    def run(self, *words, timeout=240):
        """Any exit code is an answer; a sanitizer's report or a hang is not."""
        argv = self.argv(*words)
        process = self.start(*words, out=subprocess.PIPE, err=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"no end within {timeout} s:\n"
                                 f"{Result(argv, 'none', out, err)}") from None
        result = Result(argv, process.returncode, out, err)
        self.results.append(result)
        assert result.code != 99 and "Sanitizer" not in err and \
            "runtime error" not in err, str(result)
        assert result.code >= 0, f"ended by signal {-result.code}\n{result}"
        return result

    def good(self, *words, **options):
        result = self.run(*words, **options)
        assert result.code == DONE, str(result)
        return result

    def json(self, *words):
        return json.loads(self.good("--json", *words).out)

    def init(self):
        return self.json("init")

    def apply(self, *words, **options):
        return self.run("-v", "apply", "--yes", *words, **options)

    def status(self):
        """{(certificate, host): row}"""
        rows = self.json("status")["certificates"]
        return {(row["certificate"], row["host"]): row for row in rows}

    def apply_until(self, said, number, *words):
        """apply, whose group gets that signal as soon as its log says so: the process, and the
        log until then."""
        process = self.start("-v", "apply", "--yes", *words, err=subprocess.PIPE)
        seen = []
        for line in process.stderr:
            seen.append(line)
            if said in line:
                os.killpg(process.pid, number)
                return process, seen
        raise AssertionError(f"never said '{said}':\n{''.join(seen)}")

    def apply_killed_at(self, said, *words):
        process, _ = self.apply_until(said, signal.SIGKILL, *words)
        process.stderr.close()
        assert process.wait(60) == -signal.SIGKILL
        wait_until_group_is_gone(process.pid)

    def apply_and_kill_after(self, count, words=(), timeout=120):
        """apply, ended by SIGKILL (and its children with it) after that many lines of its
        log. False: it ended by itself before."""
        process = self.start("-v", "apply", "--yes", *words, err=subprocess.PIPE)
        lines = []
        watchdog = threading.Timer(timeout, os.killpg, (process.pid, signal.SIGKILL))
        watchdog.start()
        killed = False
        for line in process.stderr:
            lines.append(line)
            if len(lines) == count:
                os.killpg(process.pid, signal.SIGKILL)
                killed = True
                break
        process.stderr.close()
        code = process.wait()
        watchdog.cancel()
        if killed:
            wait_until_group_is_gone(process.pid)
        text = "".join(lines)
        assert "Sanitizer" not in text, text
        assert killed or code >= 0, f"ended by signal {-code} by itself:\n{text}"
        return killed, lines


def wait_until_group_is_gone(group, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    raise AssertionError(f"processes of group {group} outlived their SIGKILL")
