"""Golden drift scores by SciPy and Evidently for test/unit/drift-agreement.test.ts.

    python scripts/goldens/drift.py > test/fixtures/drift.json          # the committed few
    python scripts/goldens/drift.py 2400 > /tmp/many.json               # then: node --import tsx test/helpers/driftAgreement.ts /tmp/many.json

Made with evidently 0.7.23, scipy 1.17, numpy 2.3, pandas 2.3. Samples are not stored: both languages make them from a
linear congruential generator with arithmetic that rounds alike.
"""
import json
import sys
import warnings

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")

from evidently.legacy.calculations.stattests import get_stattest  # noqa: E402
from evidently.legacy.core import ColumnType  # noqa: E402
from evidently.legacy.metric_preset import DataDriftPreset, DataQualityPreset, TargetDriftPreset  # noqa: E402
from evidently.legacy.report import Report  # noqa: E402

PAIRS = int(sys.argv[1]) if len(sys.argv) > 1 else 260
KINDS = ["bell", "flat", "skewed", "ties", "pair", "constant", "whole", "wide", "binary", "holes"]
SIZES = [1, 2, 3, 5, 8, 13, 30, 50, 97, 100, 139, 140, 141, 200, 333, 500, 999, 1000, 1001, 1500]
BORDERS = [(9999, 10000), (10000, 10000), (10001, 10001), (10001, 40), (1000, 10000), (1001, 10001), (400, 10001), (10001, 120)]
TESTS = ["ks", "wasserstein", "jensenshannon", "psi", "kl_div", "hellinger"]


def sample(kind, n, seed, shift):
    state = seed

    def uniform():
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return (state >> 12) / 2**20

    def one(i):
        if kind == "bell":
            return uniform() + uniform() + uniform() - 1.5 + shift
        if kind == "flat":
            return uniform() + shift
        if kind == "skewed":
            u = uniform()
            return u * u * u * u + shift
        if kind == "ties":
            return int(uniform() * 24) / 8 + shift
        if kind == "pair":
            return int(uniform() * 6) / 2 + shift
        if kind == "constant":
            return 3.0 + shift
        if kind == "whole":
            return int(uniform() * 60) + int(shift * 16)
        if kind == "wide":
            return (uniform() + uniform() - 1 + shift) * 2**40
        if kind == "binary":
            return 1 if uniform() < 0.5 + shift / 2 else 0
        # holes: missing and infinite values among others
        u = uniform()
        return [float("nan"), float("inf"), -float("inf")][int(u * 60)] if u < 0.05 else uniform() + shift

    return [one(i) for i in range(n)]


def clean(values):
    return pd.Series(values).replace([-np.inf, np.inf], np.nan).dropna()


def answer(reference, current, column_type, test):
    column_type = ColumnType(column_type)
    tested = get_stattest(reference, current, column_type, test)
    result = tested(reference.copy(), current.copy(), column_type, None)
    return [tested.display_name, float(result.actual_threshold), float(result.drift_score), bool(result.drifted)]


# The choice of every pair follows from its number.
pairs = []
rng = np.random.default_rng(19)
for i in range(PAIRS):
    kind = KINDS[i % len(KINDS)]
    other = kind if rng.random() < 0.85 else KINDS[int(rng.integers(len(KINDS)))]
    n, m = int(rng.choice(SIZES)), int(rng.choice(SIZES))
    if rng.random() < 0.15:
        m = n
    shift = float(rng.choice([0, 0, 0.03125, 0.0625, 0.125, 0.25, 0.5, 1.0]))
    if i < 3 * len(BORDERS):
        (n, m), kind, other, shift = BORDERS[i // 3], "bell", "bell", [0.0, 0.015625, 0.03125][i % 3]
    a, b = [kind, n, int(rng.integers(2**32)), 0.0], [other, m, int(rng.integers(2**32)), shift]
    reference, current = clean(sample(*a)), clean(sample(*b))
    if len(reference) == 0 or len(current) == 0:
        continue
    column_type = "cat" if kind in ("pair", "binary", "constant") and i % 3 == 0 else "num"
    few = column_type == "cat"
    scores = {}
    for test in [None] + ([t for t in TESTS if t not in ("ks", "wasserstein")] if few else TESTS):
        try:
            scores[test or "auto"] = answer(reference, current, column_type, test)
        except Exception as error:  # noqa: BLE001 - what Evidently cannot compute is not compared
            if test is None:
                raise error
    pairs.append({"reference": a, "current": b, "type": column_type, "scores": scores})


def table(rows, seed, shift, holes):
    columns = {
        "mel_mean": sample("bell", rows, seed, shift),
        "mel_std": sample("skewed", rows, seed + 1, shift),
        "energy_mean": sample("holes" if holes else "flat", rows, seed + 2, 0.0),
        "energy_std": sample("ties", rows, seed + 3, 0.0),
        "channels": sample("binary", rows, seed + 4, shift),
        "site": ["abcdefgh"[int(v) % 8] for v in sample("whole", rows, seed + 5, shift)],
    }
    target = sample("whole", rows, seed + 6, 0.0)
    columns["target"] = target if seed % 2 else [["crow", "tit", "wren"][int(v) % 3] for v in target]
    return pd.DataFrame(columns)


def json_key(key):
    # As json.dumps spells the kinds of missing values.
    return {None: "null", np.inf: "Infinity", -np.inf: "-Infinity"}.get(key, str(key))


def plain(value):
    if isinstance(value, dict):
        return {json_key(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (np.bool_, bool)):
        return bool(value)
    if isinstance(value, (np.integer, int)):
        return int(value)
    if isinstance(value, (np.floating, float)):
        return None if not np.isfinite(value) else float(value)
    return value


reports = []
for spec in [((80, 1, 0.0, False), (70, 11, 0.125, False)), ((60, 2, 0.0, True), (90, 22, 0.5, True)), ((1001, 3, 0.0, False), (300, 33, 0.0625, True)), ((1000, 4, 0.0, False), (1200, 44, 0.0, False))]:
    report = Report(metrics=[DataDriftPreset(), DataQualityPreset(), TargetDriftPreset()])
    report.run(reference_data=table(*spec[0]), current_data=table(*spec[1]))
    metrics = plain(report.as_dict()["metrics"])
    for metric in metrics:
        if metric["metric"] == "ColumnCorrelationsMetric":
            for side in ("current", "reference"):
                for one in metric["result"][side].values():
                    # Their order is that of a set of strings, which another run has otherwise.
                    pairs_by_name = sorted(zip(one["values"]["x"], one["values"]["y"]))
                    one["values"] = {"x": [x for x, _ in pairs_by_name], "y": [y for _, y in pairs_by_name]}
    reports.append({"reference": spec[0], "current": spec[1], "metrics": metrics})

json.dump({"pairs": pairs, "reports": reports}, sys.stdout, separators=(",", ":"))
