"""An autobird checkpoint of the reference network as the PyTorch network of reference.py, and its way from bytes to a label."""

import io
import json

import soundfile
import torch
import torchaudio
from reference import CNNTransformer
from safetensors import safe_open

NAMES = {
    "model.project": "project",
    "model.norm": "norm",
    "model.pooling.hidden": "pool.score.0",
    "model.pooling.score": "pool.score.3",
    "model.head": "head",
    "model.stem.0.down.conv": "stem.0",
    "model.stem.0.down.norm": "stem.1",
    "model.stem.1.down.conv": "stem.5",
    "model.stem.1.down.norm": "stem.6",
    "model.layers.0.attention.out": "encoder.layers.0.self_attn.out_proj",
    "model.layers.0.linear1": "encoder.layers.0.linear1",
    "model.layers.0.linear2": "encoder.layers.0.linear2",
    "model.layers.0.norm1": "encoder.layers.0.norm1",
    "model.layers.0.norm2": "encoder.layers.0.norm2",
}


class Predictor:
    """What a careful user writes: the transform built once, resampling, the same clips, statistics and vote as in training."""

    def __init__(self, path: str):
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["autobird"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        self.labels = about["labels"]
        self.rate = about["features"]["sample_rate_hz"]
        self.clip = round(about["clips"]["length_s"] * self.rate)
        self.hop = round(about["clips"]["hop_s"] * self.rate)
        self.mean = tensors["statistics.mean"][:, None]
        self.std = tensors["statistics.std"][:, None]
        state = {
            "position": tensors["model.position"][None],
            "encoder.layers.0.self_attn.in_proj_weight": tensors["model.layers.0.attention.in.weight"],
            "encoder.layers.0.self_attn.in_proj_bias": tensors["model.layers.0.attention.in.bias"],
        }
        for ours, theirs in NAMES.items():
            for part in ["weight", "bias", "running_mean", "running_var"]:
                if f"{ours}.{part}" in tensors:
                    state[f"{theirs}.{part}"] = tensors[f"{ours}.{part}"]
        self.model = CNNTransformer(len(self.labels)).eval()
        missing, unexpected = self.model.load_state_dict(state, strict=False)
        assert not unexpected and all("num_batches_tracked" in name for name in missing), (missing, unexpected)
        self.mel = torchaudio.transforms.MelSpectrogram(
            self.rate, 1024, hop_length=512, n_mels=64, f_min=20, f_max=8000, power=2.0
        )

    def features(self, content: bytes) -> torch.Tensor:
        """(clips, 1, mels, frames)"""
        audio, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
        wave = torch.from_numpy(audio).mean(dim=1)
        if rate != self.rate:
            wave = torchaudio.functional.resample(wave, rate, self.rate)
        rows = []
        for start in range(0, max(len(wave), 1), self.hop):
            clip = wave[start : start + self.clip]
            clip = torch.nn.functional.pad(clip, (0, self.clip - len(clip)))
            rows.append((torch.log(self.mel(clip) + 1e-6) - self.mean) / self.std)
        return torch.stack(rows)[:, None]

    def vote(self, logits: torch.Tensor) -> str:
        """The label that most clips have."""
        return self.labels[int(torch.bincount(logits.argmax(dim=1), minlength=len(self.labels)).argmax())]
