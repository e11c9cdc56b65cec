"""The page that is signed, for no finding, for three, and for two thousand."""

import json
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from app.parity import page
from app.parity.about import About
from app.parity.allowed import AllowedDifferences
from app.parity.coverage import Coverage
from app.parity.difference import Difference, Kind
from app.parity.headers import ComparedHeaders
from app.parity.masking import Mask
from app.parity.outcome import Outcome, Result
from app.parity.recording import Answer, Request
from app.parity.report import SCHEMA, Report
from app.parity.verdict import Verdict

_JSON = (("Content-Type", "application/json; charset=utf-8"),)
_XML = (("Content-Type", "application/xml; charset=utf-8"),)
_SECONDS = {"legacy": [0.010, 0.020], "new": [0.005]}


def report_of(findings: int, same: int = 100, *, is_sample: bool = False) -> Report:
    """Return the report of a run with so many findings and answers that were the same."""
    verdict = Verdict(
        AllowedDifferences([], date(2026, 1, 1)), Mask(()), Coverage("user_id", ("price", "name"))
    )
    for user in range(same):
        _take(verdict, user, _JSON, b'{"price":1.0,"name":null}', [])
        _take(verdict, user, _XML, b"<A><price>1</price><name>a</name></A>", [])
    for number in range(findings):
        hostile = f"<script>alert({number})</script>\x1b[31m{'x' * 300}"
        difference = Difference(Kind.OTHER_VALUE, f"member_{number}", "1.0", hostile)
        _take(verdict, number, _JSON, b'{"price":1.0,"name":null}', [difference])
    about = About(
        legacy="https://legacy.example",
        new="http://127.0.0.1:8000",
        requests="users 1-100 in both formats",
        is_sample=is_sample,
        seed=7,
    )
    return Report(about, "http://127.0.0.1:8000", verdict)


def _take(
    verdict: Verdict,
    user: int,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
    differences: list[Difference],
) -> None:
    answer = Answer(200, headers, body)
    request = Request("GET", f"/ChargeProcess/Status?user_id={user}", (("Accept", "text/xml"),))
    result = Result.DIFFERENT if differences else Result.SAME
    verdict.take(
        Outcome(request, result, answer, answer, differences, [], _SECONDS, [], ComparedHeaders())
    )


def test_a_green_run_says_so_and_what_it_rests_on() -> None:
    """The sentence, the circumstances, the coverage, and what was not sent."""
    html = page.html(report_of(0))

    assert "All 200 compared answers were the same." in html
    for text in ("https://legacy.example", "users 1-100 in both formats", "Seed", "Duration"):
        assert text in html
    assert "<code>price</code>" in html
    assert "status 400, 404, 405" in html
    assert "charset utf-16" in html
    assert "null in XML for price, name" in html
    assert 'class="finding"' not in html


@pytest.mark.parametrize("is_sample", [True, False])
def test_the_bound_is_claimed_for_a_random_sample_only(is_sample: bool) -> None:
    """100 URLs, each in two formats: 1 - 0.05 ** (1 / 100) is 3 %."""
    html = page.html(report_of(0, is_sample=is_sample))

    assert ("fewer than 3 % of such URLs differ, with 95 % confidence" in html) is is_sample
    assert ("These requests have 100 different URLs." in html) is is_sample
    assert ("confidence" in html) is is_sample
    assert ("so no share of differing requests follows" in html) is not is_sample


def test_a_run_with_findings_claims_no_bound() -> None:
    """It says how many kinds of difference there are, the heaviest first, the first one open."""
    html = page.html(report_of(3))

    assert "The services are different: 3 kinds of difference were found." in html
    assert html.count('<details class="finding"') == 3
    assert html.count('<details class="finding" open>') == 1
    assert "confidence" not in html


def test_two_thousand_findings_fit_into_a_megabyte() -> None:
    """Each is listed; the heaviest have examples."""
    html = page.html(report_of(2000, same=1))

    assert html.count('class="finding"') == 2000
    assert len(html.encode()) < 1_000_000


def test_no_value_runs_or_hides() -> None:
    """Markup is escaped, and controls are shown as escapes."""
    html = page.html(report_of(3))

    assert "<script>alert" not in html
    assert "\x1b" not in html
    assert "\\x1b[31m" in html


def test_nothing_proven_is_not_green() -> None:
    """The page gives the reason."""
    html = page.html(report_of(0, same=0))

    assert "The services were not shown to be the same: nothing was compared." in html
    assert 'class="verdict bad"' in html


@pytest.mark.parametrize("findings", [0, 3])
def test_the_json_fits_its_schema(findings: int) -> None:
    """Which is beside the kit, and knows every key."""
    made = json.loads(report_of(findings).to_json())
    schema = json.loads(Path(SCHEMA).read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(made)
    assert set(made) == set(schema["properties"]) == set(schema["required"])


def test_the_junit_report_has_times_and_the_coverage() -> None:
    """A build server shows how long the run took and what a green one covered."""
    xml = report_of(0).to_junit().decode()

    assert 'timestamp="20' in xml
    assert 'time="' in xml
    assert "covered: 200 (200)" in xml


def test_the_bound_of_the_readme_is_right() -> None:
    """1,000 URLs: fewer than 0.3 %."""
    html = page.html(report_of(0, same=1000, is_sample=True))

    assert "fewer than 0.3 % of such URLs differ, with 95 % confidence" in html
