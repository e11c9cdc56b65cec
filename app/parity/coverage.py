"""What a run compared, and so what its verdict can speak of."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from app.parity.amount import amount
from app.parity.bounds import count, cut
from app.parity.document import content_type, format_of
from app.parity.recording import Answer, Request
from app.parity.text_tree import Node

_MOST_VALUES: Final = 1_000
_MOST_USERS: Final = 100_000
_MOST_URLS: Final = 100_000
_MOST_NAMES: Final = 50
_OTHER: Final = "other"
_FORMATS: Final = {
    "application/json": "json",
    "text/json": "json",
    "application/xml": "xml",
    "text/xml": "xml",
}
_HINTS: Final = {
    401: "check the credentials (--header)",
    403: "check the credentials (--header)",
    404: "check the path of the base URL",
}


class Distinct:
    """How many different values were seen, in bounded memory.

    Args:
        most: where counting ends.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._hashes: set[int] = set()

    def add(self, value: str) -> None:
        """Count a value that was not seen before."""
        if len(self._hashes) < self._most:
            self._hashes.add(hash(value))

    @property
    def count(self) -> int:
        """How many, at most the bound."""
        return len(self._hashes)

    def __str__(self) -> str:
        return f"{self.count:,}" + (" or more" if self.count >= self._most else "")


@dataclass
class MemberCoverage:
    """How often a member was seen with a value, with null, and with how many different values."""

    values: int = 0
    nulls: int = 0
    distinct: Distinct = field(default_factory=lambda: Distinct(_MOST_VALUES))

    def take(self, node: Node) -> None:
        """Count a member of an answer."""
        if node.is_leaf and node.value is None:
            self.nulls += 1
        else:
            self.values += 1
            self.distinct.add(node.raw if node.value is None else node.value)


class Coverage:
    """Counts what the compared answers of the legacy service held.

    Args:
        parameter: the action's parameter, which names a user.
        members: the members of what the action returns.

    Attributes:
        answers: how many were compared.
        statuses, media_types, charsets: of the answers, with how often.
        asked: the formats, ``json`` and ``xml``, that requests wanted, with how often.
        processes: answers that held a process with a value, by format.
        nulls: answers that held no process but null.
        urls: the different targets of the requests.
        users: those of the requests.
        users_with_process: those of them with a process in an answer.
        members: format -> member -> what was seen of it.
    """

    def __init__(self, parameter: str, members: tuple[str, ...]) -> None:
        self.answers = 0
        self.statuses: Counter[int] = Counter()
        self.media_types: Counter[str] = Counter()
        self.charsets: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.processes: Counter[str] = Counter()
        self.nulls = 0
        self.urls = Distinct(_MOST_URLS)
        self.users = Distinct(_MOST_USERS)
        self.users_with_process = Distinct(_MOST_USERS)
        self.members = {
            name: {member: MemberCoverage() for member in members}
            for name in sorted({*_FORMATS.values()})
        }
        self._user = re.compile(rf"[?&]{re.escape(parameter)}=(-?\d+)(?:&|$)", re.I)

    def user(self, request: Request) -> str | None:
        """Return the id of the user in a request, ``None`` if it holds none."""
        found = self._user.search(request.target)
        return found and found[1]

    def take(self, request: Request, answer: Answer, root: Node | None) -> None:
        """Count an answer that was compared, and the tree of its value."""
        self.answers += 1
        self.urls.add(request.target)
        self.statuses[answer.status] += 1
        media_type, charset = content_type(answer)
        _count(self.media_types, media_type or "none")
        _count(self.charsets, charset or "none")
        asked = asked_format(request)
        if asked is not None:
            self.asked[asked] += 1
        user = self.user(request)
        if user is not None:
            self.users.add(user)
        if root is not None and self._take_process(str(format_of(answer)), root) and user:
            self.users_with_process.add(user)

    def unseen(self) -> dict[str, list[str]]:
        """Return the members without a value in an answer, by format, of those with a process."""
        return {
            name: [member for member, seen in members.items() if not seen.values]
            for name, members in self.members.items()
            if self.processes[name]
        }

    def problems(self) -> list[str]:
        """Say why the answers prove nothing, or nothing in a format."""
        if not self.answers:
            return []
        if not self.processes:
            return [self._nothing_proven()]
        return [
            f"nothing was proven for {name.upper()}: {amount(count, 'request')} asked for it,"
            " and no answer in it held a process with a value"
            for name, count in sorted(self.asked.items())
            if not self.processes[name]
        ]

    def lines(self) -> list[str]:
        """Say what was compared: one line, and one for each format's members without a value."""
        if not self.answers:
            return []
        counts = (self.statuses, self.media_types, self.charsets)
        parts = [", ".join(f"{name} ({n:,})" for name, n in each.most_common()) for each in counts]
        formats = " and ".join(f"{n:,} in {name.upper()}" for name, n in self.processes.items())
        parts.append(f"users: {self.users} ({self.users_with_process} with a process)")
        parts.append(f"processes: {formats or 'none'}")
        return ["covered: " + "; ".join(parts)] + [
            f"never seen with a value in {name.upper()}: {', '.join(members)}"
            for name, members in self.unseen().items()
            if members
        ]

    def plain(self) -> dict[str, Any]:
        """Return everything as what JSON can hold."""
        return {
            "answers": self.answers,
            "statuses": {str(status): n for status, n in self.statuses.most_common()},
            "media_types": dict(self.media_types.most_common()),
            "charsets": dict(self.charsets.most_common()),
            "asked_formats": dict(self.asked),
            "processes": dict(self.processes),
            "nulls": self.nulls,
            "users": self.users.count,
            "users_with_process": self.users_with_process.count,
            "members": {
                name: {
                    member: {
                        "values": seen.values,
                        "nulls": seen.nulls,
                        "distinct": seen.distinct.count,
                    }
                    for member, seen in members.items()
                }
                for name, members in self.members.items()
            },
        }

    def _nothing_proven(self) -> str:
        return same_error(self.statuses) or (
            f"nothing was proven: none of {amount(self.answers, 'answer')} held a process with a"
            f" value ({self.nulls:,} were null); name users that have one"
        )

    def _take_process(self, name: str, root: Node) -> bool:
        """Count the members of a value, and say whether it is a process with a value."""
        members = self.members[name]
        known = [child for child in root.children if child.name in members]
        self.nulls += root.is_leaf and root.value is None
        for child in known:
            members[child.name].take(child)
        has_value = any(not child.is_leaf or child.value is not None for child in known)
        if has_value:
            self.processes[name] += 1
        return has_value


def same_error(statuses: Counter[int]) -> str | None:
    """Say that all answers were the same error, ``None`` if they were not."""
    (status, count), *others = statuses.most_common() or [(0, 0)]
    if others or status < 400:
        return None
    hint = _HINTS.get(status, "check the requests")
    return f"nothing was proven: every answer was {status} ({amount(count, 'answer')}); {hint}"


def asked_format(request: Request) -> str | None:
    """Return the format that a request wants, ``None`` where it leaves that open."""
    named = {_FORMATS[item] for item in _accepted(request) if item in _FORMATS}
    return named.pop() if len(named) == 1 else None


def _accepted(request: Request) -> Iterator[str]:
    for item in (request.header("Accept") or "").split(","):
        yield item.partition(";")[0].strip().lower()


def _count(names: Counter[str], name: str) -> None:
    count(names, cut(name), _MOST_NAMES, _OTHER)
