# SPDX-License-Identifier: MIT
"""--help of every command, and completion of its options."""
import os
import re
import shutil
import subprocess

from command import check, complaint, expect_in, main, shoal

COMMANDS = ("agent", "members", "join", "leave", "forget", "reload", "info", "keygen", "keys", "meta", "tag", "send",
            "broadcast", "request", "rtt", "monitor", "replay", "decode", "sim", "completion", "manual", "top", "version", "why")


def help_of(cluster, command):
    ended = shoal(cluster, command, "--help")
    check(ended.returncode == 0 and ended.stderr == "", f"{command} --help: {ended}")
    check(all(len(line) <= 80 for line in ended.stdout.splitlines()), "a line is too long")
    return set(re.findall(r"^  (--[a-z-]+)", ended.stdout, re.M))


def every_level_has_help(cluster):
    overview = shoal(cluster, "--help").stdout
    for command in COMMANDS:
        expect_in([f"\n  {command} "], overview)
        check("--help" in help_of(cluster, command), f"{command} does not show --help")
    check(shoal(cluster, "-h").stdout == shoal(cluster, "help").stdout == overview, "-h differs")


def completed(cluster, *words):
    """What bash offers for the last of the words."""
    script = ('source <("$SHOAL" completion bash); COMP_WORDS=(shoal "$@"); COMP_CWORD=$#; _shoal; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    result = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, check=True,
                            cwd=cluster.folder, env={**os.environ, "SHOAL": cluster.program})
    check(not result.stderr, result.stderr)
    return set(result.stdout.split())


def bash_completes_commands_options_and_their_values(cluster):
    open(os.path.join(cluster.folder, "capture.pcap"), "w", encoding="utf-8").close()
    os.mkdir(os.path.join(cluster.folder, "capsules"))
    check(completed(cluster, "m") == {c for c in COMMANDS if c.startswith("m")}, "commands")
    check(completed(cluster, "") == {*COMMANDS, "help"}, "all commands")
    check(completed(cluster, "members", "--f") == {"--format"}, "options")
    check(completed(cluster, "members", "--format", "c") == {"csv"}, "values")
    check(completed(cluster, "decode", "cap") == {"capture.pcap", "capsules"}, "files")
    check(completed(cluster, "agent", "--state-dir", "cap") == {"capsules"}, "folders")
    check(completed(cluster, "agent", "--log-format", "t") == set(), "a value that is not known")
    for command in COMMANDS:
        told = set(re.findall(r"^  (--[a-z-]+)", shoal(cluster, command, "--help").stdout, re.M))
        check(completed(cluster, command, "--") == told, f"{command} has {told}")


def every_shell_completes_every_option(cluster):
    for shell, form in (("zsh", "--{}["), ("fish", "-l {} ")):
        script = shoal(cluster, "completion", shell).stdout
        for command in COMMANDS:
            for option in re.findall(r"^  --([a-z-]+)", shoal(cluster, command, "--help").stdout, re.M):
                check(form.format(option) in script, f"{shell}: {command} --{option}")
        if shutil.which(shell):
            subprocess.run([shell, "-n"], input=script, text=True, check=True)
    expect_in(["csh", "bash, zsh or fish"], complaint(shoal(cluster, "completion", "csh"), 2))


if __name__ == "__main__":
    main()
