"""Numbers as the page writes them, read back."""

_LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")


def read(text: str) -> float:
    """The number that `shown` wrote."""
    text = text.strip("()").translate(_LOWERED).replace("∞", "inf").replace(",", "")
    mantissa, _, exponent = text.partition("·10")
    return float(mantissa) * 10.0 ** int(exponent or 0)
