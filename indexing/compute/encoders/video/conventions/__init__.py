"""How other projects name the weights of video networks, and the way to our names."""

from indexing.compute.encoders.video.conventions.reading import Detected, read_video_checkpoint

__all__ = ["Detected", "read_video_checkpoint"]
