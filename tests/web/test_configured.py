"""What a service has, and what it says it lacks."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.web.configured import ABSENT, ADDED_BY, configured, inventory
from visavox.web.service_errors import RefusalError


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_a_part_that_is_missing_is_refused_with_its_option(name: str) -> None:
    assert configured("there", name) == "there"
    with pytest.raises(RefusalError, match=f"Start it with: visavox serve {ADDED_BY[name]}") as raised:
        configured(None, name)
    assert (raised.value.status, raised.value.code) == (404, f"no_{name}")


def test_an_inventory_names_each_part_once(engine: Any) -> None:
    there, absent = inventory(engine.model_facts(), engine.settings)
    assert there["model"].startswith("run: ge2e + dlib, ")
    assert there["people"] == "8 enrolled"
    assert "8 people by face" in there["gallery"] and "8 people by voice" in there["gallery"]
    assert not set(there) & set(absent)
    assert "pages" not in there and "uploads" not in there
