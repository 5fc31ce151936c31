"""docs/python.md, run as it stands there: its commands start a server and make a key, its code trains and answers."""

import contextlib
import io
import pathlib
import re
import shlex
import subprocess
import sys

import pytest
from house import CONSENTRY, ROOT, Browser, House, serve, stop

EXAMPLE = "bindings/python/examples/pipeline.py"


def blocks(page: str, language: str) -> list[str]:
    """What stands in the page's fences of that language."""
    return re.findall(rf"\n```{language}\n(.*?)\n```", page, re.DOTALL)


def test_the_page_is_run_as_it_stands(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    serving, key_new, install, training = blocks(page, "sh")
    people, nobody, one, columns = blocks(page, "text")
    example, *snippets = blocks(page, "python")
    assert example == (ROOT / EXAMPLE).read_text().rstrip(), "the page and the example say different things"
    assert install == "pip install ./bindings/python"

    database = f"sqlite:{tmp_path / 'consentry.db'}"
    assert serving == "consentry serve --policies policies/adforge --database sqlite:consentry.db --listen 127.0.0.1:8080"
    server = serve(tmp_path, pathlib.Path("policies/adforge"), database, "127.0.0.1:0")
    try:
        home = House(tmp_path, server, database)
        words = shlex.split(key_new.replace("sqlite:consentry.db", database))
        assert words[0] == "consentry"
        made = subprocess.run([CONSENTRY, *words[1:]], check=True, capture_output=True, text=True)
        monkeypatch.setenv("CONSENTRY_KEY", made.stdout.strip())

        program, script, url, redirected = training.split(" ", 3)
        assert (program, script, redirected) == ("python", EXAMPLE, "< people.txt")

        def trained() -> str:
            command = [sys.executable, script, url.replace("http://127.0.0.1:8080", home.url)]
            return subprocess.run(command, input=people, check=True, capture_output=True, text=True, cwd=ROOT).stdout.rstrip()

        def answered() -> str:
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                names: dict[str, object] = {}
                for snippet in snippets:
                    exec(snippet.replace("http://127.0.0.1:8080", home.url), names)
            return printed.getvalue().rstrip()

        first = Named(people.splitlines()[0])
        assert trained() == nobody
        home.grant(first)
        assert trained() == one
        assert answered() == columns
        home.refuse(first)
        assert trained() == nobody
        assert answered() == "False withdrawn\n[]\n[False False] 0"
        # Whatever is not a yes is an error, and no training.
        monkeypatch.setenv("CONSENTRY_KEY", "ck_" + "A" * 43)
        with pytest.raises(subprocess.CalledProcessError):
            trained()
    finally:
        stop(server)


class Named(Browser):
    """The browser of the page's first line."""

    def __init__(self, subject: str) -> None:
        super().__init__()
        device, secret = subject.removeprefix("device:"), self.headers["Authorization"].split(".")[1]
        self.subject = subject
        self.headers["Authorization"] = f"Bearer {device}.{secret}"
