"""What a type checker finds, and that its types are those of what is installed."""

import subprocess
import sys
import textwrap
from pathlib import Path

from house import ROOT


# Which it takes for no aliases, but are.
LITERALS = "consentry._types.(Activity|AgeBand|DataForm|Signal)"


def test_the_types_are_those_of_what_is_installed(tmp_path: Path) -> None:
    (allowed := tmp_path / "allowed.txt").write_text(LITERALS)
    options = ["--concise", "--allowlist", str(allowed), "--mypy-config-file", str(ROOT / "bindings" / "python" / "pyproject.toml")]
    command = [sys.executable, "-m", "mypy.stubtest", "consentry", *options]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_type_checker_finds_who_forgot_to_ask(tmp_path: Path) -> None:
    file = tmp_path / "forgot.py"
    begin = """
        import consentry
        from consentry import Intent, Permit

        class Film(Intent):
            purpose = "downstream-ai"

        class Train(Intent):
            purpose = "ai-training"

        def film(picture: bytes, permit: Permit[Film]) -> None: ...

        def go(consent: consentry.Remote, subject: str) -> None:
            """
    for line, error in (
        ('film(b"", consent.require_for(Film, subject))', None),
        ('film(b"")', "call-arg"),
        ('film(b"", consent.require_for(Train, subject))', "arg-type"),
        ('film(b"", consent.require(subject, consentry.Question("downstream-ai")))', "arg-type"),
        ('film(b"", Permit())', "call-arg"),
        ('film(b"", consent.decide(subject, consentry.Question("downstream-ai")))', "arg-type"),
        ("consent.require_for(Film, subject, country='DE')", "call-arg"),
    ):
        file.write_text(textwrap.dedent(begin) + f"    {line}\n")
        ran = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(file)], capture_output=True, text=True, cwd=tmp_path)
        found = "Success" if error is None else f"[{error}]"
        assert found in ran.stdout, f"{line}: {ran.stdout}{ran.stderr}"
