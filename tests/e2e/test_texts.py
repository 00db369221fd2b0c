# SPDX-License-Identifier: Apache-2.0
"""Manuals, help and examples say what is built, all of it, and nothing else."""

import pathlib
import re
import subprocess

import pytest
import yaml

from certferry import BUILD
from guide import Guide
from servers import Tsig

ROOT = pathlib.Path(__file__).parents[2]
MAN = ROOT / "docs" / "man"


def strings_of_the_code():
    """Every C file, with the pieces of its texts put together."""
    files = [*ROOT.glob("server/**/*.c"), *ROOT.glob("agent/*.c")]
    return "\n".join(re.sub(r'"\s*"', "", path.read_text()) for path in files)


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60)


def headings(manual):
    """Of the section COMMANDS: what each entry begins with, in bold."""
    section = re.search(r"^# COMMANDS\n(.*?)^# ", (MAN / manual).read_text(), re.M | re.S)
    return re.findall(r"^\*.*$", section.group(1), re.M)


def test_manual_and_help():
    shown = run(BUILD / "bin/certferry", "--help").stdout
    commands = re.findall(r"^  ([a-z]+(?: [a-z-]+)?)(?=  +\S| [A-Z\[])", shown.split("\n  -c")[0],
                          re.M)
    assert len(commands) > 15, commands
    lines = headings("certferry.1.scd")
    named = [name for line in lines for name in re.findall(r"\*([a-z-]+(?: [a-z-]+)*)\*", line)
             if not name.startswith("-")]
    for command in commands:
        assert any(name == command or command.startswith(name) and "bash" in name or
                   name.startswith(command) for name in named), f"no entry for {command}"
    words = {"known_hosts", "ansible", "csv"}
    for name in named:
        assert name in words or any(name == c or name.startswith(c) for c in commands), name
    options = re.findall(r"^  -\w, (--[a-z-]+)", shown, re.M)
    manual = (MAN / "certferry.1.scd").read_text()
    for option in options:
        assert f"*{option}*" in manual or option == "--help", option
    for option in re.findall(r"\*(--[a-z-]+)\*", manual):
        assert option in options, option


def test_manual_of_the_agent():
    shown = run(BUILD / "sbin/certferry-agent").stderr
    commands = re.findall(r"^  ([a-z]+) +\S", shown, re.M)
    named = [name for line in headings("certferry-agent.8.scd")
             for name in re.findall(r"^\*([a-z]+)\*", line)]
    assert sorted(commands) == sorted(named)
    policy = re.search(r"^# POLICY\n(.*?)^# ", (MAN / "certferry-agent.8.scd").read_text(),
                       re.M | re.S).group(1)
    described = set(re.findall(r"^\*([a-z0-9-]+):\*", policy, re.M)) | \
        set(re.findall(r", \*([a-z0-9-]+):\*", policy))
    built = set()
    for name in ("policy.c", "policy_slot.c"):
        built |= set(re.findall(r'\{ "([a-z0-9-]+)", \w+, (?:true|false) \}',
                                (ROOT / "agent" / name).read_text()))
    assert described == built


EXAMPLES = {
    "packaging": lambda: (ROOT / "packaging/certferry.yaml.example").read_text(),
    "readme": lambda: next(block for block in re.findall(
        r"^```yaml\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S) if "cas:" in block),
    "guide": lambda: Guide().fenced("1", "yaml"),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_loads(tmp_path, name):
    """As it stands, but for where it keeps its state; `check` looks at the secrets, too."""
    text = EXAMPLES[name]()
    (tmp_path / "certferry.yaml").write_text(text + f"\nstate-directory: {tmp_path}/state\n")
    for secret in re.findall(r"^[^#]*\bfile: ([\w./-]+)", text, re.M):
        path = tmp_path / secret
        path.parent.mkdir(exist_ok=True, mode=0o700)
        path.write_text(Tsig().bind_text())
        path.chmod(0o600)
    if name == "guide":
        (tmp_path / "servers.csv").write_text(Guide().fenced("2", "csv"))
        certferry(tmp_path, "host", "import", tmp_path / "servers.csv")
    certferry(tmp_path, "check")
    certferry(tmp_path, "init")
    planned = certferry(tmp_path, "plan")
    for certificate in yaml.safe_load(text)["certificates"]:
        assert f"{certificate}/" in planned, planned


def certferry(directory, *words):
    done = run(BUILD / "bin/certferry", "--config", directory / "certferry.yaml", *words)
    # Nothing is enrolled: what is to be issued waits for that.
    assert done.returncode in ((0, 6) if words == ("plan",) else (0,)), done
    return done.stdout


def test_what_is_said_at_night():
    """What the guide's last section has somebody look for, certferry or its agent says."""
    code = strings_of_the_code()
    rows = re.findall(r"^\| (`.*?) \|", Guide().sections["6"], re.M)
    assert len(rows) > 15
    for row in rows:
        for text in re.findall(r"`(.*?)`", row):
            for piece in re.split(r"…|NAME|2h:", text):
                piece = piece.strip(" ;,:")
                assert piece == "-" or piece in code, (row, piece)
