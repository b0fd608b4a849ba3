"""Golden forward passes, gradients and training losses for test/native/model.test.ts, by PyTorch.

    python scripts/goldens/model.py > test/fixtures/model/goldens.json

Made with torch 2.11.0. Weights and inputs follow from a formula (`value`), which test/helpers/modelFormula.ts repeats bit
for bit, so only answers are stored. Dropout is off: which elements it drops is each side's own business.
"""
import json
import math
import sys

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
torch.backends.mha.set_fastpath_enabled(False)

SAMPLES = 48  # gradient values kept of each tensor


def value(stream, count):
    """(count) multiples of 2^-24 in [-0.5, 0.5): exact in float32 everywhere."""
    x = np.arange(count, dtype=np.uint64) + np.uint64(stream * 0x9E3779B1 & 0xFFFFFFFF)
    mask = np.uint64(0xFFFFFFFF)
    x &= mask
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint64(shift)
        x = (x * np.uint64(factor)) & mask
    x ^= x >> np.uint64(16)
    return ((x >> np.uint64(8)).astype(np.float64) * 2.0**-24 - 0.5).astype(np.float32)


def weight(name, shape, stream):
    v = value(stream, math.prod(shape)).reshape(shape)
    if name.endswith("running_var"):
        return 1 + v * np.float32(0.5)
    if name.endswith("running_mean"):
        return v * np.float32(0.25)
    if "norm" in name and name.endswith("weight"):
        return 1 + v * np.float32(0.25)
    if len(shape) == 1:
        return v * np.float32(0.125)
    fan_in = math.prod(shape[1:])
    return v * np.float32(2.0 ** (1 - math.ceil(math.log2(fan_in) / 2)))


class Plain(nn.Module):
    """The reference network: conv, batch norm, ReLU, max-pool twice; mean over frequency; attention pooling."""

    def __init__(self, o, classes):
        super().__init__()
        stages, channels = [], 1
        for width in o["stemChannels"]:
            stages += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
            channels = width
        self.stem = nn.Sequential(*stages)
        self.names = {}
        for i in range(len(o["stemChannels"])):
            self.names[f"stem.{4 * i}"] = f"stem.{i}.down.conv"
            self.names[f"stem.{4 * i + 1}"] = f"stem.{i}.down.norm"
        self.trunk(o, classes, channels)

    def trunk(self, o, classes, channels):
        d = o["dModel"]
        wide = 2 * channels if o["frequencyPooling"] == "mean_max" else channels
        self.pool_max = o["frequencyPooling"] == "mean_max"
        self.by_class = o["pooling"] == "class_attention"
        self.project = nn.Linear(wide, d)
        self.position = nn.Parameter(torch.zeros(o["maxLen"], d))
        self.norm = nn.LayerNorm(d)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(d, o["nHeads"], o["ffDim"], dropout=0.0, batch_first=True, norm_first=True)
            for _ in range(o["nLayers"])
        )
        if self.by_class:
            self.final_norm = nn.LayerNorm(d)
        self.hidden = nn.Linear(d, d)
        self.score = nn.Linear(d, classes if self.by_class else 1)
        self.head = nn.Linear(d, classes)

    def forward(self, x):
        x = self.stem(self.first(x))
        pooled = x.mean(2).transpose(1, 2)
        if self.pool_max:
            pooled = torch.cat([pooled, x.amax(2).transpose(1, 2)], 2)
        x = self.project(pooled)
        x = self.norm(x + self.position[: x.shape[1]])
        for layer in self.layers:
            x = layer(x)
        if self.by_class:
            x = self.final_norm(x)
        weights = torch.softmax(self.score(torch.tanh(self.hidden(x))), 1)
        if not self.by_class:
            return self.head((x * weights).sum(1))
        pooled = torch.einsum("btc,btd->bcd", weights, x)  # a pooled vector for each class
        return (pooled * self.head.weight).sum(2) + self.head.bias

    def first(self, x):
        return x.unsqueeze(1)


class Block(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.down = nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False)
        self.down_norm = nn.BatchNorm2d(width)
        self.conv0 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm0 = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)

    def forward(self, x):
        x = torch.relu(self.down_norm(self.down(x)))
        y = torch.relu(self.norm0(self.conv0(x)))
        return torch.relu(x + self.norm1(self.conv1(y)))


