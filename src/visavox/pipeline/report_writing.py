"""The end of every evaluation: the dated log of final tests, the three files of the report, the comparison.

Example:
    finish_report(EvaluateConfig(out=Path("report"), compare=(Path("earlier"),)), report)
"""

from __future__ import annotations

import json

from visavox.evaluation.comparison import compare_reports
from visavox.evaluation.record import Report
from visavox.evaluation.report import write_report
from visavox.evaluation_config import EvaluateConfig


def finish_report(config: EvaluateConfig, report: Report) -> None:
    """Log a final test, write the report into `out`, and the comparison beside it where reports are named.

    Raises:
        DataError: a folder cannot be written, or an earlier report cannot be read.
    """
    if config.final:
        log_final_test(config, report)  # first, so that no final figure is seen that is not in the log
    write_report(report, config.out)
    if config.compare:
        comparison = compare_reports([config.out, *config.compare])
        (config.out / "comparison.html").write_text(comparison.html, encoding="utf-8")
        (config.out / "comparison.md").write_text(comparison.markdown, encoding="utf-8")


def log_final_test(config: EvaluateConfig, report: Report) -> None:
    """Append one dated line to the log of final tests: model, people, protocol, and the main figures."""
    main = [m for m in report.measures if m.measure in ("accuracy_1_of_2", "auc", "top_1") and m.value == m.value]
    row = {
        "date": report.provenance["date"],
        "model": config.model,
        "people": report.provenance["corpus"],
        "catalog_hash": report.provenance.get("catalog_hash", ""),
        "trial_hash": report.provenance["trial_hash"],
        "version": report.provenance["version"],
        "protocol": config.protocol,
        "figures": {
            " ".join((m.direction, m.group, m.measure)): [round(v, 4) for v in (m.value, m.low, m.high)] for m in main
        },
    }
    config.final_log.parent.mkdir(parents=True, exist_ok=True)
    with config.final_log.open("a", encoding="utf-8") as log:
        log.write(json.dumps(row) + "\n")
