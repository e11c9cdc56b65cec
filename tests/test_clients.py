"""Real HTTP clients, each with its own library, receive the recorded bytes."""

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import packages, truth
from tests.conftest import ROOT

_COUNT = 12
_Ask = Callable[[str, Path], list[bytes]]


def _plain() -> list[truth.Recording]:
    """Return recordings of requests that any client can send: a GET with an Accept."""
    found = [
        item
        for item in truth.recordings()
        if item.method == "GET"
        and item.answer.status in (200, 400)
        and not item.error_detail
        and not item.breaks_store
        and [name for name, _ in item.headers] == ["Host", "Accept"]
        and item.target.startswith("/ChargeProcess/Status?user_id=")
        and "%" not in item.target
    ]
    half = _COUNT // 2
    formats = ([i for i in found if i.answer.body[:1] == mark] for mark in (b"{", b"<"))
    return [item for each in formats for item in each[:: max(1, len(each) // half)][:half]]


_ASKED = _plain()


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service on the recorded processes."""
    port = truth.free_port()
    env = {name: text for name, text in os.environ.items() if not name.startswith("CHARGECLOUD_")}
    env |= {"CHARGECLOUD_DATABASE_URL": database_url, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "app", "serve", "--workers", "1"]
    command += ["--bind", f"127.0.0.1:{port}"]
    with truth.running(command, port, env, tmp_path_factory.mktemp("clients")):
        yield f"http://127.0.0.1:{port}"


def _requests() -> str:
    """Return what the programs read: a target and an Accept for each line."""
    accepts = (dict(item.headers)["Accept"] for item in _ASKED)
    lines = zip((item.target for item in _ASKED), accepts, strict=True)
    return "".join(f"{target}\t{accept}\n" for target, accept in lines)


def _run(command: list[str]) -> list[bytes]:
    """Run a program that prints each body in base64."""
    done = subprocess.run(
        command, input=_requests(), capture_output=True, text=True, timeout=100, check=True
    )
    return [base64.b64decode(line) for line in done.stdout.split("\n") if line]


def _curl(url: str, folder: Path) -> list[bytes]:
    program = packages.program("curl")
    return [
        subprocess.run(
            [program, "-s", "-H", f"Accept: {dict(item.headers)['Accept']}", url + item.target],
            capture_output=True,
            check=True,
        ).stdout
        for item in _ASKED
    ]


_PYTHON = """
import base64, sys, requests
with requests.Session() as session:
    for line in sys.stdin:
        target, accept = line.rstrip("\\n").split("\\t")
        found = session.get(sys.argv[1] + target, headers={"Accept": accept})
        print(base64.b64encode(found.content).decode())
"""


def _python(url: str, folder: Path) -> list[bytes]:
    return _run([sys.executable, "-c", _PYTHON, url])


_NODE = """
const lines = require("fs").readFileSync(0, "utf-8").split("\\n").filter(Boolean);
(async () => {
  for (const line of lines) {
    const [target, accept] = line.split("\\t");
    const found = await fetch(process.argv[1] + target, {headers: {accept}});
    console.log(Buffer.from(await found.arrayBuffer()).toString("base64"));
  }
})();
"""


def _node(url: str, folder: Path) -> list[bytes]:
    return _run([packages.program("node"), "-e", _NODE, url])


_JAVA = """
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.util.Base64;

public class Client {
    public static void main(String[] args) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = lines.readLine()) != null; ) {
            String[] parts = line.split("\\t");
            URI uri = URI.create(args[1] + parts[0]);
            byte[] body = args[0].equals("old") ? old(uri, parts[1]) : client.send(
                HttpRequest.newBuilder(uri).header("Accept", parts[1]).build(),
                HttpResponse.BodyHandlers.ofByteArray()).body();
            System.out.println(Base64.getEncoder().encodeToString(body));
        }
    }

    static byte[] old(URI uri, String accept) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
        connection.setRequestProperty("Accept", accept);
        InputStream body = connection.getResponseCode() < 400
            ? connection.getInputStream() : connection.getErrorStream();
        return body.readAllBytes();
    }
}
"""


def _java(kind: str) -> _Ask:
    def ask(url: str, folder: Path) -> list[bytes]:
        packages.program("javac")
        source = folder / "Client.java"
        source.write_text(_JAVA, encoding="utf-8")
        return _run([packages.program("java"), str(source), kind, url])

    return ask


_CSHARP = """
using System;
using System.Net.Http;

public static class Client {
    public static void Main(string[] args) {
        using (var client = new HttpClient()) {
            for (string line; (line = Console.ReadLine()) != null; ) {
                var parts = line.Split('\\t');
                var request = new HttpRequestMessage(HttpMethod.Get, args[0] + parts[0]);
                request.Headers.TryAddWithoutValidation("Accept", parts[1]);
                var body = client.SendAsync(request).Result.Content.ReadAsByteArrayAsync().Result;
                Console.WriteLine(Convert.ToBase64String(body));
            }
        }
    }
}
"""


def _dotnet(url: str, folder: Path) -> list[bytes]:
    library = packages.program("/usr/lib/mono/4.5/System.Net.Http.dll")
    source = folder / "Client.cs"
    source.write_text(_CSHARP, encoding="utf-8")
    compiler = packages.program("mcs")
    subprocess.run([compiler, f"-r:{library}", str(source)], check=True, capture_output=True)
    return _run([packages.program("mono"), str(folder / "Client.exe"), url])


_CLIENTS: dict[str, _Ask] = {
    "curl": _curl,
    "requests": _python,
    "fetch of Node": _node,
    "HttpURLConnection of Java": _java("old"),
    "HttpClient of Java": _java("new"),
    "HttpClient of .NET": _dotnet,
}


@pytest.mark.parametrize("name", _CLIENTS)
def test_a_client_receives_the_recorded_bytes(name: str, url: str, tmp_path: Path) -> None:
    """Values and errors, in JSON and in XML."""
    bodies = _CLIENTS[name](url, tmp_path)

    assert bodies == [item.answer.body for item in _ASKED]


def test_the_requests_ask_for_both_formats() -> None:
    """So that none of these tests is about one format only."""
    assert [item.answer.body[:1] for item in _ASKED] == [b"{"] * 6 + [b"<"] * 6
