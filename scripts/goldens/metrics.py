"""Golden figures for test/unit/metrics.test.ts and test/unit/calibration.test.ts by scikit-learn and SciPy.

    python scripts/goldens/metrics.py > test/fixtures/metrics.json

Made with numpy 2.4, scipy 1.17, scikit-learn 1.9.
"""
import json
import sys

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn import metrics

CLASSES = 5  # the model's; the items have one more
rng = np.random.default_rng(4)


def logits_of(truth, sharpness):
    logits = rng.normal(size=(len(truth), CLASSES))
    for row, label in enumerate(truth):
        if label < CLASSES:
            logits[row, label] += 1.2
    return (logits * sharpness).astype(np.float32)


def round_list(values):
    return [float(np.float32(v)) for v in np.ravel(values)]


# Items with scores, some of a class the model does not know (5); class 3 never occurs.
truth = rng.choice([0, 1, 2, 4, 5], size=60, p=[0.4, 0.2, 0.15, 0.15, 0.1])
scores = softmax(logits_of(truth, 2.0).astype(np.float64), axis=1).astype(np.float32)
predicted = scores.argmax(axis=1)
labels = list(range(CLASSES + 1))
precision, recall, f1, support = metrics.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
top3 = float(np.mean([t in np.argsort(-s)[:3] for t, s in zip(truth, scores)]))

# Expected calibration error with 10 bins, as in Guo 2017.
confidence = scores.max(axis=1).astype(np.float64)
bins = np.ceil(confidence * 10).astype(int).clip(1, 10)
ece = sum(abs((predicted == truth)[bins == b].mean() - confidence[bins == b].mean()) * np.mean(bins == b) for b in set(bins))

# Recordings of several clips, overconfident: the best temperature for the mean over clips.
recordings = []
for label in rng.integers(0, CLASSES, size=40):
    clips = int(rng.integers(1, 5))
    recordings.append({"truth": int(label), "logits": logits_of([label] * clips, 4.0)})


def loss(log_t):
    parts = [-np.log(softmax(r["logits"].astype(np.float64) / np.exp(log_t), axis=1).mean(axis=0)[r["truth"]]) for r in recordings]
    return float(np.mean(parts))


# The log-normal prior of src/evaluation/calibration.ts: a standard deviation of 0.7, as a share of one recording's loss.
def penalised(log_t):
    return loss(log_t) + (log_t / 0.7) ** 2 / (2 * len(recordings))


best = minimize_scalar(penalised, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-9})

json.dump(
    {
        "metrics": {
            "classes": CLASSES,
            "truth": truth.tolist(),
            "scores": round_list(scores),
            "accuracy": metrics.accuracy_score(truth, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
            "macro_f1": metrics.f1_score(truth, predicted, average="macro", zero_division=0),
            "top3": top3,
            "precision": precision.tolist(),
            "recall": recall.tolist(),
            "f1": f1.tolist(),
            "support": support.tolist(),
            "confusion": metrics.confusion_matrix(truth, predicted, labels=labels).tolist(),
            "ece10": float(ece),
            "log_loss": float(-np.log(scores[np.arange(60)[truth < CLASSES], truth[truth < CLASSES]].astype(np.float64)).mean()),
        },
        "calibration": {
            "classes": CLASSES,
            "recordings": [{"truth": r["truth"], "logits": round_list(r["logits"])} for r in recordings],
            "temperature": float(np.exp(best.x)),
            "loss": loss(best.x),
            "loss_before": loss(0.0),
        },
    },
    sys.stdout,
)
