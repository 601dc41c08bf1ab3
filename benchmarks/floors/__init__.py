"""The floor: the same equations in numba, for this machine alone, blocks of lanes on all cores."""

import functools
import platform

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from benchmarks.floors import landscapes, network
from benchmarks.problems import Contestant, Problem, network_data


@intrinsic
def _set_float_control(typing_context, word):
    del typing_context, word
    byte_pointer = ir.IntType(8).as_pointer()

    def generate(context, builder, signature, arguments):
        del signature
        place = builder.bitcast(cgutils.alloca_once_value(builder, arguments[0]), byte_pointer)
        kind = ir.FunctionType(ir.VoidType(), [byte_pointer])
        builder.call(builder.module.declare_intrinsic("llvm.x86.sse.ldmxcsr", fnty=kind), [place])
        return context.get_dummy_value()

    return types.void(types.uint32), generate


@numba.njit
def _flush_denormals():
    _set_float_control(np.uint32(0x1F80 | 0x8040))  # exceptions masked, FTZ and DAZ


def settle(threads: int | None = None) -> None:
    """Ready a process for floors: so many threads (all by default), and no slow tiny numbers.

    Numbers below 10⁻³⁸ count as zero, as they do in XLA; otherwise they cost a hundred times the
    others. numba's threads inherit that if they start later.
    """
    if platform.machine() in ("x86_64", "AMD64"):
        _flush_denormals()
    if threads is not None:
        numba.set_num_threads(threads)


def kernel_of(problem: Problem) -> functools.partial:
    """The floor as a function of rates and steps."""
    if problem.loss == "rosenbrock":
        return functools.partial(landscapes.rosenbrock_adam, start=problem.start)
    if problem.loss == "network":
        x, y, hidden, output = network_data()
        return functools.partial(network.network_sgd, x=x, y=y, hidden=hidden, output=output)
    return functools.partial(getattr(landscapes, f"bowl_{problem.optimizer}"))


def contestants(problem: Problem) -> dict[str, Contestant]:
    kernel, rates = kernel_of(problem), problem.rates
    return {"numba": Contestant(lambda: kernel(rates, problem.steps), problem.lane_steps)}
