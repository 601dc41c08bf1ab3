"""What makes two programs the same: the one answer, for compiled programs and for stores alike.

Two programs that may compute different numbers never share an identity; the same program written
twice does, in any process. So everything that a number can hide in is described: every equation
with its parameters, however deeply nested, every constant by a digest of its bytes, dtypes with
their weakness, and JAX's own settings. The names of functions and variables stay out: a sweep of a
renamed loss is the same sweep.

What cannot be described is *opaque*: a Python function that is called back as the program runs, a
batching rule, a primitive that JAX does not have. It is told apart by the object in memory, which
no other process can do.
"""

import dataclasses
import enum
import functools
import hashlib
import operator
import os
import sys
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec, Sharding

UNNAMED = {
    "name": ("jit", "pjit", "closed_call", "core_call", "remat", "pallas_call", "custom_"),
    "name_and_src_info": ("pallas_call",),
    "debug_info": ("",),
}
"""Parameters that only name what they belong to, by the beginnings of primitives' names."""

DERIVATIVES = {
    "custom_jvp_call": ("jvp_jaxpr_fun", "jvp_jaxpr_thunk"),
    "custom_vjp_call": ("fwd_jaxpr_thunk", "bwd", "out_trees"),
    "custom_vjp_call_jaxpr": ("fwd_jaxpr_thunk", "bwd", "out_trees"),
    "remat": ("policy",),
    "remat2": ("policy",),
    "checkpoint": ("policy",),
}
"""Rules of differentiation: derivatives that a program takes already stand in it as equations."""

REPEATING = {"reduce": ("computation",)}
"""Functions whose traced program stands beside them."""


CONTEXT = ("compute_type", "threefry_partitionable", "xla_metadata", "cur_abstract_mesh")
"""What JAX notes of its settings with each equation."""


@dataclass(frozen=True, eq=False)
class Opaque:
    """A Python object that a program calls, equal to nothing but itself."""

    what: str
    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@dataclass(frozen=True)
class Identity:
    """All that tells a program from another one.

    Attributes:
        text: the equations, line by line; programs within the program come before it.
        constants: every constant, as a line with its dtype, shape, range and digest.
        opaque: what no text describes.
        settings: JAX's settings that a trace depends on, by name.
        context: the same and what else JAX tells its own traces apart by.
    """

    text: tuple[str, ...]
    constants: tuple[str, ...]
    opaque: tuple[Opaque, ...]
    settings: Mapping[str, str] = field(compare=False)
    context: Hashable


def identify(program: core.ClosedJaxpr, of_constants_the_types: bool = False) -> Identity:
    """The identity of a program; with types alone of its own constants, that of it for any others.

    Example:
        >>> data = jnp.array([1.0, 2.0])
        >>> def traced(loss):
        ...     return identify(jax.make_jaxpr(jax.jit(loss))(0.0))
        >>> ours = traced(lambda x: jnp.sum((x - data) ** 2))
        >>> ours == traced(lambda y: jnp.sum((y - jnp.array([1.0, 2.0])) ** 2))
        True
        >>> ours == traced(lambda x: jnp.sum((x - 2 * data) ** 2))
        False
    """
    writer = _Writer()
    text = writer.program(program, of_constants_the_types)
    return Identity(
        text=tuple(line for part in (*writer.programs, text) for line in part),
        constants=tuple(writer.constants),
        opaque=tuple(writer.opaque),
        settings=settings(),
        context=_context(),
    )


def describe(array: Any) -> str:
    """An array in a line: dtype, shape, range of numbers, and a digest of all its bytes."""
    numbers = on_host(jax.random.key_data(array) if is_key(array) else array)
    digest = hashlib.sha256(numbers.tobytes()).hexdigest()[:32]
    text = f"{jnp.result_type(array)}{list(np.shape(array))}"
    if numbers.size and numbers.dtype.kind in "biuf" and not is_key(array):
        text += f" from {numbers.min():.9g} to {numbers.max():.9g}"
    return f"{text}, sha256 {digest}"


def is_key(leaf: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key)


def on_host(array: Any) -> np.ndarray:
    return np.asarray(jax.device_get(array))


def settings() -> dict[str, str]:
    """JAX's settings that numbers depend on: those of a trace, as JAX lists them where it does.

    A setting that only refuses programs is none: what it lets through is the same program. What
    the compiler is told is one.
    """
    known = jax.config.values
    asked = names_of_settings() - HARMLESS
    found = {name: str(known[name]) for name in sorted(asked) if name in known}
    return found | {"platform": _platform(), "XLA_FLAGS": _flags()}


