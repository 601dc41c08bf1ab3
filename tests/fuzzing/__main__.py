"""Try random programs of a range of seeds, from any seed on, and print those that fail."""

import argparse
import os
import time
import traceback

from compiling import QUICK_FLAGS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="default: 0")
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="default: 1000")
    parser.add_argument("--devices", type=int, default=2, help="of the CPU; default: 2")
    parser.add_argument("--quick", action="store_true", help="to compile, as in tests")
    parser.add_argument("--libraries", action="store_true", help="other libraries' programs first")
    options = parser.parse_args()
    if options.quick:
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {QUICK_FLAGS}"
    import jax

    import jdescent as jd

    if options.devices > 1:
        jd.use_all_cores(options.devices)
    from fuzzing import libraries
    from fuzzing.comparisons import check

    failed: list[int | str] = []
    for name in libraries.CASES if options.libraries else ():
        try:
            libraries.check(name)
            print(f"{name}: equal", flush=True)
        except Exception:
            failed.append(name)
            print(f"{name}:\n{traceback.format_exc(limit=-6)}", flush=True)
        jax.clear_caches()
    began = time.perf_counter()
    for tried, seed in enumerate(range(options.first, options.first + options.count), start=1):
        try:
            check(seed)
        except Exception:
            failed.append(seed)
            print(f"seed {seed}:\n{traceback.format_exc(limit=-6)}", flush=True)
        if tried % 20 == 0:
            jax.clear_caches()  # thousands of compiled programs would take gigabytes
            took = time.perf_counter() - began
            print(f"seed {seed}: {tried} programs, {len(failed)} failed, {took:.0f} s", flush=True)
    print(f"{options.count} programs from seed {options.first}: failed {failed or 'none'}")
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())
