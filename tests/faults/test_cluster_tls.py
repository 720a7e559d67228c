"""A cluster with the TLS of docs/security.md, set up as it says: nobody enters without the key."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.faults.cluster import PAGES, Cluster
from tests.faults.study import ROOT, Study, twin

pytestmark = pytest.mark.faults_all

# Asks the process at each address who it is, with a certificate or without, or without TLS; prints
# the addresses that answer.
CLIENT = """
import asyncio, json, ssl, sys
from distributed.core import rpc
addresses, folder, scheme = json.loads(sys.argv[1])
options = {}
if scheme == "tls":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if folder is not None:
        context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    options["ssl_context"] = context
async def answers(address):
    async with rpc(f"{scheme}://{address}", connection_args=options, timeout=5) as asked:
        await asyncio.wait_for(asked.identity(), 5)
    return address
async def main():
    found = await asyncio.gather(*map(answers, addresses), return_exceptions=True)
    print(json.dumps([one for one in found if not isinstance(one, BaseException)]))
asyncio.run(main())
"""


def blocks(kind: str) -> list[str]:
    """What docs/security.md says of this kind."""
    page = (ROOT / "docs" / "security.md").read_text()
    return re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)


def set_up(home: Path) -> dict[str, str]:
    """Do steps 1 and 2 of the page in a home of its own; the environment to start from."""
    home.mkdir()
    env = {"HOME": str(home)}
    words = ["sh", "-e", "-c", blocks("sh")[0]]
    done = subprocess.run(words, env=os.environ | env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    text = blocks("yaml")[0].replace("/home/me", str(home))
    (home / ".config" / "dask" / "tls.yaml").write_text(text)
    return env


def listening(process: "subprocess.Popen[str]") -> list[str]:
    """Where a process and all that it has started listen."""
    tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    found = [one for each in tree for one in each.net_connections() if one.status == "LISTEN"]
    return sorted({f"{one.laddr.ip}:{one.laddr.port}" for one in found})


def entered(addresses: list[str], folder: Path | None, scheme: str, env: dict[str, str]) -> set:
    """The addresses that answer a client."""
    told = json.dumps([addresses, None if folder is None else str(folder), scheme])
    words = [sys.executable, "-c", CLIENT, told]
    done = subprocess.run(words, env=os.environ | env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_only_who_has_the_certificate_of_the_page_enters(tmp_path):
    env, stranger = set_up(tmp_path / "home"), set_up(tmp_path / "stranger")
    scheduler, worker, _ = blocks("sh")[1].splitlines()
    assert " --protocol tls " in scheduler
    assert all(line.endswith(" ".join(PAGES)) for line in (scheduler, worker))
    (tmp_path / "without").mkdir()
    with Cluster(tmp_path, "--protocol", "tls", env=env) as them:
        assert them.address.startswith("tls://")
        started = them.add_worker()
        study = Study(tmp_path, cluster=them.address, env=env)
        ended = study.run()
        assert ended.code == 0, ended.err
        assert study.came() == twin()

        ports = [*listening(them.scheduler), *listening(started)]
        home, other = tmp_path / "home" / "dask", tmp_path / "stranger" / "dask"
        known = {them.address.removeprefix("tls://")}
        assert entered(ports, home, "tls", env) >= known
        assert len(entered(ports, home, "tls", env)) == 3  # the scheduler, the nanny, the worker
        assert {port.rpartition(":")[0] for port in ports} == {"127.0.0.1"}
        assert entered(ports, None, "tls", env) == set()
        assert entered(ports, other, "tls", stranger) == set()
        assert entered(ports, None, "tcp", {"HOME": str(tmp_path / "without")}) == set()

        for home in ("stranger", "without"):
            env = {"HOME": str(tmp_path / home)}
            refused = Study(tmp_path, cluster=them.address, env=env, name="refused").run()
            assert refused.code == 2, refused.err
            assert "No Dask scheduler answers at --cluster" in refused.err
            assert "Traceback" not in refused.err
