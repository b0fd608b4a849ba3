"""The preparation of the original in plain torchaudio: decode, resample, clips, log-mel, filters, statistics, save.

Prints one JSON line with the seconds of work (imports left out) and what came out.
"""

import argparse
import json
import pathlib
import time

import numpy as np
import soundfile
import torch
import torchaudio

parser = argparse.ArgumentParser()
parser.add_argument("--raw", required=True)
parser.add_argument("--out", required=True)
parser.add_argument("--threads", type=int, default=0)
args = parser.parse_args()
if args.threads:
    torch.set_num_threads(args.threads)

RATE, CLIP, STRIDE = 16000, 80000, 40000
begin = time.perf_counter()
mel = torchaudio.transforms.MelSpectrogram(RATE, 1024, hop_length=512, n_mels=64, f_min=20, f_max=8000, power=2.0)
out = pathlib.Path(args.out)
out.mkdir(parents=True, exist_ok=True)
clips, labels, seconds, files = [], [], 0.0, 0
for path in sorted(pathlib.Path(args.raw).rglob("*")):
    if path.suffix.lower() not in {".mp3", ".wav", ".flac", ".ogg", ".m4a"}:
        continue
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    wave = torch.from_numpy(np.ascontiguousarray(audio.mean(axis=1)))
    seconds += len(wave) / rate
    files += 1
    if rate != RATE:
        wave = torchaudio.functional.resample(wave, rate, RATE)
    for start in range(0, max(len(wave), 1), STRIDE):
        clip = wave[start : start + CLIP]
        clip = torch.nn.functional.pad(clip, (0, CLIP - len(clip)))
        if clip.pow(2).mean().sqrt() < 0.005:
            continue
        feature = torch.log(mel(clip) + 1e-6)
        if feature.std() < 0.10:
            continue
        clips.append(feature)
        labels.append(path.parent.name)
x = torch.stack(clips)
mean, std = x.mean(dim=(0, 2)), x.std(dim=(0, 2)).clamp_min(1e-8)
torch.save((x - mean[:, None]) / std[:, None], out / "x.pt")
torch.save({"mean": mean, "std": std, "labels": labels}, out / "y.pt")
print(json.dumps({"work_s": time.perf_counter() - begin, "files": files, "audio_s": seconds, "clips": len(clips), "mean": mean.tolist(), "std": std.tolist()}))
