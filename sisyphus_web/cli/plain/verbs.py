"""The verbs that work on plain files: without a database, without services, without a running Sisyphus."""

_INDEX_BUILD = ("sisyphus_web.cli.index_build", "build an index over feature files")
_INDEX_SERVE = ("sisyphus_web.cli.index_serve", "answer queries to an index over HTTP")
_INDEX_QUERY = ("sisyphus_web.cli.index_query", "ask a served index for what is near a picture or a vector")

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
    "clip-extract": (
        "sisyphus_web.cli.clip_extract",
        "turn videos into files of clip features, several crops per clip",
    ),
    "feature-upload": (
        "sisyphus_web.cli.feature_upload",
        "send feature files to a data set of the Hugging Face hub",
    ),
    "slowfast-extract": (
        "sisyphus_web.cli.slowfast_extract",
        "turn windows of videos into feature files by SlowFast networks, from a YAML",
    ),
    "feature-inspect": (
        "sisyphus_web.cli.feature_inspect",
        "say what a feature file holds and how it was made",
    ),
    "build-index": _INDEX_BUILD,
    "index-build": _INDEX_BUILD,
    "stream-index": (
        "sisyphus_web.cli.stream_index",
        "build an index over pictures without keeping features",
    ),
    "serve-index": _INDEX_SERVE,
    "index-serve": _INDEX_SERVE,
    "query-index": _INDEX_QUERY,
    "index-query": _INDEX_QUERY,
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
    "model-train": ("sisyphus_web.cli.model_train", "train a classifier on folders of pictures by class"),
    "model-infer": ("sisyphus_web.cli.model_infer", "classify the pictures of a folder"),
    "model-export": ("sisyphus_web.cli.model_export", "write a classifier as ONNX, checked against torch"),
    "checkpoint-inspect": ("sisyphus_web.cli.checkpoint_inspect", "say what a file of weights is and holds"),
    "checkpoint-convert": (
        "sisyphus_web.cli.checkpoint_convert",
        "make a classifier, or plain safetensors, of a file of weights",
    ),
}
