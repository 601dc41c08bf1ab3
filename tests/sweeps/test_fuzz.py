"""Random programs, many runs together, are each run alone (`make fuzz` tries more of them)."""

import pytest
from fuzzing import libraries
from fuzzing.comparisons import check

EACH = 10
# each device had a single run; what all runs share came to a batching rule as if they did not
FOUND_WRONG_ONCE = (501815, 503199, 409665)
OF_OPTAX = ("adafactor", "muon", "prodigy", "rprop", "schedule_free_adamw", "sm3", "yogi")


@pytest.mark.parametrize("first", range(0, 60, EACH))
def test_random_programs(first):
    for seed in range(first, first + EACH):
        check(seed, sizes=2)


@pytest.mark.parametrize("seed", FOUND_WRONG_ONCE)
def test_programs_that_were_found_wrong(seed):
    check(seed)


@pytest.mark.parametrize("name", OF_OPTAX)
def test_optimizers_of_optax(name):
    libraries.check(f"optax.{name}")


@pytest.mark.parametrize("name", [name for name in libraries.CASES if "optax." not in name])
def test_methods_of_other_libraries_where_they_are_installed(name):
    libraries.check(name)
