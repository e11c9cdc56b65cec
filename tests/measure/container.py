"""Builds what `deploy container` prints without a container engine, and runs it: by hand, as root.

    python -m tests.measure.container --base trixie.tar

takes a tar of a Debian that debootstrap made (with python3 and python3-pip) for the base image,
makes a folder for each stage, and does the recipe's instructions in it by chroot. Then it runs
the image's command as its user, as process 1, with a root that can only be read and without
capabilities, asks its health check and a status, and stops it by SIGTERM.
"""

import argparse
import http.client
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from app.server.deploy.container import recipe
from tests.conftest import ROOT

_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


class Image:
    """A stage of the recipe, in a folder."""

    def __init__(self, base: Path, root: Path) -> None:
        self.root = root
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
        self.folder, self.user = "/", "0:0"
        self.lists: dict[str, list[str]] = {}
        root.mkdir()
        subprocess.run(["tar", "-C", root, "-xf", base], check=True)
        for name in ("/etc/resolv.conf", "/etc/hosts"):
            if Path(name).exists():
                shutil.copyfile(name, f"{root}{name}")
        shutil.copyfile(os.environ.get("SSL_CERT_FILE", _CERTIFICATES), f"{root}{_CERTIFICATES}")

    def run(self, command: Sequence[str]) -> None:
        """Run a command in the stage."""
        inside = ["chroot", str(self.root), "env", "-C", self.folder, *command]
        # The base image's python3 has venv; Debian's has it in a package of its own.
        subprocess.run(inside, check=True, env={**_proxies(), **self.env})


def _proxies() -> dict[str, str]:
    names = ("PIP_INDEX_URL", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
    given = {name: os.environ[name] for name in names if name in os.environ}
    return {**given, "PIP_CERT": _CERTIFICATES, "SSL_CERT_FILE": _CERTIFICATES}


def build(text: str, base: Path, context: Path, work: Path) -> Image:
    """Do a recipe's instructions; returns its last stage. ``context`` is the folder built from."""
    stages: dict[str, Image] = {}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            name = rest.partition(" AS ")[2] or "last"
            image = stages[name] = Image(base, work / name)
            image.run(["apt-get", "update", "-qq"])
            image.run(["apt-get", "install", "-y", "-qq", "python3-venv"])
        elif word == "RUN":
            image.run(["sh", "-ec", rest])
        elif word == "COPY":
            _copy(rest, image, stages, context)
        elif word == "ENV":
            name, _, value = rest.partition("=")
            image.env[name] = value
        elif word == "WORKDIR":
            image.folder = rest
            (image.root / rest[1:]).mkdir(parents=True, exist_ok=True)
        elif word == "USER":
            image.user = rest
        elif word in ("ENTRYPOINT", "CMD"):
            image.lists[word] = re.findall(r'"([^"]*)"', rest)
        elif word == "HEALTHCHECK":
            image.lists[word] = re.findall(r'"([^"]*)"', rest.partition(" CMD ")[2])
        elif word not in ("", "#", "VOLUME", "EXPOSE", "STOPSIGNAL") and not line.startswith("#"):
            sys.exit(f"an unknown instruction: {line}")
    return image


def _copy(rest: str, image: Image, stages: dict[str, Image], context: Path) -> None:
    words = rest.split()
    source = context
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")].root
    pattern, target = words
    for item in source.glob(pattern.lstrip("/")):
        subprocess.run(["cp", "-a", item, f"{image.root}{target}"], check=True)


def serve(image: Image) -> None:
    """Run the image, send it requests, and stop it."""
    user, group = image.user.split(":")
    command = [*image.lists["ENTRYPOINT"], *image.lists["CMD"]]
    root = shlex.quote(str(image.root))
    # As an engine does: a root that can only be read, and what is mounted over it.
    script = f"""
        mount --bind {root} {root}; mount -o remount,bind,ro {root}
        mount -t tmpfs tmpfs {root}/tmp
        mount -t tmpfs -o uid={user},gid={group},mode=0700 tmpfs {root}/var/lib/chargecloud
        mount -t proc proc {root}/proc; mount --bind /dev {root}/dev
        exec {shutil.which("chroot")} {root} /usr/bin/setpriv --reuid={user} --regid={group} \
          --clear-groups --no-new-privs --bounding-set=-all \
          env -C {image.folder} {shlex.join(command)}
    """
    inside = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-ec", script]
    with subprocess.Popen(inside, env=image.env) as process:
        try:
            _wait()
            main = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
            status = Path(f"/proc/{main}/status").read_text()
            print(re.findall(r"^(?:Uid|NSpid|CapBnd|NoNewPrivs):.*", status, re.M))
            enter = ["nsenter", "--target", str(main), "--mount", "--pid"]
            enter += [str(shutil.which("chroot")), f"--userspec={image.user}", str(image.root)]
            check = subprocess.run([*enter, *image.lists["HEALTHCHECK"]], env=image.env)
            print("the health check's exit code:", check.returncode)
            touched = subprocess.run([*enter, "touch", "/opt/x"], capture_output=True, text=True)
            print("a file below /opt:", touched.stderr.strip())
            print(_ask("/ChargeProcess/Status?user_id=1"), _ask("/readyz"))
            started = time.monotonic()
            os.kill(main, signal.SIGTERM)
            code = process.wait(40)
            print(f"SIGTERM: exit code {code} in {time.monotonic() - started:.1f} s")
        finally:
            process.kill()


def _ask(target: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=5)
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _wait() -> None:
    for _ in range(300):
        try:
            _ask("/healthz")
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("nothing listens on port 8000")


def main() -> None:
    """Build and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="A tar of a Debian.")
    base = parser.parse_args().base
    with tempfile.TemporaryDirectory(prefix="chargecloud-image-") as folder:
        work = Path(folder)
        context = work / "context"
        context.mkdir()
        wheel = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir"]
        subprocess.run([*wheel, str(context), str(ROOT / ".packaging")], check=True)
        shutil.copyfile(ROOT / ".requirements.lock", context / "requirements.lock")
        serve(build(recipe("base"), base, context, work))


if __name__ == "__main__":
    main()
