"""Clips of a video to features: against the bare network, against the originals' way, and in how much memory.

    python -m benchmarks.clip_extraction [--key r2plus1d18-k400@1] [--pairs 5] [--seconds 20] [--stride 8]
    python -m benchmarks.clip_extraction --memory [--hours 1] [--key builtin-clip@1]

The product decodes a made video in its child, prepares every frame once and encodes overlapping windows as
they fill. (a) The bare loop runs the same engine on the same clips, which lie ready. (b) The originals' way
decodes the whole video into memory as float32 and runs torch in fp32 on every window, cut out from scratch.
Weights are random unless --model-dir has the key's: the speed is the same. CPU seconds of the process and
its children, pairs interleaved; the gate is the worst cosine to (b).
"""

import argparse
import tempfile
from pathlib import Path

import av
import cv2
import numpy as np
import torch

from benchmarks import media_site
from indexing.compute.ahead import ahead
from indexing.compute.clips import crops
from indexing.compute.clips.streaming import Clip, stream
from indexing.compute.clips.windows import CenteredWindows, Plan
from indexing.compute.decoder import Decoder
from indexing.compute.encoders.gates import worst_cosine
from indexing.compute.encoders.samples import dead_leaves
from indexing.compute.encoders.video import clip_catalog, clip_networks, families
from indexing.compute.encoders.video.clip_encoder import ClipEncoder
from indexing.compute.encoders.video.clip_loading import find_or_fetch, load_clips
from indexing.compute.encoders.video.clip_registry import weights_file
from indexing.compute.encoders.video.frame_sizes import resized
from indexing.compute.sampling import FramePolicy

FPS, GOP, WIDTH, HEIGHT = 30, 60, 456, 256  # a video as Kinetics is kept: its short side 256


