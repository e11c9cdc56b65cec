"""The help page in a real browser, at a phone's and a desktop's width, light and dark."""

import base64
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.store.store import Store
from schemas.charge_process import ChargeProcess
from tests import packages, truth

_COMMAND = [sys.executable, "-m", "app", "serve"]
_API = "GET ChargeProcess/Status?user_id={user_id}"
_HOSTILE = "</pre><img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
_HOSTILE_USER = 66

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:]{8}\.\d{7}[+-]\d\d:\d\d")

Browser = webdriver.Chrome


@pytest.fixture(scope="module")
def port(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The service, with one hostile station beside the recorded processes."""
    folder = tmp_path_factory.mktemp("browser")
    shutil.copy(database_url.removeprefix("sqlite:///"), folder / "store.sqlite")
    url = f"sqlite:///{folder / 'store.sqlite'}"
    members = dict.fromkeys(ChargeProcess.members())
    row = ChargeProcess.row({**members, "process_id": 99, "station_name": _HOSTILE})
    Store(url, RESOURCES).replace(CHARGE_PROCESS, [(_HOSTILE_USER, *row)])
    root = str(Path(__file__).parent.parent.parent)
    env = {name: text for name, text in os.environ.items() if not name.startswith("CHARGECLOUD_")}
    found = truth.free_port()
    env |= {"CHARGECLOUD_DATABASE_URL": url, "PYTHONPATH": root}
    command = [*_COMMAND, "--workers", "1", "--bind", f"127.0.0.1:{found}"]
    with truth.running(command, found, env, folder):
        yield found


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's Chromium without a window."""
    service = webdriver.ChromeService(packages.program("chromedriver"))
    options = webdriver.ChromeOptions()
    options.binary_location = packages.program("chromium")
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, service)
    yield driver
    driver.quit()


