"""Networks of diffusers come alone, and nothing that was found out about other packages is changed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from visavox.models.diffusion.diffusers_import import import_from_diffusers


def said_by(code: str) -> str:
    """Return what a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


@pytest.mark.slow
def test_a_network_does_not_load_the_models_of_transformers() -> None:
    code = (
        "import sys\n"
        "from visavox.models.diffusion.diffusers_import import import_from_diffusers\n"
        "import_from_diffusers('diffusers.models.unets.unet_2d_condition', 'UNet2DConditionModel')\n"
        "from diffusers.utils.import_utils import is_transformers_available\n"
        "loaded = 'transformers.modeling_utils' in sys.modules or 'transformers.models' in sys.modules\n"
        "print(loaded, is_transformers_available())"
    )
    loaded, known = said_by(code).split()
    assert loaded == "False"
    assert known == "True"  # it is installed here, and other code may use it


def test_the_class_is_that_of_diffusers() -> None:
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    assert import_from_diffusers("diffusers.schedulers.scheduling_ddpm", "DDPMScheduler") is DDPMScheduler


def test_an_unknown_class_is_an_error_and_changes_nothing() -> None:
    from diffusers.utils.import_utils import is_transformers_available

    before = is_transformers_available()
    with pytest.raises(AttributeError):
        import_from_diffusers("diffusers.schedulers.scheduling_ddpm", "Nothing")
    with pytest.raises(ModuleNotFoundError):
        import_from_diffusers("diffusers.schedulers.nothing", "Nothing")
    assert is_transformers_available() == before
