"""The keys of a slowfast_feature_extractor YAML: which matter here, with their defaults, and which do not.

Names and defaults are those of facebookresearch/SlowFast (Apache-2.0) and slowfast_feature_extractor (MIT);
WINDOW.*, POOL and the default of SPARSE are ours.
"""

from typing import Any, NamedTuple


class Key(NamedTuple):
    """A key that matters: what stands in where it is not given, and what kind of value it takes."""

    default: Any
    kind: str  # int, float, bool, text, floats (three), size (one or two whole numbers), lists, choice
    choices: tuple[Any, ...] = ()


KEYS: dict[str, Key] = {
    "DATA.PATH_TO_DATA_DIR": Key("", "text"),
    "DATA.PATH_PREFIX": Key("", "text"),
    "DATA.NUM_FRAMES": Key(8, "int"),
    "DATA.IN_FPS": Key(25.0, "float"),
    "DATA.OUT_FPS": Key(25.0, "float"),
    "DATA.SAMPLE_SIZE": Key((256, 256), "size"),
    "DATA.CROP_SIZE": Key(None, "int"),
    "DATA.TEST_CROP_SIZE": Key(None, "int"),
    "DATA.READ_VID_FILE": Key(default=False, kind="bool"),
    "DATA.VID_FILE_EXT": Key(".mp4", "text"),
    "DATA.IMG_FILE_EXT": Key(".jpg", "text"),
    "DATA.IMG_FILE_FORMAT": Key("img_{:05d}.jpg", "text"),
    "DATA.MEAN": Key((0.45, 0.45, 0.45), "floats"),
    "DATA.STD": Key((0.225, 0.225, 0.225), "floats"),
    "DATA.REVERSE_INPUT_CHANNEL": Key(default=False, kind="bool", choices=(False,)),
    "SLOWFAST.ALPHA": Key(8, "int"),
    "SLOWFAST.BETA_INV": Key(8, "int"),
    "SLOWFAST.FUSION_CONV_CHANNEL_RATIO": Key(2, "int"),
    "SLOWFAST.FUSION_KERNEL_SZ": Key(5, "int"),
    "RESNET.DEPTH": Key(50, "int", (50, 101)),
    "RESNET.TRANS_FUNC": Key("bottleneck_transform", "choice", ("bottleneck_transform",)),
    "RESNET.NUM_GROUPS": Key(1, "int", (1,)),
    "RESNET.STRIDE_1X1": Key(default=False, kind="bool", choices=(False,)),
    "RESNET.SPATIAL_STRIDES": Key(((1,), (2,), (2,), (2,)), "lists"),
    "RESNET.SPATIAL_DILATIONS": Key(((1,), (1,), (1,), (1,)), "lists"),
    "NONLOCAL.INSTANTIATION": Key("dot_product", "choice", ("dot_product", "softmax")),
    "MODEL.ARCH": Key("slowfast", "choice", ("slowfast", "slow", "c2d", "c2d_nopool", "i3d", "i3d_nopool")),
    "MODEL.MODEL_NAME": Key("SlowFast", "choice", ("SlowFast", "ResNet")),
    "TRAIN.CHECKPOINT_FILE_PATH": Key("", "text"),
    "TEST.ENABLE": Key(default=True, kind="bool"),
    "TEST.CHECKPOINT_FILE_PATH": Key("", "text"),
    "TEST.BATCH_SIZE": Key(8, "int"),
    "SPARSE": Key(default=False, kind="bool"),
    "NUM_GPUS": Key(1, "int"),
    "OUTPUT_DIR": Key("./tmp", "text"),
    "WINDOW.RATE": Key(1.0, "float"),
    "WINDOW.STRIDE": Key(1, "int"),
    "WINDOW.OFFSET": Key(0, "int"),
    "WINDOW.ANCHOR": Key("center", "choice", ("center", "start")),
    "WINDOW.PADDING": Key("zero", "choice", ("zero", "edge", "reflect")),
    "POOL": Key(None, "choice", ("head256", "head224")),
}