@pytest.fixture(params=[(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")], ids=str)
def browser(chromium: Browser, request: pytest.FixtureRequest) -> Browser:
    """The browser in a width and a colour scheme."""
    width, scheme = request.param
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    metrics |= {"screenWidth": width, "screenHeight": 800}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    return chromium


@pytest.fixture
def shoot(browser: Browser, request: pytest.FixtureRequest) -> Any:
    """Take a picture of the whole page, where a folder is named."""
    folder = request.config.getoption("--screenshots")
    name = request.node.callspec.id.strip("()").replace(", ", "-").replace("'", "")

    def shot(page: str) -> None:
        _assert_nothing_is_wider(browser)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            size = browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
            made = browser.execute_cdp_cmd(
                "Page.captureScreenshot",
                {"captureBeyondViewport": True, "clip": {**size, "x": 0, "y": 0, "scale": 1}},
            )
            (folder / f"{page}-{name}.png").write_bytes(base64.b64decode(made["data"]))

    return shot


def _assert_nothing_is_wider(browser: Browser) -> None:
    # A phone widens its window for a page that is too wide; the screen stays as it is.
    widths = "return [document.documentElement.scrollWidth, screen.width]"
    page, screen = browser.execute_script(widths)
    assert page <= screen


def _field(browser: Browser, name: str, text: str) -> None:
    field = browser.find_element(By.ID, name)
    field.clear()
    field.send_keys(text)


def _send(browser: Browser, user: object, **headers: str) -> None:
    _field(browser, "value", str(user))
    for name in ("Accept", "Accept-Charset", "X-Requested-With"):
        _field(browser, name, headers.get(name.replace("-", "_"), ""))
    page = browser.find_element(By.TAG_NAME, "html")
    browser.find_element(By.CSS_SELECTOR, "form button").click()
    truth.until(lambda: _is_gone(page), 10)


def _is_gone(page: WebElement) -> bool:
    try:
        page.is_enabled()
    except WebDriverException:
        return True
    return False


def _text(browser: Browser, selector: str) -> str:
    return str(browser.find_element(By.CSS_SELECTOR, selector).get_property("textContent"))


def _problems(browser: Browser) -> list[str]:
    """Return what the browser complains of, such as a refused script, since the last call."""
    return [entry["message"] for entry in browser.get_log("browser")]  # type: ignore[no-untyped-call]


def _words(text: str) -> list[str]:
    found = _MOMENT.sub("MOMENT", text.replace("|", " ")).split()
    return [word for word in found if word != "---"]


def test_a_reader_finds_the_action_and_tries_it(browser: Browser, port: int, shoot: Any) -> None:
    """From the index to the legacy page's text, and to answers that are those of the wire."""
    browser.get(f"http://127.0.0.1:{port}/Help")
    shoot("index")
    browser.find_element(By.LINK_TEXT, _API).click()
    shoot("api")
    shown = _words(browser.find_element(By.TAG_NAME, "main").text)
    assert shown == _words((truth.RECORDINGS / "help-page.txt").read_text(encoding="utf-8"))
    browser.find_element(By.LINK_TEXT, "Try it").click()
    shoot("form")
    for accept in ("application/json", "application/xml"):
        _send(browser, 1001, Accept=accept)
        shoot(f"answer-{accept.rpartition('/')[2]}")
        client = truth.Client(port)
        headers = [("Host", f"127.0.0.1:{port}"), ("Accept", accept)]
        wire = client.ask("GET", "/ChargeProcess/Status?user_id=1001", headers)
        client.close()
        assert _text(browser, "#body") == wire.body.decode()
        assert "200 OK" in _text(browser, "section pre")
        assert _text(browser, "dl dd").startswith("literal: ")
    assert _problems(browser) == []


def test_the_wire_form_is_shown_and_copied(browser: Browser, port: int, shoot: Any) -> None:
    """By the keyboard alone; what is copied is what the wire carries."""
    browser.get(f"http://127.0.0.1:{port}/Help/Api/GET-ChargeProcess-Status_user_id")
    for summary in browser.find_elements(By.TAG_NAME, "summary"):
        summary.send_keys(Keys.ENTER)
    shoot("wire")
    button = browser.find_element(By.CSS_SELECTOR, "details .copy")
    button.send_keys(Keys.ENTER)

    truth.until(lambda: button.get_attribute("aria-label") == "Copied", 2)
    assert _text(browser, "details pre").startswith('{"process_id":1,"active":true')
    assert browser.execute_script("return getSelection().toString()") in (
        "",
        _text(browser, "details pre"),
    )
    assert _problems(browser) == []


def test_the_samples_are_coloured_and_their_text_is_not_touched(
    browser: Browser, port: int, shoot: Any
) -> None:
    """The colours are ranges over the text; a phone shows all of it."""
    browser.get(f"http://127.0.0.1:{port}/Help/Api/GET-ChargeProcess-Status_user_id")

    count = browser.execute_script("return [...CSS.highlights.values()].map(each => each.size)")
    cut = browser.execute_script(
        "return [...document.querySelectorAll('pre')].some(p => p.scrollWidth > p.clientWidth)"
    )

    assert [each > 5 for each in count] == [True, True, True]
    assert browser.find_elements(By.CSS_SELECTOR, "pre *") == []
    assert not (cut and browser.execute_script("return screen.width") < 600)


def test_a_model_and_a_missing_page_are_shown(browser: Browser, port: int, shoot: Any) -> None:
    """Each member with its type, range and bytes; the other says that nothing is there."""
    browser.get(f"http://127.0.0.1:{port}/Help/ResourceModel?modelName=ChargeProcess")
    shoot("model")
    assert len(browser.find_elements(By.CSS_SELECTOR, "tbody tr")) == 22
    assert _problems(browser) == []
    browser.get(f"http://127.0.0.1:{port}/Help/Api/None")
    shoot("not-found")
    assert browser.find_element(By.TAG_NAME, "h1").text == "Nothing is here"
    # The 404 itself is reported.
    assert len(_problems(browser)) == 1


def test_a_hostile_station_runs_nothing(chromium: Browser, port: int) -> None:
    """Neither its name, nor what is typed, nor a path."""
    for accept in ("application/json", "text/xml", "text/html"):
        chromium.get(f"http://127.0.0.1:{port}/Help/Try/GET-ChargeProcess-Status_user_id")
        _send(chromium, _HOSTILE_USER, Accept=accept)
        assert chromium.title.startswith("Try it")
        assert "onerror" in _text(chromium, "#body")
    _send(chromium, _HOSTILE, Accept=_HOSTILE)
    assert chromium.title.startswith("Try it")
    for path in ("/Help/Api/" + _QUOTED, "/Help/ResourceModel?modelName=" + _QUOTED, "/" + _QUOTED):
        chromium.get(f"http://127.0.0.1:{port}{path}")
        assert chromium.title != "run"
    # An unknown path's 404 is reported too; a refused script would name the policy.
    assert not [problem for problem in _problems(chromium) if "Content Security" in problem]


def test_the_form_works_without_scripts(chromium: Browser, port: int) -> None:
    """The server does all."""
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        chromium.get(f"http://127.0.0.1:{port}/Help/Try/GET-ChargeProcess-Status_user_id")
        _send(chromium, 1)
        assert '"station_name":"sample string 5"' in chromium.find_element(By.ID, "body").text
        assert chromium.find_elements(By.CSS_SELECTOR, ".copy") == []
    finally:
        chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_the_keyboard_reaches_everything(chromium: Browser, port: int) -> None:
    """The first stop skips to the content; each control has a name and a visible focus."""
    chromium.get(f"http://127.0.0.1:{port}/Help/Try/GET-ChargeProcess-Status_user_id")
    stops = []
    for _ in range(8):
        chromium.switch_to.active_element.send_keys(Keys.TAB)
        focused = chromium.switch_to.active_element
        stops.append(focused.accessible_name)
        assert focused.value_of_css_property("outline-style") == "solid"

    assert stops == [
        "Skip to content",
        "Help Page Home",
        "Description",
        "user_id",
        "Accept (empty: not sent)",
        "Accept-Charset (empty: not sent)",
        "X-Requested-With (empty: not sent)",
        "Send",
    ]


def test_colours_can_be_read(browser: Browser, port: int) -> None:
    """Text and links have the contrast that WCAG's level AA demands."""
    browser.get(f"http://127.0.0.1:{port}/Help/Api/GET-ChargeProcess-Status_user_id")
    for selector in ("h1", "td", "main a", "nav a", "pre"):
        ratio = browser.execute_script(_CONTRAST, selector)
        assert ratio >= 4.5, selector


_QUOTED = quote(_HOSTILE, safe="")
# WCAG 2.2's relative luminance; a canvas gives the colours as numbers.
_CONTRAST = """
const probe = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
function luminance(color) {
  probe.fillStyle = color;
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3)
    .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const style = getComputedStyle(document.querySelector(arguments[0]));
const [high, low] = [luminance(style.color), luminance(dark ? "#121212" : "#fff")]
  .sort((a, b) => b - a);
return (high + 0.05) / (low + 0.05);
"""
