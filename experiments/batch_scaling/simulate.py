"""Every part of the figure, two at a time: threads share what XLA compiles and runs."""

from concurrent.futures import ThreadPoolExecutor

from experiments.batch_scaling import classifier, noise_scale, quadratic
from experiments.batch_scaling.config import Config
from experiments.common.report import stage

THREADS = 2


def simulate(config: Config) -> dict:
    with stage("exact second moments of the noisy quadratic"):
        frontiers = {method: quadratic.frontier(method, config) for method in quadratic.METHODS}
    with stage("runs on it"), ThreadPoolExecutor(THREADS) as pool:
        checks = {m: pool.submit(quadratic.checked, m, config) for m in config.checked}
        best = {
            (rule, batch): pool.submit(quadratic.best, rule, batch, config)
            for rule in config.rules
            for batch in config.batches
        }
        checks, best = results(checks), results(best)
    with stage("single steps on digits, and noise scales"):
        along, params = noise_scale.along(config)
        single = noise_scale.single_steps(params, config)
    with (
        stage(f"networks on digits, batches of {config.sizes}"),
        ThreadPoolExecutor(THREADS) as pool,
    ):
        digits = {
            (rule, size): pool.submit(classifier.trained, rule, size, config)
            for size in config.sizes
            for rule in config.rules
        }
        digits = results(digits)
    return {
        "frontiers": frontiers,
        "checks": checks,
        "best": best,
        "along": along,
        "single": single,
        "digits": digits,
    }


def results(jobs: dict) -> dict:
    return {key: job.result() for key, job in jobs.items()}
