"""What the requests of `load` cost at its beginning and after its imports: processor time, on a busy machine too."""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from performance import growth, load
from performance.installation import Made
from tests.engines import postgres_server

#: As many as half an hour of `load` makes, and the seconds after which memories ask whether something changed.
IMPORTS, TRUSTED_SECONDS = 81, 6.0


def main() -> None:
    """Ask, import, ask again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400, help="of each phase")
    parser.add_argument("--imports", type=int, default=IMPORTS)
    parser.add_argument("--cache-mib", type=int, default=load.CACHE_MIB)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        url = stack.enter_context(postgres_server()).url
        os.environ |= {"ML_CACHE_MIB": str(options.cache_mib), "ML_MODEL_CACHE_MIB": str(load.MODEL_CACHE_MIB)}
        growth.choose_database(folder, url)
        made = growth.apart(growth.set_up, load.SIZES)
        growth.wake()
        send = sender()
        for phase in ("first requests", "before the imports"):
            tell(phase, send, made, options.requests)
        record = load.Record()
        for _ in range(options.imports):
            load.imported(made, folder, record)
        if errors := [error for minute in record.minutes for error in minute.errors]:
            sys.exit(f"load_in_process: {len(errors)} imports failed, the first: {errors[0]}")
        time.sleep(TRUSTED_SECONDS)
        for phase in ("first after the imports", "after the imports"):
            tell(phase, send, made, options.requests)


def sender() -> Callable[[str, str, Any], None]:
    """Sends a request of `load`; anything but 200 is an error."""
    from django.test import Client
    from django.utils import timezone

    from apps.accounts.log_ins import access_token
    from apps.accounts.models import User

    token = access_token(User.objects.get(email=growth.LOGIN), now=timezone.now())
    client, headers = Client(SERVER_NAME="localhost"), {"Authorization": f"Bearer {token}"}

    def send(method: str, path: str, body: Any) -> None:
        ask = getattr(client, method.lower())
        response = ask(path, body, content_type="application/json", headers=headers)
        if response.status_code != 200:
            raise RuntimeError(f"{path}: {response.status_code} {response.content[:300].decode(errors='replace')}")

    return send


def tell(phase: str, send: Callable[[str, str, Any], None], made: Sequence[Made], n: int) -> None:
    """Ask, the same in each phase, and print what it cost."""
    from apps.ml.services.models.memory import memory_stats

    rng, started, database = random.Random(5), time.process_time(), growth.database_seconds()
    for turn in range(n):
        send(*load.question(rng, made, turn))
    process, server = time.process_time() - started, growth.database_seconds() - database
    kept = int(str(memory_stats()["total_bytes"])) / growth.MIB
    print(
        f"{phase:24} {1000 * process / n:6.1f} ms a request, {1000 * server / n:5.1f} ms of the database's; "
        f"remembered {kept:.1f} MiB",
        flush=True,
    )


if __name__ == "__main__":
    main()
