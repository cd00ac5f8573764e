"""Every command, option, import and path in README, CONTRIBUTING, docs and examples is real."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import get_args

import pytest
import yaml
from cyclopts import CycloptsError
from cyclopts.exceptions import MissingArgumentError

import facsim
from facsim.cli.main import _VERBS, app
from facsim.metrics import METRICS
from facsim.predict.choice.features import FEATURES
from facsim.predict.endpoint.options import EndpointOptions
from facsim.predict.local.options import Decoding, LocalOptions
from facsim.train import SftConfig

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
SCRIPTS = [
    file for folder in ("benchmarks", "experiments", "examples") for file in (ROOT / folder).rglob("*.py")
]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
# Options of tools that are not ours, in the text of the docs.
FOREIGN = {"--help", "--build-arg"}


def blocks(file: Path, languages: str) -> list[str]:
    pattern = rf"^```(?:{languages})\n(.*?)^```"
    return re.findall(pattern, file.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def shell_lines(file: Path) -> list[str]:
    """The command lines of the fenced shell blocks; comments and prompts are cut off."""
    found = []
    for block in blocks(file, "bash|sh|console|"):
        for line in block.replace("\\\n", " ").splitlines():
            command = re.split(r"\s[#|>]\s", line.strip().removeprefix("$ "), maxsplit=1)[0]
            if command and not command.startswith("#"):
                found.append(command.strip())
    return found


def inline_code(file: Path) -> list[str]:
    text = re.sub(r"^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def parse(command: str) -> None:
    app.parse_args(shlex.split(command)[1:], exit_on_error=False, print_error=False)


FENCED = [(name_of(file), line) for file in PAGES for line in shell_lines(file)]
IN_COMMENTS = [
    (name_of(file), found)
    for file in EXAMPLES
    for found in re.findall(r"^#\s+(facsim .+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize(
    ("file", "line"), [(file, line) for file, line in FENCED + IN_COMMENTS if line.startswith("facsim ")]
)
def test_commands_parse(file: str, line: str) -> None:
    parse(line)


def test_the_checks_find_commands() -> None:
    """The patterns above match: an empty list would pass every test here."""
    assert {"README.md", "docs/get-started.md", "examples/own-log.yaml"} <= {
        file for file, line in FENCED + IN_COMMENTS if line.startswith("facsim ")
    }
    assert sum(line.startswith("facsim ") for _, line in FENCED) > 80
    with pytest.raises(CycloptsError):
        parse("facsim evaluate data/shop choice --no-such-option 3")


@pytest.mark.parametrize("file", PAGES, ids=name_of)
def test_inline_commands_and_options_exist(file: Path) -> None:
    known = set(re.findall(r"--[a-z][a-z-]+", "\n".join(every_option())))
    known |= {
        option for script in SCRIPTS for option in re.findall(r"--[a-z][a-z-]+", script.read_text("utf-8"))
    }
    for code in inline_code(file):
        if "…" in code:
            continue
        if code.startswith("facsim "):
            verb = shlex.split(code)[1]
            assert verb in _VERBS or verb.startswith("-"), code
            if "--" in code:
                with contextlib.suppress(
                    MissingArgumentError
                ):  # an example of one option leaves the rest out
                    parse(code)
        elif code.startswith("--"):
            option = re.split(r"[ =]", code)[0]
            assert option in known | FOREIGN, f"{name_of(file)}: {code}"


def every_option() -> list[str]:
    """The options of all verbs, as `--help` writes them."""
    names = []
    for command in walk(app):
        arguments = command.assemble_argument_collection() if command.default_command else []
        names += [name for argument in arguments for name in argument.names]
    return names


def walk(parent) -> list:
    found = [parent]
    for name in parent:
        if not name.startswith("-"):
            found += walk(parent[name])
    return found


@pytest.mark.parametrize(
    ("file", "line"), [item for item in FENCED if item[1].startswith(("make ", "python "))]
)
def test_make_targets_and_scripts_exist(file: str, line: str) -> None:
    words = shlex.split(line)
    if words[0] == "make":
        for target in (word for word in words[1:] if "=" not in word):
            assert re.search(rf"^{re.escape(target)}:", MAKEFILE, re.MULTILINE), target
    elif words[1] == "-m":
        assert importlib.util.find_spec(words[2]), words[2]
    else:
        assert (ROOT / words[1]).is_file(), words[1]


@pytest.mark.parametrize("file", PAGES, ids=name_of)
def test_inline_paths_and_targets_exist(file: Path) -> None:
    for code in inline_code(file):
        if found := re.fullmatch(r"make ([a-z-]+)", code):
            assert re.search(rf"^{found[1]}:", MAKEFILE, re.MULTILINE), code
        elif re.fullmatch(r"(?:src|tests|benchmarks|experiments|examples|docs)/[\w./-]+", code):
            assert (ROOT / code).exists(), f"{name_of(file)}: {code}"
        elif re.fullmatch(r"facsim(?:\.\w+)+", code) and code != "facsim.json":
            assert resolves(code), f"{name_of(file)}: {code}"


def resolves(dotted: str) -> bool:
    """Whether a dotted name is a module, or something reached from one."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for name in parts[count:]:
            if not hasattr(thing, name) and name not in getattr(thing, "__annotations__", {}):
                return False
            thing = getattr(thing, name, None)
        return True
    return False


