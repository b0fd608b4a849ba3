"""Talks to a running inference service with Triton's own client, and keeps the bytes of its requests for
test/services/kserve.test.ts.

    pip install 'tritonclient[http]==2.73.0'
    python scripts/goldens/kserve.py http://127.0.0.1:8000 MODEL RECORDING [--write]

Prints what the client understood. With --write the requests go to test/fixtures/kserve.json: give it a short recording then.
"""

import base64
import json
import socket
import struct
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

FIXTURE = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "kserve.json"


class Recorder:
    """A proxy that keeps what clients sent."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.sent = bytearray()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(self.target)
            threading.Thread(target=self.copy, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.copy, args=(server, client, False), daemon=True).start()

    def copy(self, source, sink, keep):
        while data := source.recv(65536):
            if keep:
                self.sent += data
            sink.sendall(data)
        sink.close()

    def take(self):
        sent = bytes(self.sent)
        self.sent.clear()
        return sent


def audio_input(recordings, binary=True):
    tensor = triton.InferInput("audio", [len(recordings)], "BYTES")
    if binary:
        tensor.set_data_from_numpy(np.array(recordings, dtype=np.object_), binary_data=True)
    else:
        texts = [base64.b64encode(recording) for recording in recordings]
        tensor.set_data_from_numpy(np.array(texts, dtype=np.object_), binary_data=False)
        tensor._parameters["content_type"] = "base64"
    return tensor


def wav_samples(recording):
    """Rate and samples of a 16-bit mono WAV file with a header of 44 bytes; a tone for another file."""
    if recording[:4] == b"RIFF" and recording[36:40] == b"data":
        rate = struct.unpack_from("<I", recording, 24)[0]
        return rate, np.frombuffer(recording[44:], "<i2").astype(np.float32) / 32768
    return 16000, np.sin(np.arange(16000, dtype=np.float32) * 0.3)


def pcm_input(samples, binary):
    tensor = triton.InferInput("pcm", list(samples.shape), "FP32")
    tensor.set_data_from_numpy(samples, binary_data=binary)
    return tensor


def main(url, model, path, write):
    address = urlsplit(url)
    recorder = Recorder(address.hostname, address.port)
    client = triton.InferenceServerClient(f"127.0.0.1:{recorder.port}")
    recording = Path(path).read_bytes()
    rate, samples = wav_samples(recording)
    requested = triton.InferRequestedOutput
    version = client.get_model_metadata(model)["versions"][0]
    requests = {}

    def ask(name, work):
        recorder.take()
        try:
            answer = work()
        except InferenceServerException as error:
            answer = f"refused: {error}"
        requests[name] = base64.b64encode(recorder.take()).decode()
        print(f"== {name}")
        if isinstance(answer, triton.InferResult):
            for output in answer.get_response()["outputs"]:
                print(output["name"], output["datatype"], output["shape"], answer.as_numpy(output["name"]).ravel()[:4])
        else:
            print(answer)

    ask("server live", client.is_server_live)
    ask("server ready", client.is_server_ready)
    ask("model ready", lambda: client.is_model_ready(model))
    ask("server metadata", client.get_server_metadata)
    ask("model metadata", lambda: client.get_model_metadata(model))
    ask("metadata of a version", lambda: client.get_model_metadata(model, version))
    ask("repository index", client.get_model_repository_index)
    ask("binary", lambda: client.infer(model, [audio_input([recording, recording])], request_id="two"))
    ask(
        "binary in, JSON out",
        lambda: client.infer(
            model,
            [audio_input([recording])],
            outputs=[requested("label", binary_data=False), requested("scores", binary_data=False)],
        ),
    )
    ask(
        "JSON in, both out",
        lambda: client.infer(
            model,
            [audio_input([recording], binary=False)],
            outputs=[requested("embedding"), requested("scores", binary_data=False), requested("label")],
        ),
    )
    ask(
        "classification",
        lambda: client.infer(model, [audio_input([recording])], outputs=[requested("scores", class_count=2)]),
    )
    rows = np.stack([samples, samples[::-1]])
    at_rate = {"sample_rate": rate}
    ask("samples", lambda: client.infer(model, [pcm_input(rows, True)], parameters=at_rate))
    short = samples[:500].reshape(1, -1)
    ask("samples in JSON", lambda: client.infer(model, [pcm_input(short, False)], parameters=at_rate))
    for algorithm in ("gzip", "deflate"):
        ask(
            algorithm,
            lambda: client.infer(
                model,
                [audio_input([recording])],
                request_compression_algorithm=algorithm,
                response_compression_algorithm=algorithm,
            ),
        )
    ask("no sample rate", lambda: client.infer(model, [pcm_input(short, True)]))
    ask("no recording", lambda: client.infer(model, [audio_input([b"not a recording"])]))
    ask("no model", lambda: client.infer("nonsense", [audio_input([recording])]))
    pending = [client.async_infer(model, [audio_input([recording])]) for _ in range(4)]
    print("== four at once\n", [str(each.get_result().as_numpy("label")) for each in pending])
    if write:
        content = {"recording": base64.b64encode(recording).decode(), "requests": requests}
        FIXTURE.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--write"]
    main(*words, "--write" in sys.argv)