# Of groups that matter, the keys that do not: they are about training, or the checkpoint says it.
WITHOUT_EFFECT = frozenset(
    f"{group}.{name}"
    for group, names in {
        "TRAIN": "ENABLE DATASET BATCH_SIZE EVAL_PERIOD CHECKPOINT_PERIOD AUTO_RESUME CHECKPOINT_TYPE "
        "CHECKPOINT_INFLATE CHECKPOINT_EPOCH_RESET CHECKPOINT_CLEAR_NAME_PATTERN CHECKPOINT_IN_INIT "
        "MIXED_PRECISION KILL_LOSS_EXPLOSION_FACTOR",
        "TEST": "DATASET NUM_ENSEMBLE_VIEWS NUM_SPATIAL_CROPS CHECKPOINT_TYPE SAVE_RESULTS_PATH "
        "NUM_TEMPORAL_CLIPS",
        "DATA": "SAMPLING_RATE PATH_LABEL_SEPARATOR TRAIN_PCA_EIGVAL TRAIN_PCA_EIGVEC PATH_TO_PRELOAD_IMDB "
        "INPUT_CHANNEL_NUM TRAIN_JITTER_SCALES TRAIN_JITTER_SCALES_RELATIVE TRAIN_JITTER_ASPECT_RELATIVE "
        "USE_OFFSET_SAMPLING TRAIN_JITTER_MOTION_SHIFT TRAIN_CROP_SIZE TARGET_FPS DECODING_BACKEND "
        "INV_UNIFORM_SAMPLE RANDOM_FLIP MULTI_LABEL ENSEMBLE_METHOD SKIP_ROWS COLOR_RND_GRAYSCALE "
        "DECODING_SHORT_SIZE DUMMY_LOAD IN22K_TRAINVAL IN22k_VAL_IN1K LOADER_CHUNK_OVERALL_SIZE "
        "LOADER_CHUNK_SIZE PATH_TO_DATA_DIR_TRAIN SSL_BLUR_SIGMA_MAX SSL_BLUR_SIGMA_MIN "
        "SSL_COLOR_BRI_CON_SAT SSL_COLOR_HUE SSL_COLOR_JITTER SSL_MOCOV2_AUG TIME_DIFF_PROB "
        "TRAIN_CROP_NUM_SPATIAL TRAIN_CROP_NUM_TEMPORAL TRAIN_JITTER_FPS",
        "RESNET": "WIDTH_PER_GROUP INPLACE_RELU ZERO_INIT_FINAL_BN ZERO_INIT_FINAL_CONV "
        "NUM_BLOCK_TEMP_KERNEL",
        "NONLOCAL": "LOCATION GROUP POOL",
        "MODEL": "NUM_CLASSES LOSS_FUNC SINGLE_PATHWAY_ARCH MULTI_PATHWAY_ARCH DROPOUT_RATE "
        "DROPCONNECT_RATE FC_INIT_STD HEAD_ACT ACT_CHECKPOINT DETACH_FINAL_FC FP16_ALLREDUCE FROZEN_BN",
    }.items()
    for name in names.split()
) | {"NUM_SHARDS", "SHARD_ID", "RNG_SEED", "LOG_PERIOD", "LOG_MODEL_INFO", "DIST_BACKEND", "LOG_DIR", "TASK"}

# Groups of which no key matters.
GROUPS_WITHOUT_EFFECT = frozenset(
    {"AUG", "AVA", "BENCHMARK", "BN", "CONTRASTIVE", "DATA_LOADER", "DEMO", "DETECTION", "MASK", "MIXUP",
     "MULTIGRID", "MVIT", "SOLVER", "SSL", "TENSORBOARD", "VIS_MASK", "X3D"}
)  # fmt: skip
