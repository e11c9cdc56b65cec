"""A verdict as text, JSON or JUnit XML."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Final

from lxml import etree
from markupsafe import Markup

from app.parity.about import About
from app.parity.allowed import Allowed
from app.parity.amount import amount
from app.parity.conclusions import bound, not_asked, sentence
from app.parity.curl import curl
from app.parity.finding import Example, Finding
from app.parity.outcome import Result
from app.parity.verdict import Verdict

SCHEMA: Final = Path(__file__).parent / "report.schema.json"
"""The JSON Schema of the JSON report."""
_AROUND: Final = 60
_LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class Report:
    """A verdict, the run that it is of, and where the curl commands point."""

    about: About
    base_url: str
    verdict: Verdict

    @property
    def title(self) -> str:
        """What was compared with what."""
        return f"{self.about.legacy} against {self.about.new}"

    def summary(self) -> str:
        """Say in one line how much was compared and what came of it."""
        verdict = self.verdict
        counts = {
            "compared": verdict.compared,
            "same": verdict.counts[Result.SAME],
            "different": verdict.counts[Result.DIFFERENT],
            "flaky": verdict.counts[Result.FLAKY],
            "allowed": verdict.only_allowed,
            "moved": verdict.counts[Result.MOVED],
            "skipped": verdict.skipped.total(),
            "not answered": verdict.failed.total(),
        }
        always = ("compared", "same", "different")
        shown = [f"{n:,} {name}" for name, n in counts.items() if n or name in always]
        return ", ".join(shown)

    def notes(self) -> list[str]:
        """Say what the summary's counts consist of, and what fails the run besides findings."""
        verdict = self.verdict
        found = [f"skipped: {count:,} {why}" for why, count in verdict.skipped.most_common()]
        found += [f"not answered: {count:,} {why}" for why, count in verdict.failed.most_common(3)]
        found += verdict.coverage.lines()
        for entry in verdict.allowed.entries:
            count = verdict.allowed.occurred[entry.name]
            if count:
                shown = [
                    " became ".join(window(item.expected, item.found))
                    for item in verdict.allowed.examples[entry.name]
                ]
                found.append(
                    f"allowed: {entry.name} ({amount(count, 'answer')}, until {entry.expires}):"
                    f" {entry.reason}; {', '.join(shown)}"
                )
        found += [
            f"the legacy service differs from itself: {kind} at {where} ({amount(count, 'answer')})"
            for (kind, where), count in verdict.noise.most_common(5)
        ]
        found += [
            f"{side}: " + ", ".join(f"p{p} {ms:.1f} ms" for p, ms in percentiles.items())
            for side, percentiles in verdict.latency.percentiles().items()
        ]
        if verdict.demands.slower_than is None:
            found += verdict.latency.slower()
        found += [
            f"{side}: {count:,} {what}"
            for side, troubles in verdict.troubles.items()
            for what, count in troubles.most_common()
        ]
        if verdict.not_compared:
            names = sorted(verdict.not_compared, key=str.lower)
            found.append(f"headers that were not compared: {', '.join(names)}")
        return found + [f"FAILED: {problem}" for problem in verdict.problems]

    def to_json(self) -> str:
        """Write everything as JSON."""
        return json.dumps(_plain(self), indent=2, ensure_ascii=False) + "\n"

    def to_junit(self) -> bytes:
        """Write a test suite: a case for the run, one for each finding and each problem."""
        return _junit(self)


def rows(verdict: Verdict) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield a finding's kind, places, answers, and an example of what was expected and found."""
    for finding in verdict.findings:
        shown = finding.examples[0].difference
        old, new = window(shown.expected, shown.found)
        yield finding.name, places(finding), f"{finding.answers:,}", old, new


def places(finding: Finding, most: int = 4) -> str:
    """Name the places of a finding, the most frequent first."""
    names = [name for name, _ in finding.places.most_common()]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def window(expected: str | None, found: str | None) -> tuple[str, str]:
    """Return the first difference of two texts with a little of what is around it."""
    if expected is None or found is None:
        return short(expected), short(found)
    pairs = zip(expected, found, strict=False)
    same = next((at for at, (old, new) in enumerate(pairs) if old != new), None)
    start = max(0, (min(len(expected), len(found)) if same is None else same) - 12)
    return tuple(_cut(text, start, 40) for text in (expected, found))  # type: ignore[return-value]


def short(text: str | None) -> str:
    """Return a text in one line, cut; ``(none)`` where there is none."""
    return "(none)" if text is None else _cut(text, 0, _LONGEST)


