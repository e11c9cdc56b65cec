"""The page that is signed: a verdict with all that it rests on, as HTML that needs nothing else."""

from collections import Counter
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from app.parity.amount import amount
from app.parity.conclusions import bars, bound, not_asked, sentence
from app.parity.curl import curl
from app.parity.report import Report, marked, places, short, visible

_TEMPLATES: Final = Environment(
    loader=PackageLoader("app.parity"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_SHOWN: Final = 150
"""So many findings have examples; a page of 2,000 stays below 1 MB."""
_LISTED: Final = 2_000


def html(report: Report) -> str:
    """Return the page of a report."""
    verdict = report.verdict
    findings = verdict.findings
    return _TEMPLATES.get_template("report.html").render(
        report=report,
        sentence=sentence(verdict),
        bound=bound(verdict, report.about),
        not_asked=list(not_asked(verdict.coverage)),
        bars=bars(verdict.latency.percentiles()),
        kinds=Counter(str(found.kind) for found in findings),
        shown=findings[:_SHOWN],
        listed=findings[_SHOWN:_LISTED],
        unlisted=max(0, len(findings) - _LISTED),
        marked=marked,
        amount=amount,
        places=places,
        curl=curl,
        short=short,
        visible=visible,
    )
