"""House prices: scikit-learn and plain NumPy as references, and files that are malformed."""

import io

import figures
import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import ShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jdescent as jd
from experiments import __main__ as command
from experiments import house_prices
from experiments.common import report
from experiments.house_prices import descents, generate
from experiments.house_prices.config import stated_truth, table_of
from experiments.house_prices.csv_file import read_table
from jdescent import plotting

QUICK = house_prices.QUICK
SMALL = {"splits": 3, "steps": 200, "sweep_rates": 5}


@pytest.fixture(scope="module")
def data():
    return house_prices.simulate(QUICK)


@pytest.fixture(scope="module")
def houses():
    return np.loadtxt(generate.HOUSES, delimiter=",", skiprows=1)


def written(path, text: str | bytes):
    file = path / "some.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


def table_text(*columns) -> str:
    names = [f"x{i}" for i in range(len(columns) - 1)] + ["price"]
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([",".join(names), *rows])


def test_every_headline_number_agrees_with_theory_and_keeps_its_bounds(data):
    found = house_prices.numbers(data, QUICK)
    assert report.off_theory(found) == []
    assert found["held_out_rmse"].measured < found["held_out_rmse_of_mean"].measured / 2
    assert found["held_out_rmse"].baseline.name == "least squares"
    assert found["best_rate_gains"].at_least > 1


def test_the_committed_houses_are_what_the_generator_writes():
    assert generate.houses_csv().encode() == generate.HOUSES.read_bytes()


def test_a_loss_is_one_number():
    """$350,000 predicted for a $320,000 house scores 9e8, $322,000 scores 4e6."""
    loss = jd.losses.mean_squared_error(lambda price, house: price[None])
    house = (jnp.zeros((1, 4)), jnp.array([320_000.0]))
    assert loss(jnp.array(350_000.0), house) == 9e8
    assert loss(jnp.array(322_000.0), house) == 4e6


def test_condition_numbers_are_those_of_numpy(data, houses):
    x = houses[:, :-1]
    normalized = StandardScaler().fit_transform(x)
    for name, features in (("raw", x), ("normalized", normalized)):
        condition = np.linalg.cond(np.column_stack([features, np.ones(len(x))])) ** 2
        assert data[name]["bowl"].condition == pytest.approx(condition, rel=1e-9)
    assert data["raw"]["bowl"].condition > 1e4 * data["normalized"]["bowl"].condition


def test_descent_taken_back_to_natural_units_is_scikit_learns_regression(data, houses):
    fitted = LinearRegression().fit(houses[:, :-1], houses[:, -1])
    theta = data["scaling"].natural(data["normalized"]["run"]["theta"])
    np.testing.assert_allclose(theta[:-1], fitted.coef_, rtol=1e-3)
    assert theta[-1] == pytest.approx(fitted.intercept_, rel=1e-3)
    np.testing.assert_allclose(
        data["raw"]["bowl"].minimum, [*fitted.coef_, fitted.intercept_], rtol=1e-9
    )


def test_the_stopping_rule_stops_a_plain_loop_at_the_same_step(data, houses):
    x = np.column_stack([StandardScaler().fit_transform(houses[:, :-1]), np.ones(len(houses))])
    theta, step = np.zeros(5), 0
    rate = QUICK.rate * data["normalized"]["bowl"].limit
    first = gradient = 2 / len(x) * x.T @ (x @ theta - houses[:, -1])
    while np.linalg.norm(gradient) > QUICK.tolerance * np.linalg.norm(first):
        theta, step = theta - rate * gradient, step + 1
        gradient = 2 / len(x) * x.T @ (x @ theta - houses[:, -1])
    run = data["normalized"]["run"]
    assert run["verdict"].converged
    assert run["verdict"].step == step
    np.testing.assert_allclose(run["theta"], theta, rtol=1e-9)


def test_raw_descent_reaches_the_step_limit_far_from_the_minimum(data):
    run = data["raw"]["run"]
    assert run["sentence"].startswith(f"step limit at step {QUICK.steps}")
    assert run["steps_needed"] > 100 * QUICK.steps
    np.testing.assert_allclose(run["gradient_norm"], run["exact"], rtol=1e-9)


def test_no_rate_works_on_raw_features_and_a_wide_range_works_on_normalized_ones(data):
    raw, normalized = (data[name]["sweep"]["measured"] for name in ("raw", "normalized"))
    rates = data["normalized"]["sweep"]["rates"]
    assert raw.min() > 20_000
    good = rates[normalized < 100]
    assert good.max() > 2 * good.min()
    for name in ("raw", "normalized"):
        sweep = data[name]["sweep"]
        assert sweep["measured"][-1] > 100 * sweep["measured"][0]  # beyond the limit