def names_of_settings() -> set[str]:
    """Of those that a trace depends on."""
    from jax._src import config  # no public module tells which they are

    try:
        names: Sequence[str] = config.trace_context_names()
    except (AttributeError, NotImplementedError):
        names = ()
    return {*names, *SETTINGS}


def _platform() -> str:
    """Of the device that arrays are put on, whichever of its kind that is."""
    chosen = jax.config.values["jax_default_device"]
    return chosen if isinstance(chosen, str) else (chosen or jax.devices()[0]).platform


def _flags() -> str:
    """What the compiler was told, but for what changes no number."""
    told = os.environ.get("XLA_FLAGS", "").split()
    return " ".join(sorted(flag for flag in told if not flag.startswith(HARMLESS_FLAGS)))


HARMLESS_FLAGS = (
    "--xla_force_host_platform_device_count",
    "--xla_dump",
    "--xla_cpu_parallel_codegen_split_count",
    "--xla_gpu_force_compilation_parallelism",
    "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold",  # see `compilation`
)


SETTINGS = (
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_enable_x64",
    "jax_random_seed_offset",
    "jax_threefry_gpu_kernel_lowering",
    "jax_threefry_partitionable",
)
"""Those of every version of JAX."""

HARMLESS = {
    "jax_check_static_indices",
    "jax_debug_key_reuse",
    "jax_default_device",
    "jax_embedded_constants_max_bytes",
    "jax_error_checking_behavior_divide",
    "jax_error_checking_behavior_nan",
    "jax_error_checking_behavior_oob",
    "jax_explicit_x64_dtypes",
    "jax_hlo_source_file_canonicalization_regex",
    "jax_mutable_array_checks",
    "jax_numpy_dtype_promotion",
    "jax_numpy_rank_promotion",
    "jax_pgle_aggregation_percentile",
    "jax_pgle_profiling_runs",
}
"""Settings of a trace that refuse programs, or that change no number."""


def _context() -> Hashable:
    from jax._src import config  # what jax.jit itself tells its traces apart by

    context = getattr(config, "trace_context", None)
    return context() if callable(context) else tuple(settings().items())


_PLAIN = (type(None), bool, int, float, complex, str, bytes, slice, range)


