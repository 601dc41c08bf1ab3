"""The houses of `houses.csv`, made once from a stated truth: a price is linear, and noise.

    price = 60,000 + 2,100·area + 9,000·rooms − 4,500·distance − 600·age + normal noise of 20,000

in dollars, square meters, kilometers to the center and years. Rooms follow the area, so that two
features are nearly one. ``python -m experiments.house_prices.generate`` writes the file again.
"""

import random
from pathlib import Path
from statistics import NormalDist

HOUSES = Path(__file__).with_name("houses.csv")

COUNT, SEED = 300, 2024
BASE_PRICE = 60_000
PRICE_PER_UNIT = {"area_m2": 2_100, "rooms": 9_000, "distance_km": -4_500, "age_years": -600}
NOISE = 20_000


def houses_csv() -> str:
    """The text of the file; the same at every call."""
    # Not NumPy's or JAX's generators: only this one promises the same numbers in every version.
    uniform = random.Random(SEED).random

    def normal(mean: float = 0.0, deviation: float = 1.0) -> float:
        return NormalDist(mean, deviation).inv_cdf(uniform())

    lines = [",".join([*PRICE_PER_UNIT, "price"])]
    for _ in range(COUNT):
        area = round(max(35.0, normal(115, 35)))
        rooms = max(1, round(normal(area / 27, 0.8)))
        distance = round(min(25.0, 0.3 + normal(0, 2.6) ** 2), 1)
        age = int(80 * uniform())
        worth = zip(PRICE_PER_UNIT.values(), (area, rooms, distance, age), strict=True)
        price = BASE_PRICE + sum(each * amount for each, amount in worth) + normal(0, NOISE)
        lines.append(f"{area},{rooms},{distance},{age},{round(price)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    HOUSES.write_text(houses_csv(), encoding="utf-8", newline="\n")
