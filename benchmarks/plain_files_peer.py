"""Photos -> ResNet-50 MAC features -> faiss index -> 100 queries, in plain lines of torch and faiss.

python benchmarks/plain_files_peer.py PHOTOS WEIGHTS OUT SIDE
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import faiss
import numpy as np
import torch
from PIL import Image

from indexing.compute.torchvision_shim import torchvision

photos, weights, out, side = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(1)
network = torchvision.models.resnet50(weights=None)
network.load_state_dict(torch.load(weights, weights_only=True))
network.eval()
maps = torch.nn.Sequential(*list(network.children())[:-2])
mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
std = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)


def read(path: Path) -> torch.Tensor:
    picture = Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
    return (torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1) / 255 - mean) / std


paths = sorted(photos.rglob("*.jpg"))
with torch.inference_mode():
    for start in range(0, len(paths), 32):
        part = paths[start : start + 32]
        features = maps(torch.stack([read(path) for path in part])).amax(dim=(2, 3)).numpy()
        for path, feature in zip(part, features, strict=True):
            target = (out / path.relative_to(photos)).with_suffix(".npy")
            target.parent.mkdir(parents=True, exist_ok=True)
            np.save(target, feature)

files = sorted(out.rglob("*.npy"))
vectors = np.stack([np.load(file) for file in files])
index = faiss.IndexIVFPQ(faiss.IndexFlatL2(2048), 2048, 100, 256, 8)
index.do_polysemous_training = False
chance = np.random.default_rng(0)
index.train(vectors[chance.choice(len(vectors), 256, replace=False)])
index.add(vectors)
faiss.write_index(index, str(out / "peer.idx"))
(out / "peer.json").write_text(json.dumps([str(file) for file in files]))

index = faiss.read_index(str(out / "peer.idx"))
names = json.loads((out / "peer.json").read_text())
index.nprobe = 8
found = []
for number in range(100):
    asked = names[number * len(names) // 100]
    _, rows = index.search(np.load(asked)[None], 10)
    found.append([asked, *(names[row] for row in rows[0] if row >= 0)])
(out / "found.json").write_text(json.dumps(found))