def make_video(path: Path, num_frames: int, size: tuple[int, int], preset: str = "veryfast") -> None:
    """A camera drifts over a made picture, a piece of another crosses it; H.264, a key frame every 2 s."""
    width, height = size
    scene = dead_leaves(1, 3 * max(size))
    piece = dead_leaves(2, max(16, height // 3))
    with av.open(str(path), "w") as container:
        stream_out = container.add_stream("libx264", rate=FPS)
        stream_out.width, stream_out.height, stream_out.pix_fmt = width, height, "yuv420p"
        stream_out.codec_context.gop_size = GOP
        stream_out.options = {"preset": preset}
        for number in range(num_frames):
            x = width + int(0.8 * width * np.sin(number / 60))
            y = height + int(0.8 * height * np.cos(number / 45))
            pixels = scene[y : y + height, x : x + width].copy()
            at = number * 2 % (width - len(piece))
            pixels[height // 3 : height // 3 + len(piece), at : at + len(piece)] = piece
            container.mux(stream_out.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream_out.encode(None))


def random_weights(key: str, model_dir: Path) -> None:
    """Numbers under the key's file name, where the folder has none; norms that are not the identity."""
    spec = clip_catalog.spec_of(key, model_dir)
    if spec.family != "network" or weights_file(spec, model_dir):
        return
    torch.manual_seed(0)
    network = families.build(spec.architecture, spec.config)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm3d):
            layer.running_mean.uniform_(-0.1, 0.1)
            layer.running_var.uniform_(0.9, 1.1)
    torch.save(network.state_dict(), model_dir / f"{spec.stems[0]}.pth")


def plan_of(encoder: ClipEncoder, stride: int) -> Plan:
    """A window around every `stride`-th frame."""
    assert encoder.num_frames is not None
    return CenteredWindows(encoder.num_frames, encoder.sampling_rate, stride=stride, padding="edge")


def clips_of(path: Path, plan: Plan, encoder: ClipEncoder, decoder: Decoder):
    frames = decoder.frames(path, FramePolicy("every"), min_side_px=encoder.decode_side_px)
    return stream(frames, plan, encoder.prepare)


def extracted(path: Path, plan: Plan, encoder: ClipEncoder) -> np.ndarray:
    """The product: one feature per window, decoded beside the network, a window's span in memory."""
    parts: list[np.ndarray] = []
    with Decoder() as decoder, ahead(clips_of(path, plan, encoder, decoder), encoder.batch) as clips:
        held: list[Clip] = []
        for clip in clips:
            held.append(clip)
            if len(held) == encoder.batch:
                parts.append(encoder.raw([each.frames for each in held]))
                held = []
        if held:
            parts.append(encoder.raw([each.frames for each in held]))
    return np.concatenate(parts)


def the_originals_way(path: Path, plan: CenteredWindows, key: str, model_dir: Path):
    """As slowfast_feature_extractor does: the video as one float32 array, windows cut out of it, fp32."""
    spec = clip_catalog.spec_of(key, model_dir)
    network = clip_networks.build(spec, find_or_fetch(spec, model_dir)).network
    mean = np.array(spec.mean, np.float32)
    std = np.array(spec.std, np.float32)

    def run() -> np.ndarray:
        video = []
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                pixels = resized(frame.to_ndarray(format="rgb24"), spec)
                if spec.crop_px:
                    top, left = ((side - spec.crop_px) / 2 for side in pixels.shape[:2])
                    top, left = round(top), round(left)
                    pixels = pixels[top : top + spec.crop_px, left : left + spec.crop_px]
                video.append(pixels.astype(np.float32))
        whole = np.stack(video) / (255 if spec.scale_255 else 1)
        whole = (whole - mean) / std  # (frames, h, w, 3) float32
        found = []
        with torch.inference_mode():
            for window in plan.windows(len(whole)):
                at = plan.placed(window, len(whole)).positions
                clip = torch.from_numpy(np.ascontiguousarray(whole[at].transpose(3, 0, 1, 2)))
                found.append(network(clip[None]).flatten(1).numpy())
        return np.concatenate(found)

    return run


def speed(asked: argparse.Namespace, folder: Path, model_dir: Path) -> None:
    video = folder / "video.mp4"
    make_video(video, FPS * asked.seconds, (WIDTH, HEIGHT))
    encoder = load_clips(asked.key, model_dir=model_dir, device="cpu", precision=asked.precision)
    plan = plan_of(encoder, asked.stride)
    side = encoder.spec.input_px
    with Decoder() as decoder:
        clips = [clip.frames for clip in clips_of(video, plan, encoder, decoder)]
    ready = [np.ascontiguousarray(crops.center(clip, side))[None] for clip in clips]
    kept = np.zeros((1, encoder.num_frames), bool)
    found = extracted(video, plan, encoder)

    def product() -> None:
        extracted(video, plan, encoder)

    def bare() -> None:
        for clip in ready:
            encoder._raw(clip, kept)

    originals = the_originals_way(video, plan, asked.key, model_dir)
    figures = {
        "key": asked.key,
        "engine": f"{encoder.engine} {encoder.precision}",
        "num_clips": len(found),
        "stride": asked.stride,
        "worst_cosine_to_the_originals": worst_cosine(found, originals()),
    }
    name = f"clip_extraction_{asked.key.partition('@')[0].replace(':', '-')}"
    figures["over_bare_loop"] = media_site.compare(product, bare, pairs=asked.pairs)
    figures["clips_per_cpu_second"] = len(found) / figures["over_bare_loop"]["product_seconds"]
    media_site.write(name, figures)
    figures["over_the_originals_way"] = media_site.compare(product, originals, pairs=asked.peer_pairs)
    media_site.write(name, figures)


def memory(asked: argparse.Namespace, folder: Path, model_dir: Path) -> None:
    """The peak of this process from when the encoder is loaded, over a video of `hours`."""
    video = folder / "long.mp4"
    num_frames = round(3600 * asked.hours * FPS)
    make_video(video, num_frames, (160, 96), "ultrafast")
    encoder = load_clips(asked.key, model_dir=model_dir, device="cpu", precision=asked.precision)
    side = encoder.spec.side_px
    encoder.encode([np.zeros((encoder.num_frames, side, side, 3), np.uint8)])
    before = status_mib("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    found = extracted(video, plan_of(encoder, max(1, num_frames // asked.num_clips)), encoder)
    figures = {
        "key": asked.key,
        "engine": f"{encoder.engine} {encoder.precision}",
        "video_hours": asked.hours,
        "num_frames": num_frames,
        "num_clips": len(found),
        "loaded_mib": before,
        "peak_mib": status_mib("VmHWM"),
    }
    figures["growth_mib"] = figures["peak_mib"] - before
    media_site.write(f"clip_memory_{asked.key.partition('@')[0].replace(':', '-')}", figures)


def status_mib(name: str) -> float:
    line = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith(name))
    return int(line.split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--key", default="r2plus1d18-k400@1")
    parser.add_argument("--model-dir", type=Path, help="default: a folder with random weights")
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="default: the fastest that agrees")
    parser.add_argument("--seconds", type=int, default=12)
    parser.add_argument("--stride", type=int, default=16, help="frames from window to window")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--peer-pairs", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--num-clips", type=int, default=200)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model_dir = asked.model_dir or Path(folder)
        random_weights(asked.key, model_dir)
        (memory if asked.memory else speed)(asked, Path(folder), model_dir)


if __name__ == "__main__":
    main()
