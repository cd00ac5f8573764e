"""What the tests of the teacher share: a small data set, servers, and no real keys."""

import pytest
from loopback import Loopback
from teaching import good_teacher, whole_visit, written


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of this machine is ever sent."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "FACSIM_ENDPOINT_API_KEY"):
        monkeypatch.setenv(name, "sk-planted-0123456789")
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def data(tmp_path):
    """Three sessions; one step has a rationale already."""
    sessions = [
        whole_visit(0),
        whole_visit(1, (None, "I like my own words.", None, None)),
        whole_visit(2),
    ]
    return written(tmp_path / "data", sessions)


@pytest.fixture
def server():
    """Starts loopback servers."""
    servers = []

    def start(script=good_teacher, **fields):
        made = Loopback(script, **fields)
        made.__enter__()
        servers.append(made)
        return made

    yield start
    for made in servers:
        made.__exit__()