def test_too_large_a_rate_bounces_over_the_valley_and_too_small_a_rate_inches(data):
    across = {name: run["position"] for name, run in data["across"].items()}
    bounces, inches, at_once = (across[name] for name in ("bounces", "inches", "arrives at once"))
    np.testing.assert_allclose(bounces[1:] / bounces[:-1], -0.9, rtol=1e-9)
    np.testing.assert_allclose(inches[1:] / inches[:-1], 0.98, rtol=1e-9)
    np.testing.assert_allclose(at_once[1:], 0, atol=1e-9 * at_once[0])


def test_the_unit_a_feature_is_measured_in_is_the_same_to_normalized_descent(houses):
    square_feet = houses[:, :-1] * [10.7639, 1, 0.621371, 12]
    with jax.enable_x64(True):
        scalings = [descents.scaling_of(x) for x in (houses[:, :-1], square_feet)]
        metric, imperial = (
            descents.problem_of(scaling.normalize(x), houses[:, -1])
            for scaling, x in zip(scalings, (houses[:, :-1], square_feet), strict=True)
        )
    np.testing.assert_allclose(metric.bowl.curvatures, imperial.bowl.curvatures, rtol=1e-12)
    np.testing.assert_allclose(metric.bowl.minimum, imperial.bowl.minimum, rtol=1e-12)


def test_held_out_errors_are_scikit_learns(data, houses):
    splits = ShuffleSplit(QUICK.splits, test_size=60, random_state=0)

    def error(model):
        scores = cross_val_score(
            model, houses[:, :-1], houses[:, -1], cv=splits, scoring="neg_root_mean_squared_error"
        )
        return -scores

    model = make_pipeline(StandardScaler(), LinearRegression())
    np.testing.assert_allclose(data["held_out"].least_squares, error(model), rtol=1e-9)
    np.testing.assert_allclose(data["held_out"].descent, error(model), rtol=1e-4)
    np.testing.assert_allclose(data["held_out"].mean, error(DummyRegressor()), rtol=1e-12)


def orthogonal_columns() -> np.ndarray:
    return np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]] * 5, float).T


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        pytest.param(
            [*orthogonal_columns(), 3 + orthogonal_columns().T @ [1.0, 2.0, 0.5]],
            "converged at step 1:",
            id="perfectly conditioned already",
        ),
        pytest.param([[1, 1, 2, 2], [1, -1, 1, -1]], "converged at step 0:", id="nothing to learn"),
        pytest.param([[1, 2], [3, 5]], "converged at step 1:", id="as many rows as parameters"),
    ],
)
def test_your_own_data_keeps_what_holds_for_any_data(tmp_path, columns, sentence):
    config = house_prices.Config(data=written(tmp_path, table_text(*columns)), **SMALL)
    data = house_prices.simulate(config)
    found = house_prices.numbers(data, config)
    assert report.off_theory(found) == []
    assert "distance_from_truth" not in found
    assert found["held_out_rmse"].theory is None
    bounds = {name for name, number in found.items() if number.kind == "bound"}
    assert bounds <= {"distance_from_least_squares", "held_out_gap"}, "not proved of any data"
    assert data["normalized"]["run"]["sentence"].startswith(sentence)
    with mpl.rc_context(plotting.STYLE):
        house_prices.plot(data, config).savefig(io.BytesIO(), format="png")


def test_without_a_feature_the_stated_truth_is_not_that_of_the_model():
    config = house_prices.Config(features=("area_m2", "rooms"))
    table = table_of(config)
    assert table.features == ("area_m2", "rooms")
    assert stated_truth(table, config) is None


def test_files_as_spreadsheets_save_them_are_read(tmp_path):
    plain = written(tmp_path, "area,rooms,price\n120,4,350000\n80,3,250000\n60,2,-1e5\n")
    expected = read_table(plain, "price")
    saved = b'\xef\xbb\xbf area ,"rooms", price\r\n"120", 4 ," 350000 "\r\n\r\n 80,"3" ,250000\r\n'
    saved += b'60,2,"-1e5"\r\n   \r\n'
    found = read_table(written(tmp_path, saved), "price")
    assert found.features == ("area", "rooms")
    np.testing.assert_array_equal(found.x, [[120, 4], [80, 3], [60, 2]])
    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_array_equal(found.y, expected.y)


