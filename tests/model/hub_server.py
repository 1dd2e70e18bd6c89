"""A model hub on this machine: the few addresses that huggingface_hub asks, over a real socket."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "some-lab/tiny-wan"


@dataclass
class Hub:
    """What it has and how it behaves; every request is noted as `METHOD path range`."""

    files: dict[str, bytes]
    license: str | None = "apache-2.0"
    is_gated: bool = False
    cut_at: dict[str, int] = field(default_factory=dict)
    """Files whose connection breaks after so many bytes, once."""
    fails: set[str] = field(default_factory=set)
    """Files that are an error of the server after their connection broke."""
    requests: list[str] = field(default_factory=list)
    endpoint: str = ""

    def description(self) -> dict[str, object]:
        siblings = [
            {"rfilename": name, "size": len(content), "blobId": hashlib.sha1(content).hexdigest()}
            | ({"lfs": self.lfs(name)} if self.is_large(name) else {})
            for name, content in self.files.items()
        ]
        card = {"license": self.license} if self.license else {}
        return {
            "id": REPOSITORY,
            "sha": COMMIT,
            "siblings": siblings,
            "cardData": card,
            "gated": "auto" if self.is_gated else False,
        }

    def tree(self) -> list[dict[str, object]]:
        return [
            {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            | ({"lfs": {"oid": self.lfs(name)["sha256"], **self.lfs(name)}} if self.is_large(name) else {})
            for name, content in self.files.items()
        ]

    def lfs(self, name: str) -> dict[str, object]:
        content = self.files[name]
        return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}

    def is_large(self, name: str) -> bool:
        return name.endswith((".safetensors", ".pth"))

    def etag(self, name: str) -> str:
        return str(self.lfs(name)["sha256"]) if self.is_large(name) else hashlib.sha1(self.files[name]).hexdigest()


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serves at a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def answer(self, *, with_body: bool) -> None:
            path = urlsplit(self.path).path
            hub.requests.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
            api = f"/api/models/{REPOSITORY}"
            if path in (api, f"{api}/revision/main", f"{api}/revision/{COMMIT}"):
                self.send_json(hub.description())
            elif path == f"{api}/tree/{COMMIT}":
                self.send_json(hub.tree())
            elif path == f"{api}/auth-check":
                self.refuse(403, "GatedRepo")
            elif path.startswith(f"{api}/revision/"):
                self.refuse(404, "RevisionNotFound")
            elif path.startswith(f"/{REPOSITORY}/resolve/{COMMIT}/"):
                self.send_file(path.split("/", 5)[5], with_body=with_body)
            else:
                self.refuse(404, "RepoNotFound")

        def send_file(self, name: str, *, with_body: bool) -> None:
            content = hub.files[name]
            if with_body and name in hub.fails and name not in hub.cut_at:
                self.refuse(500, "ServerError")
                return
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("ETag", f'"{hub.etag(name)}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if with_body:
                end = hub.cut_at.pop(name, len(content))
                self.wfile.write(content[start:end])
                self.close_connection = end < len(content)

        def send_json(self, answer: object) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Requests are noted instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
