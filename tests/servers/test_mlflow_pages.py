"""The iris example, looked at in MLflow's own pages with a real browser."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Page, expect, sync_playwright

from tests.servers.mlflow_server import MlflowServer

pytestmark = pytest.mark.one_python

_BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
_IRIS = Path(__file__).parents[2] / "examples" / "iris"
# It stays on this machine, and asks nobody for updates.
_ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
]
_PATIENCE_MS = 60_000


@pytest.fixture
def page() -> Iterator[Page]:
    """Give an empty page of a browser without a screen."""
    if _BROWSER is None:
        pytest.skip("needs Chromium, as /usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_BROWSER, args=_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(_PATIENCE_MS)
        yield page
        browser.close()


def test_iris_run_looks_natural_in_mlflow(
    mlflow_on_sqlite: MlflowServer, page: Page, tmp_path: Path
) -> None:
    """Its params, its curves and its artifact are where MLflow's users look."""
    place = _launched(mlflow_on_sqlite.uri, tmp_path)
    seen = tmp_path / "seen"

    expect.set_options(timeout=_PATIENCE_MS)
    page.goto(place)
    for text in ("learning_rate", "weight_decay", "train/loss", "Finished"):
        expect(page.get_by_text(text, exact=True).first).to_be_visible()
    page.screenshot(path=seen / "overview.png")

    page.goto(f"{place}/model-metrics")
    curves = page.locator(".js-plotly-plot:has(path.js-line)")
    expect(curves).to_have_count(4)
    page.screenshot(path=seen / "metrics.png")

    page.goto(f"{place}/artifacts")
    expect(page.get_by_text("weights", exact=True).first).to_be_visible()
    page.screenshot(path=seen / "artifacts.png")

    assert len(list(seen.iterdir())) == 3


def _launched(uri: str, folder: Path) -> str:
    """Run the example; return the address of its page."""
    command = [sys.executable, "-m", "tracker_core", "run", "--experiment", "iris"]
    command += ["--run-id", "iris run"]
    subprocess.run(
        [*command, "--", sys.executable, "train.py"],
        cwd=shutil.copytree(_IRIS, folder / "iris"),
        env={
            **os.environ,
            "TRACKER_BACKENDS": "mlflow",
            "TRACKER_MLFLOW_CONFIG": uri,
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        check=True,
        capture_output=True,
    )
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("iris")
    assert experiment is not None
    (run,) = client.search_runs(
        [experiment.experiment_id], "tags.`tracker.run_id` = 'iris run'"
    )
    return f"{uri}/#/experiments/{experiment.experiment_id}/runs/{run.info.run_id}"
