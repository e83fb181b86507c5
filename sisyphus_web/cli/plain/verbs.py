"""The verbs that work on plain files: without a database, without services, without a running Sisyphus."""

PLAIN_VERBS = {  # verb -> (module, what it does); the old spelling and the one of its papers
    "frames-extract": (
        "sisyphus_web.cli.frames_extract",
        "keep the frames of a video that differ from the last one kept",
    ),
    "feature-extract": ("sisyphus_web.cli.feature_extract", "turn pictures into feature files"),
    "feature-extract-vid": (
        "sisyphus_web.cli.feature_extract_vid",
        "turn the clips of a video into a feature file",
    ),
    "feature-inspect": (
        "sisyphus_web.cli.feature_inspect",
        "say what a feature file holds and how it was made",
    ),
    "video-to-key-frames": ("sisyphus_web.cli.video_to_key_frames", "write the codec key frames of a video"),
    "video-to-resampled-frames": (
        "sisyphus_web.cli.video_to_resampled_frames",
        "write a video's frames at a fixed rate",
    ),
    "key-frames-to-video": (
        "sisyphus_web.cli.key_frames_to_video",
        "make a video of pictures or of neighbors",
    ),
    "split-image": ("sisyphus_web.cli.split_image", "cut pictures into tiles"),
    "scale-crop-image": (
        "sisyphus_web.cli.scale_crop_image",
        "scale pictures to cover a square, and crop it",
    ),
    "drawlines": ("sisyphus_web.cli.drawlines", "draw the grid of positions over pictures"),
}
