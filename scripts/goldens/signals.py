"""Answers of torchaudio (and of librosa's PCEN formula) that test/native/{log-mel,resample}.test.ts compare with.

    python scripts/goldens/signals.py          # needs numpy, scipy, torch 2.11.0, torchaudio 2.11.0

Writes test/fixtures/signal/goldens.json (an index) and goldens.bin (little-endian float32). The input signals are not
stored: `signal()` below and in test/helpers/signal.ts make the same ones.
"""

import json
import pathlib

import numpy as np
import scipy.signal
import torch
import torchaudio

folder = pathlib.Path(__file__).resolve().parents[2] / "test" / "fixtures" / "signal"
entries, blobs, position = [], [], 0


def signal(rate, count, seed):
    """A rising chirp over noise from a linear congruential generator, with a slow swell."""
    noise = np.empty(count)
    state = seed
    for i in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        noise[i] = state / 2**31 - 1
    t = np.arange(count) / rate
    chirp = np.sin(2 * np.pi * (200 * t + 0.2 * rate * t * t)) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))
    return (0.1 * noise + 0.4 * chirp).astype(np.float32)


def put(kind, params, values):
    global position
    values = np.ascontiguousarray(values, dtype="<f4").ravel()
    entries.append({"kind": kind, **params, "offset": position, "length": int(values.size)})
    blobs.append(values.tobytes())
    position += int(values.size)


def mel_power(x, f):
    transform = torchaudio.transforms.MelSpectrogram(
        sample_rate=f["sampleRateHz"], n_fft=f["nFft"], hop_length=f["hopSamples"], f_min=f["fMinHz"],
        f_max=f["fMaxHz"], n_mels=f["nMels"], power=2.0, norm=None, mel_scale="htk")
    frames = 1 + len(x) // f["hopSamples"]
    shortest = f["nFft"] // 2 + 1  # a reflection needs so many samples: shorter stretches are extended with zeros
    x = np.pad(x, (0, max(0, shortest - len(x))))
    return transform(torch.from_numpy(x)).numpy()[:, :frames]


def pcen(power, rate, hop, gain=0.98, bias=2.0, exponent=0.5, time_constant=0.400, eps=1e-6):
    """librosa.pcen 0.11 on S * 2**31, with its parameters; the filter starts in the steady state of the first frame."""
    s = power.astype(np.float64) * 2.0**31
    t = time_constant * rate / hop
    b = (np.sqrt(1 + 4 * t**2) - 1) / (2 * t**2)
    zi = scipy.signal.lfilter_zi([b], [1, b - 1]) * s[:, :1]
    smooth, _ = scipy.signal.lfilter([b], [1, b - 1], s, zi=zi, axis=-1)
    smooth = np.exp(-gain * (np.log(eps) + np.log1p(smooth / eps)))
    return bias**exponent * np.expm1(exponent * np.log1p(s * smooth / bias))


def resample_exactly(x, source, target):
    """torchaudio.functional.resample in double precision, one output at a time: its table would take gigabytes here."""
    base = min(source, target) * 0.99
    out = np.empty(-(-target * len(x) // source))
    half = int(np.ceil(6 * source / base))
    for j in range(len(out)):
        centre = j * source // target
        i = np.arange(max(0, centre - half), min(len(x), centre + half + 2))
        t = np.clip((i / source - j / target) * base, -6, 6)
        out[j] = np.sum(x[i] * np.sinc(t) * np.cos(t * np.pi / 12) ** 2) * base / source
    return out


reference = dict(sampleRateHz=16000, nFft=1024, hopSamples=512, nMels=64, fMinHz=20, fMaxHz=8000, logOffset=1e-6)
default = dict(sampleRateHz=22050, nFft=1024, hopSamples=320, nMels=80, fMinHz=60, fMaxHz=10800, logOffset=1e-6)
odd = dict(sampleRateHz=24001, nFft=512, hopSamples=200, nMels=40, fMinHz=0, fMaxHz=12000, logOffset=1e-3)
for features, counts in ((reference, (16000, 513, 512, 100, 1, 0)), (default, (22050,)), (odd, (3000,))):
    for count in counts:
        power = mel_power(signal(features["sampleRateHz"], count, 7), features)
        params = {"features": {**features, "background": "none"}, "samples": count, "seed": 7}
        log = np.log(power + features["logOffset"])
        put("log-mel", params, log)
        if features is default or (features is reference and count == 16000):
            params = {**params, "features": {**features, "background": "median"}}
            put("log-mel", params, log - np.median(log, axis=1, keepdims=True))
        if features is default:
            params = {**params, "features": {**features, "background": "pcen"}}
            put("log-mel", params, pcen(power, features["sampleRateHz"], features["hopSamples"]))

for source in (44100, 48000, 32000, 22050, 24000, 96000, 192000):
    for target in (16000, 22050):
        count = source // 16 + 13
        x = signal(source, count, 11)
        # In double precision: for float32 input torchaudio computes its kernel in single precision too.
        y = torchaudio.functional.resample(torch.from_numpy(x).double(), source, target).numpy()
        single = torchaudio.functional.resample(torch.from_numpy(x), source, target).numpy()
        print(source, target, "torchaudio's own float32 answer differs by", np.abs(single - y).max())
        put("resample", {"sourceHz": source, "targetHz": target, "samples": count, "seed": 11}, y)
for source, target in ((22051, 16000), (191999, 16000), (16000, 44101), (11025, 96001)):
    count = source // 16 + 13
    y = resample_exactly(signal(source, count, 11), source, target)
    put("resample-exact", {"sourceHz": source, "targetHz": target, "samples": count, "seed": 11}, y)

folder.mkdir(parents=True, exist_ok=True)
(folder / "goldens.bin").write_bytes(b"".join(blobs))
made = {"script": "scripts/goldens/signals.py", "torch": torch.__version__.split("+")[0],
        "torchaudio": torchaudio.__version__.split("+")[0], "entries": entries}
(folder / "goldens.json").write_text(json.dumps(made, indent=1) + "\n")
print(len(entries), "entries,", position * 4, "bytes")
