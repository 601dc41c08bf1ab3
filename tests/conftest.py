"""How is compiled what takes longer to run than to compile."""

from collections.abc import Iterator

import pytest
from jax._src import compiler


@pytest.fixture(scope="module")
def compiled_to_run_fast() -> Iterator[None]:
    """XLA reads its flags once, and `jax.jit` takes options of a call's own program alone."""
    usual = compiler.get_compile_options

    def faster(*args, env_options_overrides=None, **kwargs):
        level = {"xla_backend_optimization_level": 1}
        return usual(*args, env_options_overrides=level | (env_options_overrides or {}), **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "get_compile_options", faster)
        yield
