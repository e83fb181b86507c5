"""The script that goes with an exported ONNX file: twenty lines that run it on a folder of pictures."""

IMAGES = '''\
"""Run an ONNX classifier on pictures: python onnx_example.py MODEL.onnx PICTURE..."""
import json, sys
import numpy as np, onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
about = session.get_modelmeta().custom_metadata_map
classes, how = json.loads(about["classes"]), json.loads(about["preprocessing"])
points, side = json.loads(about["operating_points"]), how["side_px"]
for path in sys.argv[2:]:
    image = Image.open(path)
    image.draft("RGB", (how["decode_side_px"],) * 2)  # a large JPEG is decoded smaller, as in training
    image = ImageOps.exif_transpose(image).convert("RGB")
    short, size = min(image.size), (side, side)
    if how["fit"] == "crop":
        size = tuple(int(how["short_side_px"] * length / short) for length in image.size)
    image = image.resize(size, getattr(Image.Resampling, how["resize"].upper().replace("AREA", "BOX")))
    left, top = ((length - side) // 2 for length in image.size)
    pixels = np.asarray(image.crop((left, top, left + side, top + side)))
    found = session.run(["probabilities"], {"images": pixels.transpose(2, 0, 1)[None]})[0][0]
    accepted = [name for name, p in zip(classes, found) if p >= points.get(name, {}).get("threshold", 0.5)]
    print(path, accepted, dict(zip(classes, found.astype(float).round(4).tolist())))
'''
PICTURES = '''\
"""Run an ONNX classifier that resizes by itself: python onnx_example.py MODEL.onnx PICTURE..."""
import json, sys
import numpy as np, onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
about = session.get_modelmeta().custom_metadata_map
classes, points = json.loads(about["classes"]), json.loads(about["operating_points"])
how = json.loads(about["preprocessing"])
for path in sys.argv[2:]:
    image = Image.open(path)
    image.draft("RGB", (how["decode_side_px"],) * 2)  # a large JPEG is decoded smaller, as in training
    pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    found = session.run(["probabilities"], {"picture": pixels})[0][0]
    accepted = [name for name, p in zip(classes, found) if p >= points.get(name, {}).get("threshold", 0.5)]
    print(path, accepted, dict(zip(classes, found.astype(float).round(4).tolist())))
'''
FEATURES = '''\
"""Run an ONNX head on features: python onnx_example.py HEAD.onnx FEATURES.npy"""
import json, sys
import numpy as np, onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
about = session.get_modelmeta().custom_metadata_map
classes, points = json.loads(about["classes"]), json.loads(about["operating_points"])
print("features of", about["encoder"])  # vectors of another encoder mean nothing here
features = np.atleast_2d(np.load(sys.argv[2], allow_pickle=False)).astype(np.float32)
features /= np.linalg.norm(features, axis=1, keepdims=True)
for number, found in enumerate(session.run(["probabilities"], {"features": features})[0]):
    accepted = [name for name, p in zip(classes, found) if p >= points.get(name, {}).get("threshold", 0.5)]
    print(number, accepted, dict(zip(classes, found.astype(float).round(4).tolist())))
'''


def example_script(*, takes_images: bool, has_resize: bool = False) -> str:
    """A Python script that runs an exported file with onnxruntime, numpy and Pillow, and nothing of ours."""
    if has_resize:
        return PICTURES
    return IMAGES if takes_images else FEATURES
