"""Training windows on demand: reads `{"seconds": s}` lines, writes `{"samples_per_s": …}` lines.

plain: the eager f32 loop of the original. tuned: what a knowing user gets from the same torch (autocast to bf16, on a GPU
to fp16 with a GradScaler, channels-last from the input on, fused Adam, pinned memory; the caller sets glibc's malloc
variables). Both are f32 without TF32, as autobird is.
"""

import argparse
import json
import sys
import time

import torch
from reference import CNNTransformer

parser = argparse.ArgumentParser()
parser.add_argument("--variant", choices=["plain", "tuned-f32", "tuned-bf16", "tuned-fp16"], required=True)
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
parser.add_argument("--classes", type=int, default=19)
args = parser.parse_args()

torch.manual_seed(0)
torch.set_num_threads(args.threads)
torch.backends.cudnn.allow_tf32 = False
tuned = args.variant != "plain"
autocast = {"tuned-bf16": torch.bfloat16, "tuned-fp16": torch.float16}.get(args.variant)
model = CNNTransformer(args.classes).train().to(args.device)
features = torch.randn(args.batch * 4, 1, 64, 157)
labels = torch.randint(0, args.classes, (args.batch * 4,))
if tuned:
    model = model.to(memory_format=torch.channels_last)
    features = features.to(memory_format=torch.channels_last)
if tuned and args.device == "cuda":
    features, labels = features.pin_memory(), labels.pin_memory()
scaler = torch.amp.GradScaler(args.device, enabled=args.variant == "tuned-fp16")
optimizer = torch.optim.Adam(model.parameters(), lr=3e-4, weight_decay=1e-4, fused=tuned)
parameters = list(model.parameters())
criterion = torch.nn.CrossEntropyLoss()


def step(i: int):
    at = (i % 4) * args.batch
    x, y = features[at : at + args.batch], labels[at : at + args.batch]
    x, y = x.to(args.device, non_blocking=tuned), y.to(args.device, non_blocking=tuned)
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(args.device, dtype=autocast, enabled=autocast is not None):
        logits = model(x)
    loss = scaler.scale(criterion(logits.float(), y))
    loss.backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    scaler.step(optimizer)
    scaler.update()
    return loss.item()


for i in range(3):
    step(i)
print(json.dumps({"ready": True, "torch": torch.__version__}), flush=True)
for line in sys.stdin:
    seconds = json.loads(line)["seconds"]
    begin, steps = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        step(steps)
        steps += 1
    print(json.dumps({"samples_per_s": steps * args.batch / (time.perf_counter() - begin)}), flush=True)
