"""The original system's load script: its tasks, weights, waits and dummy audio.

locust -f bench/load/locustfile.py -H http://127.0.0.1:8000
"""

import io
import math
import struct
import wave

from locust import HttpUser, between, task


def dummy_audio() -> bytes:
    """5 s of a 440 Hz sine of amplitude 0.5: 16 kHz, mono, 16 bits."""
    samples = (int(32767 * 0.5 * math.sin(2 * math.pi * 440 * i / 16000)) for i in range(5 * 16000))
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return buffer.getvalue()


AUDIO = dummy_audio()


class Client(HttpUser):
    wait_time = between(1, 2)

    @task(1)
    def root(self):
        self.client.get("/")

    @task(2)
    def files(self):
        self.client.get("/files/")

    @task(1)
    def classify(self):
        self.client.post("/classify/", files={"audio": ("dummy_audio.wav", AUDIO, "audio/wav")})
