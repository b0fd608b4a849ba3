"""The same model behind LitServe with batching: recordings of several requests go through the network together.

CHECKPOINT=reference.safetensors python bench/python/serve_litserve.py 8000
"""

import os
import sys

import litserve as ls
import torch
from checkpoint import Predictor


class Birds(ls.LitAPI):
    def setup(self, device):
        torch.set_num_threads(1)
        self.predictor = Predictor(os.environ["CHECKPOINT"])

    def decode_request(self, request):
        return self.predictor.features(request["audio"].file.read())

    def batch(self, inputs):
        return inputs

    def predict(self, inputs):
        with torch.inference_mode():
            logits = self.predictor.model(torch.cat(inputs))
        return [self.predictor.vote(part) for part in logits.split([len(x) for x in inputs])]

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    api = Birds(max_batch_size=16, batch_timeout=0.005, api_path="/classify/")
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=2, timeout=60)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
