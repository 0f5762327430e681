"""Does every address of the service keep to its schema, whatever is sent? Data of schemathesis' own making.

    python benchmarks/service_schema.py --examples 200 --model world

Starts a real `visavox serve` on 127.0.0.1 and sends, to each operation of /openapi.json, requests that fit the schema
and requests that do not. Checks that nothing above 499 but 503 comes back, that answers are of the kinds and shapes
that the schema promises, and that what does not fit is refused. Exit status 1: something does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def explore(url: str, *, examples: int, random_seed: int = 0) -> dict[str, Any]:
    """Send made-up requests to every operation of a running service.

    Args:
        url: of the service.
        examples: requests for each operation and kind of data.
        random_seed: of the data.

    Returns:
        `statuses` by operation; `failures`, one text each.
    """
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    statuses: dict[str, Counter[int]] = {}
    failures: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        counter = statuses.setdefault(operation.label, Counter())
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                _explore(operation, mode, examples, random_seed, counter)
            except Unsatisfiable:  # without parameters nothing can be wrong
                continue
            except (Failure, FailureGroup) as error:
                parts = error.exceptions if isinstance(error, FailureGroup) else [error]
                failures += [f"{operation.label} ({mode.value}): {part}" for part in parts]
    return {
        "statuses": {label: dict(sorted(counter.items())) for label, counter in statuses.items()},
        "failures": failures,
    }


def _explore(operation: Any, mode: GenerationMode, examples: int, random_seed: int, counter: Counter[int]) -> None:
    """Send requests of one kind to one operation.

    Raises:
        FailureGroup: an answer that must not be.
    """

    @seed(random_seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        response = case.call(timeout=60)
        counter[response.status_code] += 1
        # 503 is what a busy service answers; and what fits the schema is still no sound and no picture.
        is_busy = response.status_code == 503
        case.validate_response(
            response, excluded_checks=[positive_data_acceptance, *([not_a_server_error] if is_busy else [])]
        )

    one()


def main() -> int:
    """Run, print, and say whether all held."""
    from benchmarks.service_load import service

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=200, help="for each operation, fitting and unfitting each")
    parser.add_argument("--model", default="world")
    given_options, options = parser.parse_known_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name, service(given_options.model, Path(name), options) as (url, _):
        found = explore(url, examples=given_options.examples)
    print(json.dumps({**found, "seconds": round(time.monotonic() - start, 1)}, indent=2))
    return 1 if found["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
