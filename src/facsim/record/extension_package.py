"""The browser extension, made for one study.

The study's sites are in the manifest, so the browser itself keeps the extension from reading any other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from facsim.record.study import Study
from facsim.util.errors import ConfigError

_FILES: Final = Path(__file__).with_name("extension")
# Public half of a key whose private half was thrown away. It makes the extension's id the same everywhere.
_KEY: Final = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAppUN05Nttx/S7SwtFY5peAASurHxG/vJYu1ecnIahkHUJA"
    "p95TDcq2rCj55gEYwt2pkS1DPOidrcf5WMJ7Llk2sCGJfHyiFK0mqbcTemXZMllBjfT13Thbys9kByHQAH3jYB+fM1"
    "JjY+X0f7gmuAFU2XdPVJQcauFm3Cg+mrslYmrfKvDRw1NGmhbnN4FyxgGRLhK3wwUkhP5fWy1HFYYuKPwHgA+NDL9y"
    "XOEEG73KzXOxPj9631gK5OlZhN290pSYDUFbX/45EkGqCRAVl5EkRgPFwvirBlwjMCPMxUZlB+ULXudiSCWjUHhfyx"
    "ciuSdkYlfcv29vkq54JxziV+HQIDAQAB"
)
EXTENSION_ID: Final = "".join(
    chr(ord("a") + int(digit, 16)) for digit in hashlib.sha256(base64.b64decode(_KEY)).hexdigest()[:32]
)
"""The id that Chromium gives the extension."""
ORIGIN: Final = f"chrome-extension://{EXTENSION_ID}"


def extension_files(
    study: Study, *, port: int, token: str | None = None, participant: str | None = None
) -> dict[str, bytes]:
    """The files of the extension, by name.

    Args:
        study: the study.
        port: the collector's port.
        token: the collector's token. Without one, the consent page asks for it.
        participant: suggested on the consent page; random if None.
    """
    files = {file.name: file.read_bytes() for file in sorted(_FILES.iterdir()) if file.is_file()}
    manifest: dict[str, Any] = json.loads(files["manifest.json"])
    manifest["key"] = _KEY
    manifest["host_permissions"] = [*study.sites, f"http://127.0.0.1:{port}/*"]
    manifest["content_scripts"][0]["matches"] = list(study.sites)
    manifest["web_accessible_resources"][0]["matches"] = sorted(
        {f"{split.scheme}://{split.netloc}/*" for split in map(urlsplit, study.sites)}
    )
    config = {**study.for_participants(), "port": port, "token": token, "participant": participant}
    files["manifest.json"] = _dumped(manifest)
    files["config.json"] = _dumped(config)
    return files


def write_extension(study: Study, folder: Path, **options: Any) -> None:
    """Write the extension to a folder. Options as for `extension_files`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in extension_files(study, **options).items():
        (folder / name).write_bytes(content)


def export_extension(study: Study, file: str | Path, *, overwrite: bool = False) -> Path:
    """Pack the extension for other people. It holds no token: the consent page asks for the connection code.

    Args:
        study: the study.
        file: the zip file to create.
        overwrite: whether to replace an existing file.

    Raises:
        ConfigError: if the file exists or cannot be written.
    """
    path = Path(file)
    if path.exists() and not overwrite:
        raise ConfigError(f"{path} exists. Choose another file, or use --overwrite")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in extension_files(study, port=study.port).items():
                # A fixed time: the same study gives the same bytes.
                packed.writestr(zipfile.ZipInfo(f"facsim-recorder/{name}"), content)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _dumped(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