class Residual(Plain):
    """The default network: strided residual stages that also see where in frequency they are."""

    def __init__(self, o, classes):
        nn.Module.__init__(self)
        self.names = {}
        stages, channels = [], 2
        for i, width in enumerate(o["stemChannels"]):
            stages.append(Block(channels, width))
            channels = width
            for theirs, ours in (("down", "down.conv"), ("down_norm", "down.norm"), ("conv0", "block.0.conv"),
                                 ("norm0", "block.0.norm"), ("conv1", "block.1.conv"), ("norm1", "block.1.norm")):
                self.names[f"stem.{i}.{theirs}"] = f"stem.{i}.{ours}"
        self.stem = nn.Sequential(*stages)
        self.trunk(o, classes, channels)

    def first(self, x):
        ramp = torch.linspace(-1, 1, x.shape[1]).view(1, -1, 1).expand_as(x)
        return torch.stack([x, ramp], 1)


def our_name(model, name):
    for theirs, ours in sorted(model.names.items(), key=lambda item: -len(item[0])):
        if name.startswith(theirs + "."):
            return "model." + ours + name[len(theirs):]
    for theirs, ours in (("self_attn.in_proj_", "attention.in."), ("self_attn.out_proj.", "attention.out.")):
        name = name.replace(theirs, ours)
    for theirs, ours in (("hidden.", "pooling.hidden."), ("score.", "pooling.score.")):
        if name.startswith(theirs):
            name = ours + name[len(theirs):]
    return "model." + name


def tensors(model):
    return [(our_name(model, n), t) for n, t in [*model.named_parameters(), *model.named_buffers()] if "num_batches" not in n]


def batch(case, number):
    rows, mels, frames, classes = case["rows"], case["mels"], case["frames"], case["classes"]
    x = torch.from_numpy(value(1000 + number, rows * mels * frames) * np.float32(4)).view(rows, mels, frames)
    y = torch.zeros(rows, classes)
    for row in range(rows):
        y[row, (row + number) % classes] += 0.75
        y[row, (3 * row + 1) % classes] += 0.25
    return x, y


def loss_of(model, x, y):
    return nn.functional.cross_entropy(model(x), y)


def answers(case):
    model = {"plain": Plain, "residual": Residual}[case["model"]["stem"]](case["model"], case["classes"])
    # Streams by sorted name, so that both sides number them alike.
    named = dict(tensors(model))
    with torch.no_grad():
        for stream, name in enumerate(sorted(named)):
            named[name].copy_(torch.from_numpy(weight(name, tuple(named[name].shape), stream)))
    x, y = batch(case, 0)
    model.eval()
    with torch.no_grad():
        logits = model(x)
    model.train()
    buffers = {n: b.clone() for n, b in model.named_buffers()}
    loss_of(model, x, y).backward()
    gradients = {}
    for name, p in model.named_parameters():
        g = p.grad.flatten()
        stride = max(1, g.numel() // SAMPLES)
        gradients[our_name(model, name)] = {"norm": float(g.norm()), "stride": stride, "values": numbers(g[::stride][:SAMPLES])}
    with torch.no_grad():
        for n, b in model.named_buffers():
            b.copy_(buffers[n])
    optimizer = torch.optim.Adam(model.parameters(), lr=case["learningRate"], weight_decay=1e-4)
    losses, norms = [], []
    for step in range(10):
        x, y = batch(case, step % 2)
        optimizer.zero_grad()
        loss = loss_of(model, x, y)
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
        optimizer.step()
        losses.append(loss.item())
    return {**case, "logits": numbers(logits), "gradients": gradients, "losses": losses, "gradNorms": norms}


def numbers(t):
    return [float(f"{v:.9g}") for v in t.detach().flatten().tolist()]


REFERENCE = {"stem": "plain", "stemChannels": [32, 64], "stemDropout": 0, "frequencyPooling": "mean", "dModel": 64, "nHeads": 2,
             "nLayers": 1, "ffDim": 2048, "dropout": 0, "pooling": "attention", "maxLen": 512}
DEFAULT = {"stem": "residual", "stemChannels": [24, 48, 96], "stemDropout": 0, "frequencyPooling": "mean_max", "dModel": 96,
           "nHeads": 4, "nLayers": 2, "ffDim": 192, "dropout": 0, "pooling": "class_attention", "maxLen": 128}
CASES = {
    "reference": {"model": REFERENCE, "classes": 19, "rows": 4, "mels": 64, "frames": 157, "learningRate": 3e-4},
    "default": {"model": DEFAULT, "classes": 7, "rows": 3, "mels": 40, "frames": 101, "learningRate": 1e-4},
}
json.dump({name: answers(case) for name, case in CASES.items()}, sys.stdout)
print()
