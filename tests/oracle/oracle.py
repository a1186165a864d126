"""Expected scores, for tests only. Run it with the python that ./venv prints.

    oracle.py score < CASES            a JSON case a line → a JSON answer a line (page.score, and two second opinions)
    oracle.py dataset > data.csv       the real prices that tests and the demo use, adjusted
    oracle.py run STRATEGY.py --data data.csv [--symbols A,B] [--start DATE] [--end DATE] [--params JSON]
                  [--execution JSON] [--benchmark SYMBOL] [--trials JSON] [--positions]
                                       calls a strategy by itself → {metrics, counts, …} as the status should show it
    oracle.py positions FILE.json …    the same for rows of positions (a list, null for an absent row) from a file

`--execution` and `--trials` override single defaults; decimals may be strings, as in a StrategyRun.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import page
from prices import Dataset, write_sample

EXECUTION = {
    "lag": 1,
    "rebalance": "D",
    "feeRatio": 0.0,
    "taxRatio": 0.0,
    "initialCash": 1e6,
    "maxLeverage": 1.0,
}
TRIALS = {"count": 1, "sharpeVariance": 0.0}


def answer_cases() -> None:
    # Imported here: the other commands do not need it, and it takes a second.
    import peers

    for line in sys.stdin:
        case = json.loads(line)
        answer = page.score(case)
        asked = case["dates"], answer["returns"], case.get("benchmark")
        answer["empyrical"] = peers.opinion(*asked)
        answer["quantstats"] = peers.third_opinion(*asked)
        print(json.dumps(answer, allow_nan=False))


def settings(defaults: dict, text: str) -> dict:
    """Defaults with what the text overrides; "0.001" becomes 0.001, "M" stays."""
    given = json.loads(text)
    if unknown := sorted(set(given) - set(defaults)):
        raise SystemExit(f"unknown: {', '.join(unknown)}")
    return {name: type(default)(given.get(name, default)) for name, default in defaults.items()}


def evaluate(arguments: argparse.Namespace) -> None:
    symbols = [symbol for symbol in arguments.symbols.split(",") if symbol]
    dataset = Dataset(arguments.data, symbols, arguments.start, arguments.end)
    if arguments.command == "run":
        import contract

        result = contract.call(arguments.file.read_text(), contract.frame(dataset), json.loads(arguments.params))
        positions = contract.align(result, dataset)
    else:
        positions = json.loads(arguments.file.read_text())
    execution = settings(EXECUTION, arguments.execution)
    case = dataset.case(positions, execution, arguments.benchmark, settings(TRIALS, arguments.trials))
    answer = page.score(case)
    shown = {
        "metrics": page.written(answer["metrics"]),
        "unrounded": answer["metrics"],
        "counts": answer["counts"],
        "firstDate": dataset.dates[0],
        "lastDate": dataset.dates[-1],
        "symbols": dataset.symbols,
    }
    if arguments.positions:
        shown |= {"dates": dataset.dates, "positions": positions}
    json.dump(shown, sys.stdout, indent=None if arguments.positions else 2, allow_nan=False)
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("score")
    commands.add_parser("dataset")
    for name in ("run", "positions"):
        command = commands.add_parser(name)
        command.add_argument("file", type=Path)
        command.add_argument("--data", type=Path, required=True)
        command.add_argument("--symbols", default="", help="comma-separated; none means all")
        command.add_argument("--start", default=None)
        command.add_argument("--end", default=None)
        command.add_argument("--params", default="{}", help="JSON object of strings")
        command.add_argument("--execution", default="{}", help="JSON object as in a StrategyRun")
        command.add_argument("--benchmark", default="")
        command.add_argument("--trials", default="{}", help="JSON object as in a StrategyRun")
        command.add_argument("--positions", action="store_true", help="print dates and positions too")
    arguments = parser.parse_args()
    match arguments.command:
        case "score":
            answer_cases()
        case "dataset":
            write_sample(sys.stdout)
        case _:
            evaluate(arguments)


if __name__ == "__main__":
    main()
