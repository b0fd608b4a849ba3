"""The same model behind FastAPI, as the original serves it.

plain: an `async def` endpoint that computes in the event loop, as the original's. tuned: `torch.inference_mode`, one torch
thread a worker and a thread pool for the work; start two workers (uvicorn --workers 2).

CHECKPOINT=reference.safetensors [TUNED=1] uvicorn serve_fastapi:app --app-dir bench/python --port 8000
"""

import os

import torch
from checkpoint import Predictor
from fastapi import FastAPI, UploadFile

TUNED = os.environ.get("TUNED") == "1"
if TUNED:
    torch.set_num_threads(1)
predictor = Predictor(os.environ["CHECKPOINT"])
app = FastAPI()

if TUNED:

    @app.post("/classify/")
    def classify(audio: UploadFile) -> str:
        with torch.inference_mode():
            return predictor.vote(predictor.model(predictor.features(audio.file.read())))

else:

    @app.post("/classify/")
    async def classify(audio: UploadFile) -> str:
        with torch.no_grad():
            return predictor.vote(predictor.model(predictor.features(await audio.read())))


@app.get("/")
async def root():
    return {
        "Hello": "Welcome to AutoBird Inference API",
        "Help": "Use /classify/ endpoint to POST an audio file for classification.",
    }
