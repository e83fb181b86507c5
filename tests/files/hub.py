"""A stand-in for the Hugging Face hub: one data set in a folder, over HTTP, as its clients ask for it."""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

REPO = "ann/clips"
COMMIT = "c0ffee" * 6 + "c0ff"
LARGE_SUFFIXES = (".npy", ".mkv", ".mp4")  # kept as large files are: named by their sha256


class Hub:
    """The content of the data set, and what goes wrong on purpose."""

    def __init__(self, root: Path, token: str = "secret") -> None:
        self.root, self.token = root, token
        self.large: dict[str, bytes] = {}  # sha256 -> content, sent and not committed yet
        self.asked: list[str] = []
        self.refuses_commit = False
        self.fails_after: int | None = None  # so many commits
        self.garbles: set[str] = set()  # names whose content arrives changed
        self.num_commits = 0
        self.url = ""

    def told(self, name: str) -> dict | None:
        """What the hub says of a file."""
        path = self.root / name
        if not path.is_file():
            return None
        content = path.read_bytes()
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        fact = {"type": "file", "path": name, "size": len(content), "oid": oid}
        if name.endswith(LARGE_SUFFIXES):
            sha256 = hashlib.sha256(content).hexdigest()
            fact["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 130}
        return fact

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    def put(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[:-1] + b"!" if name in self.garbles else content)


@contextmanager
def serving(root: Path):
    """A `Hub` over `root` that listens to this machine while the block lasts."""
    hub = Hub(root)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, content: object, status: int = 200, **headers: str) -> None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append(f"{self.command} {path}")
            api = f"/api/datasets/{REPO}"
            if path.startswith(f"{api}/tree/"):
                below = path.removeprefix(f"{api}/tree/").partition("/")[2]
                self.answer(_tree(hub, below))
            elif path == api or path.startswith(f"{api}/revision/"):
                siblings = [{"rfilename": name} for name in hub.names()]
                self.answer(
                    {
                        "id": REPO,
                        "sha": COMMIT,
                        "siblings": siblings,
                        "private": False,
                        "tags": [],
                        "downloads": 0,
                    }
                )
            elif path.startswith(f"/datasets/{REPO}/resolve/"):
                self.send_file(path.removeprefix(f"/datasets/{REPO}/resolve/").partition("/")[2])
            else:
                self.answer({"error": "Not found"}, 404, X_Error_Code="RepoNotFound")

        def send_file(self, name: str) -> None:
            path = hub.root / name
            if not path.is_file():
                self.answer({"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound")
                return
            content = path.read_bytes()
            headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X_Repo_Commit": COMMIT}
            headers |= {"Accept_Ranges": "bytes"}
            asked = self.headers.get("Range", "")
            if asked.startswith("bytes="):
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, stop = int(first), min(int(last or len(content) - 1), len(content) - 1)
                headers["Content_Range"] = f"bytes {start}-{stop}/{len(content)}"
                self.answer(content[start : stop + 1], 206, **headers)
            else:
                self.answer(content, **headers)

        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            hub.large[self.path.rpartition("/")[2]] = content
            self.answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = unquote(urlsplit(self.path).path)
            hub.asked.append(f"POST {path}")
            if self.headers.get("Authorization") != f"Bearer {hub.token}":
                self.answer({"error": "Invalid token"}, 401)
            elif f"/{REPO}" not in path:
                self.answer({"error": "Not found"}, 404, X_Error_Code="RepoNotFound")
            elif "/paths-info/" in path:
                wanted = parse_qs(body.decode())["paths"]
                self.answer([fact for name in wanted if (fact := hub.told(name)) is not None])
            elif "/preupload/" in path:
                files = json.loads(body)["files"]
                modes = {True: "lfs", False: "regular"}
                told = [
                    {
                        "path": file["path"],
                        "uploadMode": modes[file["path"].endswith(LARGE_SUFFIXES)],
                        "shouldIgnore": False,
                    }
                    for file in files
                ]
                self.answer({"files": told})
            elif path.endswith("/objects/batch"):
                objects = [
                    each | {"actions": {"upload": {"href": f"{hub.url}/lfs/{each['oid']}"}}}
                    for each in json.loads(body)["objects"]
                ]
                self.answer({"transfer": "basic", "objects": objects})
            elif "/commit/" in path:
                self.commit(body)
            else:
                self.answer({"error": f"what is {path}?"}, 404)

        def commit(self, body: bytes) -> None:
            hub.num_commits += 1
            if hub.refuses_commit or (hub.fails_after is not None and hub.num_commits > hub.fails_after):
                self.answer({"error": "the disk of the hub is full"}, 500)
                return
            for line in body.splitlines():
                said = json.loads(line)
                value = said["value"]
                if said["key"] == "file":
                    hub.put(value["path"], base64.b64decode(value["content"]))
                elif said["key"] == "lfsFile":
                    hub.put(value["path"], hub.large[value["oid"]])
            self.answer(
                {
                    "commitUrl": f"{hub.url}/datasets/{REPO}/commit/{COMMIT}",
                    "commitOid": COMMIT,
                    "pullRequestUrl": None,
                }
            )

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _tree(hub: Hub, below: str) -> list[dict]:
    names = [name for name in hub.names() if not below or name.startswith(f"{below}/")]
    folders = {
        str(parent) for name in names for parent in Path(name).parents if str(parent) not in (".", below)
    }
    told = [{"type": "directory", "path": folder, "size": 0, "oid": "0" * 40} for folder in sorted(folders)]
    return told + [fact for name in names if (fact := hub.told(name)) is not None]
