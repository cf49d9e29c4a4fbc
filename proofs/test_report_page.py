"""The page in a real browser: it loads without an error, is stepped through, and runs nothing else.

A skip with its reason where no browser is installed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proofs.browser import Browser, installed
from proofs.report import page as pages
from proofs.report import write_report
from proofs.report.page import page
from proofs.reports import board_of, long_timeline, session, session_of_a_night

pytestmark = pytest.mark.skipif(installed() is None, reason="no Chromium is installed here")

HOSTILE = (
    "</script><script>hacked()</script><img src=x onerror=hacked()><!-- ${hacked()} 'é漢\u2028 \""
)
NOW = "document.querySelector('.now').textContent"
AT = "viewer.at"
FILES = "viewer.files.element.textContent"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    return write_report(folder, session("no_lock", "lock_file_unlinked"), board_of)


def data_of(path: Path) -> dict[str, Any]:
    found = re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def shown(browser: Browser, path: Path, **how: Any) -> None:
    """Open it; there must be no error."""
    browser.errors.clear()
    browser.open(path, **how)
    assert browser.errors == []


def test_it_loads_and_a_counterexample_is_stepped_through_with_its_files(
    browser: Browser, report: Path
) -> None:
    shown(browser, report)
    told = data_of(report)["counterexamples"][0]["timeline"]
    assert browser.evaluate(AT) == told["preempted"][0], "it begins where an agent was stopped"
    assert "stopped here, before read t1.json" in browser.evaluate(NOW)
    browser.press("Home")
    assert browser.evaluate(AT) == 0
    seen = [browser.evaluate(NOW)]
    for _ in range(len(told["steps"]["agent"]) - 1):
        browser.press("ArrowRight")
        seen.append(browser.evaluate(NOW))
        if " replace " in seen[-1]:
            files = browser.evaluate(FILES)
            assert "t1.json changes" in files and "before" in files
            assert '"status": "PENDING"' in files or '"claimed_by": "a' in files
            assert '"status": "CLAIMED"' in files
    assert len(set(seen)) == len(seen), "each step shows another effect"
    browser.press("ArrowRight")
    assert browser.evaluate(AT) == len(seen) - 1, "the last one stays"
    browser.press("ArrowLeft")
    assert browser.evaluate(AT) == len(seen) - 2
    browser.evaluate("document.querySelector('button[title^=\"one effect on\"]').click()")
    assert browser.evaluate(AT) == len(seen) - 1
    browser.press("Home")
    browser.press("ArrowRight", shift=True)
    assert browser.evaluate(AT) in browser.evaluate("viewer.run.marks")
    assert browser.errors == []


def test_the_timeline_is_pointed_at_made_larger_and_fitted_again(
    browser: Browser, report: Path
) -> None:
    shown(browser, report)
    browser.evaluate("document.querySelector('canvas').scrollIntoView()")
    for wanted in (2, 7):
        x, y = browser.evaluate(
            "(() => { const box = document.querySelector('canvas').getBoundingClientRect();"
            f" return [box.x + viewer.lanes.x({wanted}.5), box.y + 40]; }})()"
        )
        browser.point(x, y)
        assert browser.evaluate(AT) == wanted
    width = "viewer.lanes.x(1) - viewer.lanes.x(0)"
    fitted = browser.evaluate(width)
    browser.evaluate("document.querySelector('button[title=larger]').click()")
    assert browser.evaluate(width) > fitted
    browser.evaluate("document.querySelector('button[title=\"all of it\"]').click()")
    assert browser.evaluate(width) == fitted and browser.errors == []


def test_all_sections_tell_what_the_session_came_to(browser: Browser, report: Path) -> None:
    shown(browser, report)
    text = browser.evaluate("document.body.innerText")
    for words in (
        *("2 proofs violated", "1 of 1 convicted", "before open", "ENOSPC", "the board has no"),
        *("effects went unseen: a1 mmap", "no ext4 here", "test_y", "--proofs-seed 7", "75 %"),
    ):
        assert words in text, words
    browser.evaluate("document.querySelectorAll('.file').forEach((file) => file.remove())")
    text = browser.evaluate("document.body.innerText")
    assert "null" not in text and "undefined" not in text and "[object" not in text
    browser.evaluate("document.querySelectorAll('.cell').forEach((cell) => cell.click())")
    assert "raises" in browser.evaluate("document.querySelector('#matrices').innerText")
    names = browser.evaluate(
        "[...document.querySelectorAll('button,input,select,[role=listbox],canvas')]"
        ".filter((one) => !(one.textContent.trim() || one.getAttribute('aria-label')"
        " || one.labels?.length)).map((one) => one.outerHTML)"
    )
    assert names == [], "each control has a name"


def test_a_night_opens_with_what_is_new_and_says_what_each_member_brought(
    browser: Browser, tmp_path: Path
) -> None:
    shown(browser, write_report(tmp_path, session_of_a_night(), board_of), width=400)
    first = browser.evaluate("document.querySelector('main section').innerText")
    for words in (
        *("Tonight", "0 new since last night", "1 still there", "S1 violated by no_lock", "500"),
        *("a dependency", "2026-01-02, c0ffee", "3 of 4 pairs", "the canary was not convicted"),
        *("Peak memory 123 MB",),
        *("polling", "it does not promise that"),
    ):
        assert words in first, words
    assert "null" not in first and "undefined" not in first
    matrices = browser.evaluate("document.querySelector('#matrices').innerText")
    assert "whatever else went on" in matrices and "did not come to its end" not in matrices
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert browser.evaluate(wide) is False, "it fits a narrow screen"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_can_be_read_light_and_dark_wide_and_narrow(
    browser: Browser, report: Path, dark: bool, width: int
) -> None:
    shown(browser, report, width=width, dark=dark)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    paper, ink = browser.evaluate(
        "['backgroundColor', 'color'].map((name) => getComputedStyle(document.body)[name]"
        ".match(/\\d+/g).slice(0, 3).reduce((sum, one) => sum + Number(one), 0))"
    )
    assert (paper < ink) == dark and abs(paper - ink) > 400


def test_what_a_board_says_is_shown_and_never_run(
    browser: Browser, report: Path, tmp_path: Path
) -> None:
    data = data_of(report)
    shown_all = data.pop("counterexamples")
    path = tmp_path / "report.html"
    path.write_text(page(hostile(data), hostile(shown_all)), encoding="utf-8")
    shown(browser, path)
    browser.evaluate("window.hacked = () => { window.wasHacked = true; }")
    for _ in range(3):
        browser.press("ArrowRight", shift=True)
    browser.evaluate("document.querySelectorAll('button').forEach((button) => button.click())")
    browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert browser.evaluate("document.images.length") == 0
    assert browser.evaluate("document.scripts.length") == 2
    assert browser.evaluate("window.wasHacked") is None
    assert HOSTILE in browser.evaluate("document.body.textContent")
    assert browser.errors == []
    # Even markup that somebody got in would run nothing: the policy forbids it.
    browser.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"hacked()\">')"
    )
    browser.evaluate("new Promise((done) => setTimeout(done, 50))")
    assert browser.evaluate("window.wasHacked") is None
    assert any("Content Security Policy" in error for error in browser.errors)


def test_data_that_ends_its_element_would_be_seen(
    browser: Browser, report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "json_in_a_page", json.dumps)
    data = data_of(report)
    path = tmp_path / "report.html"
    path.write_text(page(hostile(data), hostile(data.pop("counterexamples"))), encoding="utf-8")
    browser.errors.clear()
    browser.open(path)
    assert browser.errors


def test_ten_thousand_operations_are_loaded_and_stepped_through_in_no_time(
    browser: Browser, report: Path, tmp_path: Path
) -> None:
    data = data_of(report)
    first = data.pop("counterexamples")[0]
    first["timeline"] = long_timeline()
    path = tmp_path / "report.html"
    path.write_text(page(data, [first]), encoding="utf-8")
    assert path.stat().st_size < 2_000_000
    shown(browser, path)
    assert browser.evaluate("viewer.run.size") == 100_000
    assert browser.evaluate("document.querySelectorAll('.row').length") < 60
    took = browser.evaluate(
        "(() => { const from = performance.now(); for (let n = 0; n < 20; n++) viewer.go(n * 4999);"
        " return (performance.now() - from) / 20; })()"
    )
    load = browser.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    # Both are some fiftieth of this on an idle machine; what grows with the square would not be.
    assert took < 1_000 and load < 20_000, (took, load)
    browser.press("End")
    assert browser.evaluate(AT) == 99_999 and "effect 99999" in browser.evaluate(NOW)
    print(f"load {load:.0f} ms, step {took:.1f} ms, {path.stat().st_size:,} bytes")


def hostile(value: Any, key: str = "") -> Any:
    """The same with that after each text, but for those which the page goes by."""
    if isinstance(value, dict):
        return {name: hostile(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [hostile(item, key) for item in value]
    goes_by = ("verdict", "extent", "format", "end", "matrix")
    return value + HOSTILE if isinstance(value, str) and key not in goes_by else value
