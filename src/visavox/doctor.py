"""The command `doctor`: says what is installed, what is broken, which encoders work offline, and how to mend it.

Example:
    visavox doctor --json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from visavox.config import DoctorConfig
from visavox.pipeline.environment import Check, State, inspect_environment

STYLES: dict[State, str] = {"ok": "green", "missing": "yellow", "warning": "yellow", "broken": "bold red"}


def run(config: DoctorConfig) -> int:
    """Print what was found, as a table or as JSON. Returns 1 if anything is broken, else 0.

    With `quiet`, the table leaves out what is in order.
    """
    checks = inspect_environment()
    failed = any(check.state == "broken" for check in checks)
    if config.json:
        sys.stdout.write(json.dumps({"ok": not failed, "checks": [asdict(check) for check in checks]}, indent=2) + "\n")
    else:
        _print_table([check for check in checks if not config.quiet or check.state != "ok"])
    return int(failed)


def _print_table(checks: Sequence[Check]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not checks:
        return
    console = Console(file=sys.stdout)
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "state", "found"):
        table.add_column(heading, no_wrap=heading != "found")
    for check in checks:
        table.add_row(check.name, Text(check.state, style=STYLES[check.state]), Text(check.detail))
    console.print(table)
    for check in checks:
        if check.remedy:
            # Below the table and unwrapped, so that the line can be copied.
            console.print(Text(f"{check.name}: {check.remedy}"), soft_wrap=True)