@pytest.mark.parametrize("file", PAGES, ids=name_of)
def test_python_in_the_docs_imports_what_there_is(file: Path) -> None:
    for block in blocks(file, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "facsim":
                home = importlib.import_module(node.module)
                for alias in node.names:
                    assert hasattr(home, alias.name), f"{node.module}.{alias.name}"


def test_the_readme_lists_every_verb_and_every_link_of_it_leads_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("<!-- verbs: begin -->") : text.index("<!-- verbs: end -->")]
    assert set(_VERBS) <= {word for code in re.findall(r"`([^`]+)`", table) for word in code.split()}
    for file in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{file.name}: {target}"


def test_the_demo_of_the_makefile_parses() -> None:
    done = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True)
    found = re.findall(r"^\S*/(facsim .*)$", done.stdout, re.MULTILINE)
    assert len(found) >= 8
    for line in found:
        parse(line.split(" > ")[0])


def test_every_make_target_is_explained_and_phony() -> None:
    targets = set(re.findall(r"^([a-z-]+):(?!=)", MAKEFILE, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split())
    explained = set(re.findall(r"^([a-z-]+):.*## .", MAKEFILE, re.MULTILINE))
    assert targets == phony == explained


def test_the_citation_is_of_this_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
    assert cited["title"] == "Facsim" and cited["version"] == facsim.__version__


def test_the_image_copies_what_there_is() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = [word for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) for word in line.split()]
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"
    }
    assert {"src", "pyproject.toml"} <= set(copied)
    assert set(copied) == let_in
    assert all((ROOT / name).exists() for name in copied)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = re.search(r"^ARG EXTRAS=(.*)$", text, re.MULTILINE)[1].split(",")
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in extras)


def test_contributing_names_every_package_and_only_files_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    source = ROOT / "src" / "facsim"
    packages = text[text.index("## The packages") : text.index("## To change X")]
    listed = re.findall(r"^\| `(\w+)/` \|", packages, re.MULTILINE)
    assert set(listed) == {folder.parent.name for folder in source.glob("*/__init__.py")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    assert [name.removeprefix("facsim.") for name in layers] == listed
    table = text[text.index("## To change X") : text.index("## Glossary")]
    paths = re.findall(r"`([\w/-]+/?[\w-]*(?:\.(?:py|md|yaml|html|toml)|/)|Makefile)`", table)
    assert len(paths) > 50
    for path in paths:
        assert (ROOT / path).exists() or (source / path).exists(), path


def table_rows(page: str, heading: str) -> dict[str, list[str]]:
    """The cells of the first table under a heading, by the first cell."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\|(.*)\|$", text[text.index(heading) :].split("\n\n##")[0], re.MULTILINE)
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in rows]
    return {first: rest for first, *rest in cells}


def test_the_endpoint_table_states_every_option_and_its_default() -> None:
    rows = {
        key.split("`")[1]: value
        for key, value in table_rows("your-model/endpoints.md", "## Options").items()
        if "`" in key
    }
    fields = EndpointOptions.model_fields
    assert set(rows) == set(fields)
    for name, (default, _) in rows.items():
        if isinstance(fields[name].default, float | int):
            assert float(default) == fields[name].default, name
        elif isinstance(fields[name].default, str):
            assert default == f"`{fields[name].default}`", name


def test_the_local_table_states_the_defaults() -> None:
    rows = table_rows("your-model/local.md", "# Local models")
    assert set(re.findall(r"`(\w+)`", rows["`--decoding`"][0])) == set(get_args(Decoding))
    for option, name in {"--decoding": "decoding", "--device": "device", "--dtype": "dtype"}.items():
        assert rows[f"`{option}`"][1] == f"`{LocalOptions.model_fields[name].default}`"
    assert int(rows["`--batch-tokens`"][1]) == LocalOptions.model_fields["batch_tokens"].default


def test_the_presets_table_states_the_presets() -> None:
    rows = table_rows("your-model/training.md", "## Presets")
    for column, preset in enumerate(("paper", "small", "tiny")):
        config = SftConfig.of("data", preset if preset == "tiny" else "some/model", "out", preset=preset)
        cells = {key: value[column] for key, value in rows.items()}
        assert cells["style"] == f"`{config.style}`"
        assert cells["optimizer"].lower() == config.optimizer
        assert float(cells["learning rate, schedule"].split(",")[0]) == config.learning_rate
        assert config.schedule in cells["learning rate, schedule"]
        assert float(cells["epochs"]) == config.epochs
        assert cells["context"].startswith(f"{config.context_tokens:,} tokens")
        assert int(cells["examples per step"]) == config.global_batch
        assert cells["validation"] == f"{config.validation_sessions} sessions, {config.validations} times"
        assert config.page_text in cells["pages"]
        assert config.pages in cells["pages"]


def test_the_choice_model_has_the_features_that_the_docs_count() -> None:
    text = (ROOT / "docs/reference/predictors.md").read_text(encoding="utf-8")
    assert f"Each candidate has {len(FEATURES)} features" in text
    assert f"whose {len(FEATURES)} features" in (ROOT / "docs/research/results.md").read_text(
        encoding="utf-8"
    )
    changelog, metrics = (
        (ROOT / name).read_text("utf-8") for name in ("CHANGELOG.md", "docs/research/speed.md")
    )
    assert f"{len(METRICS)} metrics" in changelog and f"{len(METRICS)} metrics" in metrics