def visible(text: str) -> str:
    """Show what can't be seen as its escape."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def marked(expected: str | None, found: str | None) -> tuple[Markup, Markup]:
    """Return two texts as HTML with the characters that differ marked."""
    if expected is None or found is None:
        return _marked([(True, short(expected))]), _marked([(True, short(found))])
    old, new = expected[:_LONGEST], found[:_LONGEST]
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return (
        _marked([(code[0] != "equal", old[code[1] : code[2]]) for code in codes]),
        _marked([(code[0] != "equal", new[code[3] : code[4]]) for code in codes]),
    )


def _marked(parts: list[tuple[bool, str]]) -> Markup:
    """Join parts; equal ones are shortened, for the eye looks for the others."""
    pieces = [
        Markup("<mark>{}</mark>").format(visible(text)) if differs else visible(_middle(text))
        for differs, text in parts
        if text
    ]
    return Markup("").join(pieces)


def _middle(text: str) -> str:
    if len(text) <= 2 * _AROUND:
        return text
    return f"{text[:_AROUND]} \N{HORIZONTAL ELLIPSIS} {text[-_AROUND:]}"


def _cut(text: str, start: int, length: int) -> str:
    before = "\N{HORIZONTAL ELLIPSIS}" if start else ""
    after = "\N{HORIZONTAL ELLIPSIS}" if len(text) > start + length else ""
    return before + visible(text[start : start + length]) + after


def _plain(report: Report) -> dict[str, Any]:
    verdict = report.verdict
    return {
        "title": report.title,
        "verdict": sentence(verdict),
        "bound": bound(verdict, report.about),
        "about": report.about.plain(),
        "not_asked": list(not_asked(verdict.coverage)),
        "exit_code": int(verdict.exit_code),
        "compared": verdict.compared,
        "results": {result.value: verdict.counts[result] for result in Result},
        "allowed": verdict.only_allowed,
        "allowed_differences": [
            _plain_allowed(entry, verdict) for entry in verdict.allowed.entries
        ],
        "skipped": dict(verdict.skipped),
        "not_answered": dict(verdict.failed),
        "problems": verdict.problems,
        "coverage": verdict.coverage.plain(),
        "headers_not_compared": sorted(verdict.not_compared, key=str.lower),
        "troubles": {side: dict(found) for side, found in verdict.troubles.items()},
        "latency_ms": {
            side: {f"p{p}": round(ms, 3) for p, ms in found.items()}
            for side, found in verdict.latency.percentiles().items()
        },
        "legacy_noise": [
            {"kind": kind, "where": where, "answers": count}
            for (kind, where), count in verdict.noise.most_common()
        ],
        "findings": [
            {
                "kind": finding.kind,
                "cause": finding.cause,
                "when": finding.when or "always",
                "answers": finding.answers,
                "flaky": finding.flaky,
                "places": dict(finding.places.most_common()),
                "examples": [_plain_example(item, report.base_url) for item in finding.examples],
            }
            for finding in verdict.findings
        ],
    }


def _plain_allowed(entry: Allowed, verdict: Verdict) -> dict[str, Any]:
    return {
        "name": entry.name,
        "reason": entry.reason,
        "expires": entry.expires.isoformat(),
        "answers": verdict.allowed.occurred[entry.name],
        "at_most": entry.at_most,
        "examples": [
            {"where": item.where, "expected": item.expected, "found": item.found}
            for item in verdict.allowed.examples.get(entry.name, [])
        ],
    }


def _plain_example(example: Example, base_url: str) -> dict[str, str | None]:
    difference = example.difference
    return {
        "where": difference.where,
        "expected": difference.expected,
        "found": difference.found,
        "curl": curl(example.request, base_url),
    }


def _junit(report: Report) -> bytes:
    verdict = report.verdict
    findings, problems = verdict.findings, verdict.problems
    count = len(findings) + len(problems)
    suite = etree.Element("testsuite", name="chargecloud parity", tests=str(count + 1))
    suite.set("failures", str(count))
    suite.set("errors", "0")
    about = report.about.plain()
    suite.set("timestamp", about["started"])
    suite.set("time", str(about["duration_seconds"]))
    case = etree.SubElement(suite, "testcase", classname="parity", name=_xml_text(report.title))
    case.set("time", str(about["duration_seconds"]))
    etree.SubElement(case, "system-out").text = _xml_text(
        "\n".join([sentence(verdict), report.summary(), *report.notes()])
    )
    for finding in findings:
        name = f"{finding.name} {finding.cause}".strip()
        message = f"{amount(finding.answers, 'answer')}, at {places(finding)}"
        texts = [
            f"{curl(item.request, report.base_url)}\n"
            f"expected: {short(item.difference.expected)}\nfound:    {short(item.difference.found)}"
            for item in finding.examples
        ]
        _failure(suite, name, message, "\n\n".join(texts))
    for problem in problems:
        _failure(suite, problem, problem, "")
    return etree.tostring(suite, encoding="utf-8", xml_declaration=True, pretty_print=True)


def _failure(suite: "etree._Element", name: str, message: str, text: str) -> None:
    case = etree.SubElement(suite, "testcase", classname="parity", name=_xml_text(name))
    failure = etree.SubElement(case, "failure", message=_xml_text(message))
    failure.text = _xml_text(text)


def _xml_text(text: str) -> str:
    """Show what XML can't hold as its escape."""
    return "\n".join(visible(line) for line in text.split("\n"))


def write(path: Path, content: str | bytes) -> None:
    """Write a report's file. Raises OSError."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, encoding="utf-8", errors="backslashreplace")
