"""Data sets and checkpoints to and from repositories of the Hugging Face hub."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from facsim.data import DataSet
from facsim.export.folder_kinds import CHECKPOINT_FILES, DATA_SET_FILES, is_checkpoint, is_data_set
from facsim.lm.hub import is_hub_id
from facsim.util.errors import ConfigError, FacsimError

RepoType = Literal["dataset", "model"]

_FILES: Final[dict[RepoType, tuple[str, ...]]] = {"dataset": DATA_SET_FILES, "model": CHECKPOINT_FILES}


def repo_type_of(folder: Path) -> RepoType:
    """Return what a folder holds.

    Raises:
        ConfigError: if it is neither a data set nor a checkpoint.
    """
    if is_data_set(folder):
        DataSet.open(folder)  # what is broken is not published
        return "dataset"
    if is_checkpoint(folder):
        return "model"
    raise ConfigError(
        f"{folder} holds neither a data set (card.json) nor a checkpoint (config.json, model.safetensors)"
    )


def push(folder: str | Path, repo_id: str, *, private: bool = True, message: str | None = None) -> str:
    """Upload a data set or a checkpoint to a repository of the hub, creating it if there is none.

    Nothing but the files of a data set or checkpoint is uploaded. The token comes from `HF_TOKEN` or from
    `hf auth login`.

    Args:
        folder: a data set's or a checkpoint's.
        repo_id: `OWNER/NAME`.
        private: whether a new repository is private; one that exists stays as it is.
        message: of the commit.

    Returns:
        The address of the commit.

    Raises:
        ConfigError: if the folder holds neither, the id has another form, the token is missing or may not
            write there, or the hub cannot be reached.
    """
    source = Path(folder)
    repo_type = repo_type_of(source)
    _check_id(repo_id)
    with _hub_errors(repo_id, "write to"):
        from huggingface_hub import HfApi  # noqa: PLC0415 - an extra

        api = HfApi()
        api.create_repo(repo_id, repo_type=repo_type, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo_id,
            repo_type=repo_type,
            folder_path=source,
            allow_patterns=list(_FILES[repo_type]),
            commit_message=message or f"Upload {source.resolve().name} with Facsim",
        )
    return str(commit.commit_url)


def pull(
    repo_id: str, out: str | Path, *, repo_type: RepoType = "dataset", revision: str | None = None
) -> Path:
    """Download a data set or a checkpoint that `push` uploaded, whole or not at all.

    Args:
        repo_id: `OWNER/NAME`.
        out: the folder to make; it must not exist.
        repo_type: `dataset` or `model`.
        revision: a branch, a tag or a commit; the newest if None.

    Returns:
        The folder.

    Raises:
        ConfigError: if it exists, the id has another form, there is no such repository or you may not read
            it, or the hub cannot be reached.
        InputError: if the repository does not hold a data set of Facsim.
    """
    folder = Path(out)
    if folder.exists():
        raise ConfigError(f"{folder} exists. Choose another --out, or remove it")
    _check_id(repo_id)
    partial = folder.with_name(f".{folder.name}.partial")  # kept when interrupted: the next call resumes
    with _hub_errors(repo_id, "read", revision):
        from huggingface_hub import snapshot_download  # noqa: PLC0415 - an extra

        snapshot_download(
            repo_id,
            repo_type=repo_type,
            revision=revision,
            local_dir=partial,
            allow_patterns=list(_FILES[repo_type]),
        )
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    try:
        _check_kind(partial, repo_id, repo_type)
    except FacsimError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise ConfigError(str(error).replace(str(partial), repo_id)) from None
    partial.rename(folder)
    return folder


def _check_kind(partial: Path, repo_id: str, repo_type: RepoType) -> None:
    """Check that what was downloaded is whole, and what was asked for."""
    if repo_type == "model" and (partial / "card.json").is_file():
        raise ConfigError(f"{repo_id} holds a data set, not a checkpoint. Use --kind dataset")
    if repo_type == "dataset" and not (partial / "card.json").is_file():
        raise ConfigError(f"{repo_id} holds no data set of Facsim. For a checkpoint, use --kind model")
    repo_type_of(partial)


def _check_id(repo_id: str) -> None:
    if "/" not in repo_id or not is_hub_id(repo_id):
        raise ConfigError(f"{repo_id!r} is no repository of the hub: expected OWNER/NAME")


@contextmanager
def _hub_errors(repo_id: str, verb: str, revision: str | None = None) -> Iterator[None]:
    """Turn what huggingface_hub raises into sentences; the token is in none of them."""
    try:
        from huggingface_hub.errors import (  # noqa: PLC0415
            HfHubHTTPError,
            LocalEntryNotFoundError,
            LocalTokenNotFoundError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )
    except ImportError:
        raise ConfigError(
            "the hub needs the package huggingface_hub. Install it: pip install 'facsim[hub]'"
        ) from None
    login = "Log in (hf auth login) or set HF_TOKEN to a token that may"
    try:
        yield
    except (LocalTokenNotFoundError, RepositoryNotFoundError):
        kind = " If it exists, check --kind." if verb == "read" else ""
        raise ConfigError(f"{repo_id}: no such repository that you may {verb}.{kind} {login}") from None
    except RevisionNotFoundError:
        raise ConfigError(
            f"{repo_id}: no such revision: {revision}. Expected a branch, a tag or a commit"
        ) from None
    except LocalEntryNotFoundError:
        raise ConfigError(
            f"{repo_id}: the hub cannot be reached. Run the command again; it resumes"
        ) from None
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status in (401, 403):
            raise ConfigError(f"{repo_id}: the hub does not let you {verb} it ({status}). {login}") from None
        raise ConfigError(
            f"{repo_id}: the hub answers {status or 'nothing usable'}. Try again later"
        ) from None
    except OSError as error:
        raise ConfigError(f"{repo_id}: the hub cannot be reached ({type(error).__name__})") from None
