"""The examples of README.md and of the guides after a quickstart, as they stand there."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.serving.conftest import ROOT, free_port

DOCUMENTS = ["README.md", "docs/searching.md", "docs/shop.md", "docs/archive.md"]
TEXT = "\n".join((ROOT / document).read_text(encoding="utf-8") for document in DOCUMENTS)

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_CALL = re.compile(r"^api (\w+)", re.MULTILINE)
_ADDRESS = "http://127.0.0.1:8000"
_GIVEN = "export TOKEN=…  COLLECTION=…\n"


def blocks(language: str, holding: str) -> list[str]:
    """The blocks of a language with a text in them."""
    return [
        each["text"] for each in _BLOCK.finditer(TEXT) if each["language"] == language and holding in each["text"]
    ]


SHELL = blocks("", "api ")
"""The first one defines the function by which the others call."""

CALLED = [method for block in SHELL for method in _CALL.findall(block)]


@dataclass(frozen=True)
class Quickstart:
    """A running quickstart in a home of its own, and what it printed."""

    home: Path
    address: str
    token: str
    collection: str


@pytest.fixture(scope="module")
def quickstart(
    new_database: Callable[..., str], template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Quickstart]:
    home = tmp_path_factory.mktemp("readme")
    address = f"http://127.0.0.1:{(port := free_port())}"
    environment = {
        **os.environ,
        "DATABASE_URL": new_database(template),
        "LOOKALIKE_HOME": str(home / ".lookalike"),
        "LOOKALIKE_WORKERS": "1",
    }
    command = [sys.executable, "-m", "app", "quickstart", "--port", str(port)]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if address in line and "curl" in printed:
                break
        token, collection = (re.search(rf"{name} +(\S+)", printed) for name in ("token", "collection-id"))
        assert token is not None, printed
        assert collection is not None, printed
        yield Quickstart(home, address, token[1], collection[1])
        process.terminate()
        process.stdout.read()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are for curl")
def test_every_call_of_the_shell_is_answered_with_success(quickstart: Quickstart) -> None:
    script = "\n".join(SHELL)
    assert script.startswith(_GIVEN)
    environment = {
        **os.environ,
        "HOME": str(quickstart.home),
        "TOKEN": quickstart.token,
        "COLLECTION": quickstart.collection,
    }
    script = script.removeprefix(_GIVEN).replace(_ADDRESS, quickstart.address)
    done = subprocess.run(["bash", "-euc", script], env=environment, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line]
    failed = [
        (method, answer)
        for method, answer in zip(CALLED, answers, strict=True)
        if not 200 <= answer["status"]["code"] < 300 or answer.get("answer_count") == 0
    ]
    assert len(answers) > 10
    assert failed == []


def test_the_python_client_runs_as_shown(
    quickstart: Quickstart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (script,) = blocks("python", "ximilar")
    monkeypatch.chdir(tmp_path)
    Image.radial_gradient("L").convert("RGB").save("photo.jpg")
    names: dict[str, Any] = {"TOKEN": quickstart.token, "COLLECTION": quickstart.collection}
    # Every line that calls the client is kept with its answer.
    kept = re.sub(r"^(client\.\w+\()", r"answers += [0]; answers[-1] = \1", script, flags=re.MULTILINE)
    names["answers"] = []
    exec(kept.replace(_ADDRESS, quickstart.address), names)
    assert [answer["status"]["code"] for answer in names["answers"]] == [210, 200, 205, 220]