class _Writer:
    """Writes a program down. Equal texts for equal programs, whatever objects they are made of."""

    def __init__(self) -> None:
        self.programs: dict[tuple[str, ...], int] = {}  # those within, each once, with a number
        self.constants: dict[str, int] = {}
        self.opaque: list[Opaque] = []
        self._references: dict[int, str] = {}  # by the id of a program or constant that was seen
        self._seen: list[Any] = []  # kept alive, so that no other object gets its id
        self._place = ""  # the parameter that is being described
        self._context: tuple[list[Any], str] = [], ""  # the last equation's, and what it is called

    def program(self, program: core.ClosedJaxpr, types_alone: bool = False) -> tuple[str, ...]:
        known = () if types_alone else program.consts
        consts = ", ".join(map(self._constant, known))
        names: dict[Any, str] = {}

        def name(variable) -> str:
            if isinstance(variable, core.Literal):
                return f"{np.asarray(variable.val).item()!r}:{self._type(variable.aval)}"
            if variable not in names:
                names[variable] = f"v{len(names)}"
            return names[variable]

        def declared(variables) -> str:
            return " ".join(f"{name(v)}:{self._type(v.aval)}" for v in variables)

        jaxpr = program.jaxpr
        lines = [f"program of {declared(jaxpr.invars)}"]
        if jaxpr.constvars:
            lines.append(f"  with {declared(jaxpr.constvars)} = {consts}")
        context = ""
        for equation in jaxpr.eqns:
            if (here := self._context_of(equation)) != context:
                lines.append(f"  under {here}")
                context = here
            read = " ".join(map(name, equation.invars))
            made = declared(equation.outvars)
            lines.append(f"  {made} = {self._operation(equation)} {read}".rstrip())
        lines.append(f"  gives {' '.join(map(name, jaxpr.outvars))}")
        return tuple(lines)

    def _operation(self, equation) -> str:
        primitive = equation.primitive
        if not _is_of_jax(primitive):
            self._add_opaque(Opaque(f"the primitive {primitive.name}", primitive))
        parameters = [
            f"{name}={self._parameter(primitive.name, name, value)}"
            for name, value in sorted(equation.params.items())
            if value is not None and not _says_nothing(primitive.name, name)
        ]
        return f"{primitive.name}[{' '.join(parameters)}]"

    def _parameter(self, primitive: str, name: str, value: Any) -> str:
        before, self._place = self._place, f"{name} of {primitive}"
        text = self.value(value)
        self._place = before
        return text

    def _context_of(self, equation) -> str:
        """What JAX remembers beside an equation, such as how random bits are drawn."""
        context = getattr(equation, "ctx", None)
        values = [getattr(context, name, None) for name in CONTEXT]
        before, text = self._context
        if len(before) != len(values) or any(map(operator.is_not, values, before)):
            text = " ".join(
                f"{name}={self.value(value)}"
                for name, value in zip(CONTEXT, values, strict=True)
                if value is not None and not (isinstance(value, AbstractMesh) and value.empty)
            )
            self._context = values, text
        return text

    def value(self, value: Any) -> str:
        """Any value of a parameter; the commonest kinds first."""
        if type(value) in _PLAIN:
            return repr(value)
        if type(value) in (tuple, list):
            return self._listed("(", value)
        for kinds, describe_one in self._ways:
            if isinstance(value, kinds):
                return describe_one(self, value)
        if hasattr(value, "__array__"):
            return self._constant(value)
        if hasattr(value, "_impl"):  # the dtype of random keys
            return self._dtype(value)
        wraps_callback = type(value).__name__ == "_FlatCallback"
        if dataclasses.is_dataclass(value) and (wraps_callback or not callable(value)):
            return self._fields(value)
        if _is_of_jax(value):
            return _name_of(value)
        if type(value).__module__.startswith("jax.") and not callable(value):
            return f"{_name_of(type(value))}{self._mapping(_attributes(value))}"
        return self._opaque_parameter(value)

    def _plain(self, value: Any) -> str:
        """The subclasses of numbers and texts with their type, as they may differ in it alone."""
        return repr(value) if type(value) in _PLAIN else f"{_name_of(type(value))}({value!r})"

    def _mapping(self, value: Mapping) -> str:
        pairs = [f"{self.value(key)}: {self.value(entry)}" for key, entry in value.items()]
        return f"{{{', '.join(sorted(pairs))}}}"

    def _set(self, value: AbstractSet) -> str:
        return f"{{{', '.join(sorted(map(self.value, value)))}}}"

    def _sequence(self, value: Sequence) -> str:
        kind = "" if type(value) in (tuple, list) else _name_of(type(value))
        return self._listed(f"{kind}(", value)

    def _listed(self, begin: str, values: Iterable[Any]) -> str:
        return f"{begin}{', '.join(map(self.value, values))})"

    def _fields(self, value: Any) -> str:
        fields = {
            each.name: getattr(value, each.name, None)
            for each in dataclasses.fields(value)
            if each.name != "debug_info"
        }
        return f"{_name_of(type(value))}{self._mapping(fields)}"

    def _structure(self, tree: Any) -> str:
        data = tree.node_data()
        if data is None:
            return "*" if tree.num_leaves else "None"
        kind, auxiliary = data
        return self._listed(f"{_name_of(kind)}<{self.value(auxiliary)}>(", tree.children())

    def _named_sharding(self, sharding: NamedSharding) -> str:
        return self._listed("sharding(", (sharding.mesh, str(sharding.spec), sharding.memory_kind))

    def _mesh(self, mesh: Any) -> str:
        if mesh.empty:
            return "no mesh"
        parts = [mesh.axis_names, tuple(mesh.shape.values()), getattr(mesh, "axis_types", None)]
        if isinstance(mesh, Mesh):
            parts += [[device.id for device in mesh.devices.flat]]
        return self._listed("mesh(", parts)

    def _nested(self, program: Any) -> str:
        # JAX 0.12 has one class for both, which knows its constants.
        closed = program if hasattr(program, "consts") else core.ClosedJaxpr(program, ())
        return self._refer("program", program, self.programs, lambda: self.program(closed))

    def _constant(self, array: Any) -> str:
        return self._refer("constant", array, self.constants, lambda: describe(array))

    def _refer(self, kind: str, value: Any, numbers: dict, description: Callable) -> str:
        """A reference to a description, which stands once however many objects it describes."""
        if id(value) not in self._references:
            self._seen.append(value)
            text = description()
            number = numbers.setdefault(text, len(numbers))
            self._references[id(value)] = f"{kind} {number}"
        return self._references[id(value)]

    def _type(self, aval: Any) -> str:
        if not isinstance(aval, jax.core.ShapedArray):
            return str(aval)
        weak = "*" if aval.weak_type else ""
        sharding = getattr(aval, "sharding", None)
        mesh = getattr(sharding, "mesh", None)
        placed = "" if mesh is None or mesh.empty else f"@{self.value(sharding)}"
        return f"{self._dtype(aval.dtype)}{list(aval.shape)}{weak}{placed}"

    def _dtype(self, dtype: Any) -> str:
        if isinstance(dtype, np.dtype):
            return _dtype_text(dtype)
        implementation = getattr(dtype, "_impl", None)  # of random keys
        if implementation is None:
            return str(dtype)
        return f"key<{self._random_implementation(implementation)}>"

    def _random_implementation(self, implementation: Any) -> str:
        functions = filter(callable, implementation)
        known = all(map(_is_of_jax, functions))
        return implementation.name if known else self._sequence(implementation)

    def _opaque_parameter(self, value: Any) -> str:
        """A callback is called as the program runs, whatever it then reads.

        Anything else is read when the program is compiled, and what it reads may have changed since
        an equal one was: it is new each time.
        """
        called_back = self._place.startswith("callback ")
        what = f"{self._place}, {getattr(value, '__qualname__', None) or _name_of(type(value))}"
        return self._add_opaque(Opaque(what, value if called_back else object()))

    def _add_opaque(self, opaque: Opaque) -> str:
        if opaque not in self.opaque:
            self.opaque.append(opaque)
        return f"opaque {self.opaque.index(opaque)}"

    _ways: ClassVar[tuple[tuple[tuple, Callable[[Any, Any], str]], ...]] = (
        ((enum.Enum,), lambda self, value: f"{_name_of(type(value))}.{value.name}"),
        (_PLAIN, _plain),
        ((core.ClosedJaxpr, core.Jaxpr), _nested),
        ((jax.Array, np.ndarray, np.generic), _constant),
        ((np.dtype,), _dtype),
        ((type,), lambda self, value: _name_of(value)),
        ((jax.core.AbstractValue,), _type),
        ((NamedSharding,), _named_sharding),
        ((Mesh, AbstractMesh), _mesh),
        ((Sharding, PartitionSpec, jax.Device), lambda self, value: repr(value)),
        ((jax.tree_util.PyTreeDef,), _structure),
        ((Mapping,), _mapping),
        ((AbstractSet,), _set),
        ((Sequence,), _sequence),
    )


