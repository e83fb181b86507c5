"""B2: codec key frames of ten videos to thumbnails in a pack and rows, against ffmpeg writing them as JPEGs.

    python -m benchmarks.key_frames [--files 10] [--seconds 20] [--pairs 5]

The peer's 14 ms of start per file count for it, not against it: they are taken off. What one ingest costs
beyond its files (the decoder's start) stays in the product's figure.
"""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

import av

from benchmarks.frame_ingest import make_video
from benchmarks.media_site import Site, compare, write

START_SECONDS = 0.014  # of ffmpeg, per file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=5)
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))
    try:
        folder, out = root / "videos", root / "out"
        folder.mkdir(), out.mkdir()
        first = folder / "0.mp4"
        make_video(first, asked.seconds)
        for number in range(1, asked.files):
            copy = folder / f"{number}.mp4"
            shutil.copyfile(first, copy)
            with copy.open("ab") as file:  # a free box behind the rest: other bytes, the same frames
                file.write(b"\x00\x00\x00\x0cfree" + number.to_bytes(4, "big"))
        with av.open(str(first)) as container:  # one more wherever the encoder saw the scene change
            num_frames = asked.files * sum(packet.is_keyframe for packet in container.demux(video=0))
        site = Site(root)
        from indexing.services.sources import indexing_settings

        def product() -> None:
            corpus = site.corpus()
            chosen = indexing_settings(corpus)
            chosen.frame_policy = "codec_keyframe"
            chosen.save()
            job = site.ingest(corpus, folder)
            if job.result["items"] != num_frames:
                raise RuntimeError(f"{num_frames} key frames were expected: {job.result}")

        def peer() -> None:
            for video in sorted(folder.iterdir()):
                command = ["ffmpeg", "-v", "error", "-y", "-threads", "1", "-skip_frame", "nokey"]
                command += ["-i", video, "-an", "-fps_mode", "passthrough", "-q:v", "3", out / "%05d.jpg"]
                subprocess.run(command, check=True)

        figures = compare(product, peer, pairs=asked.pairs)
        starts = START_SECONDS * asked.files
        figures |= {
            "ratio_less_the_peers_starts": (figures["peer_seconds"] - starts) / figures["product_seconds"],
            "files": asked.files,
            "key_frames": num_frames,
            "product_ms_per_frame": 1e3 * figures["product_seconds"] / num_frames,
            "gate": 0.75,
            "target": 0.95,
        }
        write("key_frames", figures)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
