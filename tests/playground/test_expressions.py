"""Typed formulas mean what they look like, and reach nothing else."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdescent_playground.expressions import (
    CONSTANTS,
    FUNCTIONS,
    LONGEST,
    ExpressionError,
    parse,
)

PLACES = np.linspace(0.2, 2.9, 10)

MEANINGS = {
    "(x-1)^2/2 + 1/2": lambda x: (x - 1) ** 2 / 2 + 0.5,
    "½(x − 1)² + ½": lambda x: (x - 1) ** 2 / 2 + 0.5,
    "x^4/4 - x^3/6 - 3x^2/4": lambda x: x**4 / 4 - x**3 / 6 - 3 * x**2 / 4,
    "-x^2": lambda x: -(x**2),
    "2^-x": lambda x: 2**-x,
    "x**2**0.5": lambda x: x ** (2**0.5),
    "2x(x + 1)x": lambda x: 2 * x * (x + 1) * x,
    "(x+1)(x-1)": lambda x: (x + 1) * (x - 1),
    "x·sin(3πx)": lambda x: x * np.sin(3 * np.pi * x),
    "2 cos(pi x) e^(-x)": lambda x: 2 * np.cos(np.pi * x) * np.exp(-x),
    "1e-3x + 2.5E1": lambda x: 1e-3 * x + 25,
    "x⁻¹²": lambda x: x**-12.0,
    "x^x": lambda x: x**x,
    "1/x/2": lambda x: 1 / x / 2,
    "max(x, 1) - min(x, 1)": lambda x: np.maximum(x, 1) - np.minimum(x, 1),
    "log10(x) + ln(x) - log(x) + log2(x)": lambda x: np.log10(x) + np.log2(x),
    "sigmoid(x) + relu(x - 1) + softplus(x)": lambda x: (
        1 / (1 + np.exp(-x)) + np.maximum(x - 1, 0) + np.log1p(np.exp(x))
    ),
    "+x - -x": lambda x: 2 * x,
    "abs(1 - x) sqrt(x)": lambda x: abs(1 - x) * np.sqrt(x),
    "|1 - x| |x|x": lambda x: abs(1 - x) * x * x,
    "2|x||x - 2|": lambda x: 2 * x * abs(x - 2),
    "||x - 2| - 1|²": lambda x: (abs(x - 2) - 1) ** 2,
    "sin²(x) + cos^2(x)/2": lambda x: np.sin(x) ** 2 + np.cos(x) ** 2 / 2,
    "2sin²(x)^3x": lambda x: 2 * np.sin(x) ** 6 * x,
    "x cos²(sin³(x) + |x|)": lambda x: x * np.cos(np.sin(x) ** 3 + x) ** 2,
    "max²(x, 1)": lambda x: np.maximum(x, 1) ** 2,
}


@pytest.mark.parametrize("text", MEANINGS)
def test_a_formula_has_the_value_of_what_it_looks_like(x64, text):
    formula = jax.vmap(parse(text))
    np.testing.assert_allclose(formula(jnp.asarray(PLACES)), MEANINGS[text](PLACES), rtol=1e-12)


@pytest.mark.parametrize("text", MEANINGS)
def test_the_source_for_scripts_is_the_same_function(x64, text):
    formula = parse(text)
    names = {"jnp": jnp, "jax": jax}
    rewritten = eval(f"lambda x: {formula.source}", names)
    x = jnp.asarray(PLACES)
    np.testing.assert_allclose(jax.vmap(formula)(x), jax.vmap(rewritten)(x), rtol=1e-14)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_slope_of_every_function_is_that_of_its_graph(x64, name):
    second = ", 0.1" if FUNCTIONS[name][0] == 2 else ""
    formula = parse(f"{name}(x{second})")
    x, h = 0.43, 1e-6
    secant = (formula(x + h) - formula(x - h)) / (2 * h)
    np.testing.assert_allclose(jax.grad(formula)(x), secant, rtol=1e-8)


def test_whole_powers_of_negative_numbers_and_their_slopes():
    cube = parse("x^3")
    assert cube(-2.0) == -8
    assert jax.grad(cube)(-2.0) == 12
    assert jax.grad(parse("x^2"))(0.0) == 0


def test_two_variables():
    valley = parse("x^2 + 2y^2 + x y", ("x", "y"))
    assert valley(jnp.array([1.0, -2.0])) == 1 + 8 - 2
    np.testing.assert_array_equal(jax.grad(valley)(jnp.array([1.0, -2.0])), [0, -7])


def test_outside_its_domain_a_formula_is_not_a_number():
    assert math.isnan(parse("log(x)")(-1.0))
    assert math.isnan(parse("sqrt(x)")(-1.0))
    assert math.isinf(parse("1/x")(0.0))
    assert math.isinf(parse("exp(x)")(1000.0))


def test_formulas_that_compute_the_same_are_equal_however_typed():
    assert parse("2x^2") == parse(" 2 * x ** 2 ")
    assert hash(parse("2x²")) == hash(parse("2·x^2"))
    assert parse("2x") != parse("3x")


REFUSED = {
    "": "type a formula of x",
    "3 + pi": "constant",
    "x" * (LONGEST + 1): "at most 200",
    "(x": "character 1",
    "x + ": "character",
    "x ++": "not a formula",
    "x + y": "character 5: 'y' is not known",
    "sin x": "character 5: sin is a function: write sin(x)",
    "x + sin": "character 5: sin is a function",
    "foo(x)": "character 1: 'foo' is not a known function",
    "max(x)": "max takes 2 numbers",
    "sin(x, x)": "sin takes 1 number",
    "x^65": "exponents reach",
    "sin^65(x)": "exponents reach",
    "sin²x": "character 1: sin is a function: write sin^2(x)",
    "sin⁻¹(x)": "two senses",
    "|x": "not a formula",
    "|x)": "the bar |",
    "(|x)|": "the bar |",
    "x|": "not a formula",
    "||": "not a formula",
    "x^-100": "exponents reach",
    "1e99x": "numbers reach",
    "9" * 180 + "x": "numbers reach",
    "x // 2": "only numbers",
    "x % 2": "character 3: '%' is not read",
    "x, x": "only numbers",
    "x; x": "character 2",
    "x = 2": "character 3",
    "True x": "character 1",
    "e x(": "not a formula",
    "'x'": "character 1",
    "x.real": "character 2",
    "x[0]": "character 2",
    "(lambda: x)()": "character 8",
    "x if x else x": "character",
    "[x for x in (x,)]": "character 1",
    "__import__('os').system('true')": "character 12",
    "open(x)": "character 1: 'open' is not a known function",
    "eval(x)": "character 1: 'eval' is not a known function",
    "jnp(x)": "character 1: 'jnp' is not a known function",
    "(x)(x)(": "not a formula",
    "sin(x)(x": "not a formula",
    "max(*x, 1)": "character 5",
    "sin(x:=2)": "character 6",
    "x\0": "character 2",
    "x#": "character 2",
    "\\": "character 1",
    "🎈": "character 1",
    "-" * 199: "not a formula",
    "(" * 150 + "x" + ")" * 49: "not a formula",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_formula_is_refused_with_its_place(text):
    with pytest.raises(ExpressionError) as refusal:
        parse(text)
    assert REFUSED[text] in str(refusal.value)
    place = refusal.value.place
    assert place is None or 0 <= place < len(text)


@given(st.text(max_size=60))
def test_any_text_is_a_formula_or_refused(text):
    try:
        formula = parse(text)
    except ExpressionError:
        return
    assert formula(jnp.asarray(0.5)).shape == ()


@given(st.text(alphabet="x12.+-*/^() esinlogpa,", max_size=40))
def test_almost_formulas_are_formulas_or_refused(text):
    try:
        formula = parse(text)
    except ExpressionError:
        return
    assert formula(jnp.asarray(0.5)).dtype == jnp.float32


def test_a_formula_reaches_nothing_but_the_tables():
    words = {"jnp", "jax", "nn", "arctan", "relu", "sigmoid", "softplus", "minimum", "maximum", "x"}
    for text in MEANINGS:
        code = compile(parse(text).source, "formula", "eval")
        assert set(code.co_names) <= words | set(FUNCTIONS) | set(CONSTANTS)
