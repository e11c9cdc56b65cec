"""Ask the running demo what README's curl examples ask, and compare the answers.

Waits until process PID serves; fails when it ends, or after five minutes.
"""

import os
import re
import sys
import time
import urllib.request
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^\$ curl (?:-H '(\w+): ([^']*)' )?'(http://[^']*)'\n(.*)$", re.M)


def ask(url: str, headers: dict[str, str], deadline: float) -> str:
    """Return the body of an answer, as soon as there is one."""
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError:
            os.kill(int(sys.argv[1]), 0)
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


found = EXAMPLE.findall(README)
end = time.monotonic() + 300
for name, value, url, printed in found:
    if ask(url, {name: value} if name else {}, end) != printed:
        sys.exit(f"{url} is not answered as README says")
sys.exit(None if found else "README has no example")
