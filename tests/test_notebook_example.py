"""examples/first-steps.ipynb runs from the first cell to the last, and shows what its text announces."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "first-steps.ipynb"


def shown(cell: dict[str, object]) -> str:
    """What a cell prints and displays, as text and HTML."""
    parts = []
    for output in cell["outputs"]:
        parts.append(output.get("text", ""))
        parts += [output.get("data", {}).get(kind, "") for kind in ("text/plain", "text/html")]
    return "\n".join(parts)


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Jupyter writes its connection files there, not into the home of whoever runs the tests.
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(book)
    assert not any(cell.get("outputs") for cell in book.cells), "save the notebook without outputs"
    for cell in book.cells:
        if "sample(120," in cell.source:
            cell.source = cell.source.replace("sample(120,", "sample(30,")
            break
    else:
        pytest.fail("no cell samples the shop: what is to be made smaller here?")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    nbclient.NotebookClient(
        book, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert (
        1 < resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 60
    )  # CPU seconds of the kernel
    output = {cell["id"]: shown(cell) for cell in book.cells if cell.cell_type == "code"}
    text = "\n".join(output.values())
    assert "fit for results" in text and "errors found" not in text
    assert "always-terminate" in text and "oracle" in text
    assert "difference:" in text and "p:" in text
    assert "true_category" in text and "product_click" in text
    for name in ("always-terminate", "choice", "oracle"):
        assert (tmp_path / "first-steps/runs" / name / "metrics.json").is_file()
    report = (tmp_path / "first-steps/report.html").read_text(encoding="utf-8")
    assert report.lower().startswith("<!doctype html>")
    assert "oracle" in report
