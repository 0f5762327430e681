"""How a report says things: measures, groups and directions in words, values with their unit, "undefined".

Shares are written in percent with one decimal, costs with three, ranks with one. An undefined value is written
"undefined" and never as a number. The tables are in `visavox.evaluation.tables`.

Example:
    >>> format_value("accuracy_1_of_2", 0.8724), format_value("min_dcf_0.01", 0.5), format_value("eer", math.nan)
    ('87.2 %', '0.500', 'undefined')
"""

from __future__ import annotations

import math
import re

from visavox.evaluation.measures import UNDEFINED, Measure

DIRECTION_WORDS = {"voice_to_face": "voice → face", "face_to_voice": "face → voice"}
GROUP_WORDS = {"all": "all pairs"}
JUDGED_WORDS = {"all": "all pairs", "same_gender": "same gender", "people": "among people"}
PROTOCOL_WORDS = {
    "sss": "Lists of Seeking the Shape of Sound",
    "pins": "Lists of Learnable PINs",
    "fame": "Lists of FAME",
    "sbs": "Side by side, as FaceTones",
    "identification": "Who is it",
    "reconstruction": "Drawn faces",
}
MEASURE_WORDS = {
    "auc": "AUC",
    "eer": "equal error rate",
    "map": "mean average precision",
    "share_of_knowable": "share of the knowable",
    "log_loss_cost": "log loss, nats",
    "gender_agreement": "gender as of the true face",
    "race_agreement": "race as of the true face",
    "age_error_cost": "age off by, years",
    "top_1_by_person": "top-1 accuracy, mean over people",
}
OF_N = re.compile(r"accuracy_1_of_(\d+)")
BY_TRIAL = "_by_trial"  # the plain mean of a list, beside the mean over people
AT_K = re.compile(r"recall_at_(\d+)")
TOP_K = re.compile(r"top_(\d+)")
DIR_AT_FAR = re.compile(r"dir_at_far_([0-9.]+)")
JUDGED = re.compile(r"(.+)_(all|same_gender|people)")
DEALT = re.compile(r"(train|validation|test)_by_(clip|session)")
MIN_DCF = re.compile(r"min_dcf_([0-9.]+)")


def n_faces(measure: str) -> int | None:
    """Returns N of a 1:N accuracy, None for every other measure: `accuracy_1_of_2` gives 2."""
    found = OF_N.fullmatch(measure)
    return int(found.group(1)) if found else None


def n_first(measure: str) -> int | None:
    """Returns k of a recall at k, None for every other measure: `recall_at_10` gives 10."""
    found = AT_K.fullmatch(measure)
    return int(found.group(1)) if found else None


def measure_words(measure: str) -> str:
    """Returns the measure as people say it; an unknown name comes back with spaces for underscores."""
    if (n := n_faces(measure)) is not None:
        return f"1:{n} accuracy"
    if (k := n_first(measure)) is not None:
        return f"recall at {k}"
    if measure.endswith(BY_TRIAL):
        return f"{measure_words(measure.removesuffix(BY_TRIAL))}, mean over trials"
    if found := MIN_DCF.fullmatch(measure):
        return f"minDCF at prior {found.group(1)}"
    if found := TOP_K.fullmatch(measure):
        return f"top-{found.group(1)} accuracy"
    if found := DIR_AT_FAR.fullmatch(measure):
        return f"identified at {found.group(1)} % false alarms"
    return MEASURE_WORDS.get(measure, measure.replace("_", " "))


def protocol_words(protocol: str) -> str:
    """Returns `sss` as "Lists of Seeking the Shape of Sound"; an unknown name as it is, with a capital."""
    return PROTOCOL_WORDS.get(protocol, protocol.replace("_", " ").capitalize())


def direction_words(direction: str) -> str:
    """Returns `voice_to_face` as "voice → face"; an unknown name as it is, with spaces."""
    return DIRECTION_WORDS.get(direction, direction.replace("_", " "))


def group_words(group: str) -> str:
    """Returns `same_gender` as "same gender", `all` as "all pairs"; an unknown name as it is, with spaces.

    A subset with how it was dealt out, `test_by_session`, is "test, split by session"; pairs with who judged them,
    `dlib_all`, are "all pairs, by dlib".
    """
    if found := DEALT.fullmatch(group):
        return f"{found.group(1)}, split by {found.group(2)}"
    if found := JUDGED.fullmatch(group):
        return f"{JUDGED_WORDS[found.group(2)]}, by {found.group(1)}"
    return GROUP_WORDS.get(group, group.replace("_", " "))


def format_value(measure: str, value: float) -> str:
    """Returns a value as the tables write it, with its unit.

    Args:
        measure: its name; costs and ranks are plain numbers, everything else is a share.
        value: a share from 0 to 1, a cost, or a rank; nan gives "undefined".
    """
    if not math.isfinite(value):
        return UNDEFINED
    return f"{format_number(measure, value)} %" if is_share(measure) else format_number(measure, value)


def is_share(measure: str) -> bool:
    """Whether the value is a share from 0 to 1, to be written in percent."""
    return not any(part in ("cost", "dcf", "rank", "similarity", "variance") for part in measure.lower().split("_"))


def format_number(measure: str, value: float) -> str:
    """Returns a finite value as digits without its unit: percent 87.2, cost 0.500, rank 12.0."""
    if is_share(measure):
        return f"{100 * value:.1f}"
    return f"{value:.1f}" if "rank" in measure.lower() else f"{value:.3f}"


def format_interval(measure: Measure) -> str:
    """Returns "85.1–89.2", or nothing where the interval is undefined."""
    if not (math.isfinite(measure.low) and math.isfinite(measure.high)):
        return ""
    return f"{format_number(measure.measure, measure.low)}–{format_number(measure.measure, measure.high)}"


def format_cell(found: Measure | None) -> tuple[str, str]:
    """Returns a value and its interval as two texts; a missing measure is "undefined"."""
    if found is None or not math.isfinite(found.value):
        return UNDEFINED, ""
    return format_value(found.measure, found.value), format_interval(found)
