"""Numbers as a lecturer writes them: −2.50, 0.0013, 4.21·10⁻⁷, ∞."""

import math

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

BRIEF = 3  # significant digits, where many numbers stand


def shown(value: float, digits: int = 4) -> str:
    """So many significant digits, and two decimals below 100; powers of ten beyond 10⁵ and 10⁻³.

    Example:
        >>> [shown(v) for v in (-2.5, 0.24399, 1234.8, 3.2e-7, 8.1e12, float("-inf"), float("nan"))]
        ['−2.50', '0.244', '1235', '3.20·10⁻⁷', '8.10·10¹²', '−∞', 'NaN']
    """
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size and not 1e-3 <= size < 1e5:
        mantissa, exponent = f"{size:.{max(digits - 2, 2)}e}".split("e")
        text = f"{mantissa}·10{str(int(exponent)).translate(RAISED)}"
    else:
        fewest = 2 if size < 100 else 0
        decimals = max(digits - 1 - math.floor(math.log10(size)), fewest) if size else fewest
        text = f"{size:.{decimals}f}"
        whole, _, fraction = text.partition(".")
        fraction = fraction.rstrip("0")
        text = f"{whole}.{fraction:0<2}" if size < 100 or fraction else whole
    return "−" + text if value < 0 else text


def brief(value: float) -> str:
    """As `shown`, to `BRIEF` digits.

    Example:
        >>> brief(14.58), brief(0.012345), brief(-234.5)
        ('14.58', '0.0123', '−234')
    """
    return shown(value, BRIEF)


def bracketed(value: float, digits: int = 4) -> str:
    """The number, in brackets if it is negative, as behind a sign."""
    text = shown(value, digits)
    return f"({text})" if text.startswith("−") else text


def counted(number: int, word: str) -> str:
    """``1 step``, ``1,000 steps``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