def test_a_column_of_words_may_be_left_out(tmp_path):
    file = written(tmp_path, "street,area,price\nMain,1,2\nOak,2,3\nElm,4,3\n")
    assert read_table(file, "price", ["area"]).x.tolist() == [[1], [2], [4]]
    with pytest.raises(ValueError, match=r"line 2, column 'street': 'Main' is not a number"):
        read_table(file, "price")


GOOD = "area,rooms,price\n120,4,350\n80,3,250\n60,1,200\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"is empty: its first line must name"),
        ("\n\n", r"is empty: its first line must name"),
        ("area,rooms,price\n", r"has 0 rows of numbers, but .* 3 parameters"),
        ("area,rooms,price\n1,2,3\n4,4,6\n", r"has 2 rows of numbers, but .* 3 parameters"),
        ("area,rooms\n1,2\n", r"line 1: no column is called 'price', there are 'area', 'rooms'"),
        ("area;rooms;price\n1;2;3\n", r"no column is called 'price'.*separate the cells by commas"),
        ("price\n1\n2\n", r"line 1: there is no column but 'price'"),
        ("area,area,price\n1,2,3\n", r"line 1: columns 1 and 2 are both called 'area'"),
        (",area,price\n1,2,3\n", r"line 1: column 1 has no name"),
        (GOOD + "50,two,190\n", r"line 5, column 'rooms': 'two' is not a number"),
        (GOOD + '50,2,"1,900"\n', r"line 5, column 'price': '1,900' is not a number"),
        (GOOD + "50,,190\n", r"line 5, column 'rooms' is blank"),
        (GOOD + "\n50,  ,190\n", r"line 6, column 'rooms' is blank"),
        (GOOD + "nan,2,190\n", r"line 5, column 'area': nan is not finite"),
        (GOOD + "50,2,-inf\n", r"line 5, column 'price': -inf is not finite"),
        (GOOD + "1e999,2,190\n", r"line 5, column 'area': 1e999 is not finite"),
        (GOOD + "50,2\n", r"line 5 has 2 cells, the header has 3"),
        (GOOD + "50,2,190,\n", r"line 5 has 4 cells, the header has 3"),
        (b"area,price\n1,2\n\xff\xfe,3\n", r"line 3 is not UTF-8"),
        (table_text([1, 2, 3], [5, 5, 5], [1, 2, 4]), r"column 'x1' is 5 in every row"),
        (table_text([1, 2, 3], [7, 7, 7]), r"column 'price' is 7 in every row"),
        (table_text([1, 2, 4, 9], [3, 5, 9, 19], [1, 2, 3, 4]), r"'x1' is a combination of those"),
    ],
)
def test_a_malformed_file_is_refused_by_line_and_column(tmp_path, text, says):
    with pytest.raises(ValueError, match=says):
        read_table(written(tmp_path, text), "price")


@pytest.mark.parametrize(
    ("target", "features", "says"),
    [
        ("cost", (), r"no column is called 'cost', there are 'area', 'rooms', 'price'"),
        ("price", ("area", "garden"), r"no column is called 'garden'"),
        ("price", ("area", "price"), r"'price' is named twice"),
        ("price", ("area", "area"), r"'area' is named twice"),
    ],
)
def test_columns_that_are_not_there_are_named(tmp_path, target, features, says):
    with pytest.raises(ValueError, match=says):
        read_table(written(tmp_path, GOOD), target, features)


def test_a_missing_file_ends_the_program_with_its_name(tmp_path):
    config = house_prices.Config(data=str(tmp_path / "nowhere.csv"))
    with pytest.raises(SystemExit, match=r"cannot read .*nowhere\.csv: No such file"):
        house_prices.simulate(config)


def test_the_command_line_takes_a_file_its_target_and_features():
    words = ["--data", "my.csv", "--target", "cost", "--features", "area", "rooms", "--rate", "0.3"]
    _, config = command.parse_one("house_prices", words)
    assert config == house_prices.Config(
        data="my.csv", target="cost", features=("area", "rooms"), rate=0.3
    )


@pytest.mark.parametrize(
    "setting", [{"rate": 1.0}, {"tolerance": 0.0}, {"held_out": 1.5}, {"splits": 2}, {"steps": 0}]
)
def test_settings_out_of_range_are_named(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        house_prices.Config(**setting)


def test_the_figure_is_one_column_and_no_text_leaves_it_or_is_below_seven_points(data):
    figures.drawn(house_prices, data, QUICK)
