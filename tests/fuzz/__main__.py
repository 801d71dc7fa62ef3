"""`python -m tests.fuzz TARGET SECONDS` fuzzes one target, guided by what of Warren's code each input reaches (atheris)."""

import argparse
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["warren"]):
    from tests.fuzz.targets import LARGEST, SEEDS, TARGETS


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Fuzz what clients and rule authors write.")
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("seconds", type=int, nargs="?", default=60, help="60 unless given")
    arguments = parser.parse_args()
    corpus = Path("var") / "fuzz" / arguments.target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[arguments.target]):
        (corpus / f"seed-{number}").write_bytes(seed)
    target = TARGETS[arguments.target]
    options = [f"-max_total_time={arguments.seconds}", f"-max_len={LARGEST}", "-timeout=20", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], str(corpus), f"-artifact_prefix={corpus.parent}/{arguments.target}-", *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
