"""A real ComfyUI on a free loopback port, and a client that follows its prompts."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
COMFYUI = Path(os.environ.get("COMFYUI_PATH", "~/comfy/ComfyUI")).expanduser()
PATIENCE = float(os.environ.get("COMFYUI_PATIENCE", 1))
"""How many times as long as usual to wait, on a machine that is busy with other things."""
TEXT = 3
"""The kind of ComfyUI's binary messages that holds a text for a node; all others hold pictures."""
START_SECONDS, PROMPT_SECONDS, SILENT_SECONDS = (PATIENCE * seconds for seconds in (180, 240, 120))


def comfy_python() -> Path:
    own = COMFYUI / ".venv" / "bin" / "python"
    return Path(os.environ.get("COMFYUI_PYTHON", own if own.exists() else sys.executable))


@dataclass
class Run:
    """What became of a prompt."""

    status: str
    """"execution_success", "execution_error" or "execution_interrupted"."""
    seconds: float
    outputs: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    progress: list[dict[str, Any]] = field(default_factory=list)
    previews: int = 0
    cached: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """What nodes show on themselves besides what they give, by node."""


class Comfy:
    """Talks to one running server."""

    def __init__(self, port: int, base: Path, process: int) -> None:
        import websocket

        self.address, self.base, self.client = f"127.0.0.1:{port}", base, uuid.uuid4().hex
        self.process = process
        self.socket = websocket.create_connection(
            f"ws://{self.address}/ws?clientId={self.client}", timeout=SILENT_SECONDS
        )

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=60) as answer:
            return json.load(answer)

    def text(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=60) as answer:
            return answer.read().decode()

    def post(self, path: str, data: object) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://{self.address}{path}", json.dumps(data).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def add_input(self, picture: Image.Image | Path, name: str) -> str:
        """Put a picture into the input folder; returns the name for Load Image."""
        target = self.base / "input" / name
        if isinstance(picture, Path):
            target.write_bytes(picture.read_bytes())
        else:
            picture.save(target)
        return name

    def run(self, prompt: dict[str, Any], on_progress: Callable[[dict[str, Any]], None] = lambda data: None) -> Run:
        """Queue a prompt and follow it to its end."""
        code, answer = self.post("/prompt", {"prompt": prompt, "client_id": self.client})
        assert code == 200, answer
        run, started = Run("", 0.0), time.monotonic()
        while time.monotonic() - started < PROMPT_SECONDS:
            message = self.socket.recv()
            if isinstance(message, bytes):
                if int.from_bytes(message[:4], "big") == TEXT:
                    length = int.from_bytes(message[4:8], "big")
                    run.texts[message[8 : 8 + length].decode()] = message[8 + length :].decode()
                else:
                    run.previews += 1
                continue
            kind, data = (lambda m: (m["type"], m.get("data") or {}))(json.loads(message))
            if data.get("prompt_id") not in (None, answer["prompt_id"]):
                continue
            if kind == "progress":
                run.progress.append(data)
                on_progress(data)
            elif kind == "execution_cached":
                run.cached = data["nodes"]
            elif kind == "executed":
                run.outputs[data["node"]] = data["output"]
            elif kind in ("execution_success", "execution_error", "execution_interrupted"):
                run.status, run.error, run.seconds = kind, data, time.monotonic() - started
                return run
        raise AssertionError(f"the prompt did not end within {PROMPT_SECONDS} s")

    def picture(self, run: Run, node: str, index: int = 0) -> np.ndarray:
        """A picture that a Save or Preview Image node wrote, (H, W, 3) of bytes."""
        query = urllib.parse.urlencode(run.outputs[node]["images"][index])
        with urllib.request.urlopen(f"http://{self.address}/view?{query}", timeout=60) as answer:
            return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB"))


@contextmanager
def running(base: Path, packs: Path | None = None) -> Iterator[Comfy]:
    """Start ComfyUI with this pack in the folder `base`, and end it afterwards.

    Beside it other packs may lie in the folder `packs`, and in its `python` what they need.
    """
    for name in ("custom_nodes", "input", "output", "temp", "user", "models/vae_approx", "models/loras"):
        (base / name).mkdir(parents=True, exist_ok=True)
    (base / "custom_nodes" / "ComfyUI-FaceVeil").symlink_to(ROOT, target_is_directory=True)
    (base / "custom_nodes" / "tiny_models").symlink_to(
        Path(__file__).with_name("tiny_models"), target_is_directory=True
    )
    for pack in packs.iterdir() if packs else ():
        if (pack / "__init__.py").is_file():
            (base / "custom_nodes" / pack.name).symlink_to(pack, target_is_directory=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [comfy_python(), Path(__file__).with_name("launch.py"), COMFYUI, "--cpu", "--port", str(port)]
    command += ["--listen", "127.0.0.1", "--base-directory", base, "--disable-auto-launch", "--preview-method", "auto"]
    command += ["--database-url", "sqlite:///:memory:", "--user-directory", base / "user"]
    log = base / "server.log"
    # The weights and keys a developer has at hand must not decide what a test sees, or sends.
    own = {"FACEVEIL_HOME": str(base / "home"), "FACEVEIL_MODELS": "", "DIDIT_API_KEY": ""}
    environment = {**os.environ, **own, **({"PYTHONPATH": str(packs / "python")} if packs else {})}
    with log.open("w") as out:
        server = subprocess.Popen(
            [str(part) for part in command], stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=base, env=environment
        )
        try:
            wait_until_up(server, port, log)
            yield Comfy(port, base, server.pid)
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def wait_until_up(server: subprocess.Popen, port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/system_stats", timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"ComfyUI did not start:\n{log.read_text()[-4000:]}")
