"""The reference network and its features in plain PyTorch + torchaudio: what a user of the original system runs."""

import torch
from torch import nn


class AttentionPooling(nn.Module):
    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Dropout(dropout), nn.Linear(width, 1))

    def forward(self, x):  # (B, T, D) -> (B, D)
        return (torch.softmax(self.score(x), dim=1) * x).sum(dim=1)


class CNNTransformer(nn.Module):
    def __init__(self, classes: int, d_model=64, heads=2, layers=1, max_len=512, dropout=0.1):
        super().__init__()

        def stage(i, o):
            return [nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(), nn.Dropout2d(0.25), nn.MaxPool2d(2)]

        self.stem = nn.Sequential(*stage(1, 32), *stage(32, 64))
        self.project = nn.Linear(64, d_model)
        self.position = nn.Parameter(torch.randn(1, max_len, d_model) * 0.02)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(d_model)
        layer = nn.TransformerEncoderLayer(d_model, heads, 2048, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.pool = AttentionPooling(d_model, dropout)
        self.head = nn.Linear(d_model, classes)

    def forward(self, x):  # (B, 1, mels, frames) -> (B, classes)
        x = self.stem(x).mean(dim=2).transpose(1, 2)
        x = self.project(x)
        x = self.norm(self.dropout(x + self.position[:, : x.shape[1]]))
        return self.head(self.pool(self.encoder(x)))