_dtype_text = functools.lru_cache(maxsize=64)(str)


def _says_nothing(primitive: str, parameter: str) -> bool:
    silent = DERIVATIVES.get(primitive, ()) + REPEATING.get(primitive, ())
    return primitive.startswith(UNNAMED.get(parameter, ())) or parameter in silent


def _name_of(value: Any) -> str:
    """Of a class or function; without the module where that is JAX's, which moves them about."""
    if not hasattr(value, "__qualname__"):
        return _name_of(type(value))
    of_jax = value.__module__.startswith(("jax.", "builtins"))
    return value.__qualname__ if of_jax else f"{value.__module__}.{value.__qualname__}"


def _attributes(value: Any) -> dict[str, Any]:
    """All that one of JAX's own objects is made of, such as the trees of what a loop carries."""
    slots = (slot for kind in type(value).__mro__ for slot in getattr(kind, "__slots__", ()))
    own = (slot for slot in slots if not slot.startswith("__") and hasattr(value, slot))
    here = {slot: getattr(value, slot) for slot in own}
    return here | getattr(value, "__dict__", {})


def _is_of_jax(value: Any) -> bool:
    """Whether a function or primitive stands in a module of JAX under its name."""
    if isinstance(value, core.Primitive):
        return id(value) in _primitives_of_jax(len(sys.modules))
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not (module and name and module.startswith("jax.")):
        return False
    return getattr(sys.modules.get(module), name, None) is value


@functools.lru_cache(maxsize=1)
def _primitives_of_jax(modules: int) -> dict[int, core.Primitive]:
    """Those in the modules that are loaded by now."""
    found: dict[int, core.Primitive] = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("jax."):
            found |= {id(v): v for v in vars(module).values() if isinstance(v, core.Primitive)}
    return found
