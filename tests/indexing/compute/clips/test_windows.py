"""Every plan gives the clips that a look at the whole list of frames would give, and the known values."""

import itertools
import random
import weakref
from math import ceil, floor

import numpy as np
import pytest

from indexing.compute.clips.streaming import FrameCountDiffers, stream
from indexing.compute.clips.windows import CenteredWindows, ConsecutiveClips, sparse
from tests.indexing.compute.clips import made


def slots_of(plan, num_frames):
    """The slots of all clips, by row."""
    clips = list(stream(made.frames(num_frames), plan, lambda pixels: pixels, num_frames=num_frames))
    clips.sort(key=lambda clip: clip.row.row)
    assert [clip.row.row for clip in clips] == list(range(len(clips)))
    return [made.positions(clip) for clip in clips]


class TestKnownValues:
    def test_a_window_of_16_at_frame_0_begins_with_8_padded_slots(self):
        first, *_ = slots_of(CenteredWindows(16), 40)
        assert first == [-1] * 8 + list(range(8))

    def test_a_window_of_15_at_frame_0_has_15_slots_and_begins_with_8_padded_ones(self):
        first, *_ = slots_of(CenteredWindows(15), 40)
        assert first == [-1] * 8 + list(range(7))

    def test_sparse_windows_are_those_of_frames_16_48_80(self):
        rows = slots_of(sparse(16), 100)
        assert [row[8] for row in rows] == [16, 48, 80]

    @pytest.mark.parametrize("num_frames", [0, 1, 16, 17, 48, 49, 80, 81])
    def test_a_sparse_video_has_ceil_of_t_minus_16_over_32_rows(self, num_frames):
        rows = slots_of(sparse(4), num_frames)
        assert len(rows) == max(0, ceil((num_frames - 16) / 32)) == sparse(4).num_rows(num_frames)

    @pytest.mark.parametrize(
        ("num_frames", "expected"),
        [
            (10, [[0, 2, 4, 6, 8] * 6 + [0, 2]]),
            (65, [list(range(0, 64, 2)), [64] * 32]),
            (126, [list(range(0, 64, 2)), [*range(64, 126, 2), 64]]),
            (127, [list(range(0, 64, 2)), list(range(64, 128, 2))]),
            (128, [list(range(0, 64, 2)), list(range(64, 128, 2))]),
        ],
    )
    def test_all_clips_of_32_frames_every_second(self, num_frames, expected):
        assert slots_of(ConsecutiveClips(32, 2), num_frames) == expected

    def test_the_first_n_clips_go_on_modulo_the_number_of_frames(self):
        rows = slots_of(ConsecutiveClips(4, 2, num_clips=3), 10)
        assert rows == [[0, 2, 4, 6], [8, 0, 2, 4], [6, 8, 0, 2]]

    def test_three_uniform_clips_cover_beginning_middle_and_end(self):
        rows = slots_of(ConsecutiveClips(4, 1, num_clips=3, spread="uniform"), 100)
        assert rows == [[0, 1, 2, 3], [48, 49, 50, 51], [96, 97, 98, 99]]

    def test_a_partial_last_clip_can_be_dropped(self):
        assert len(slots_of(ConsecutiveClips(4, 2, drop_last=True), 14)) == 1
        assert len(slots_of(ConsecutiveClips(4, 2, drop_last=True), 15)) == 2  # 8 10 12 14: it is whole

    def test_a_partial_last_clip_can_repeat_its_last_frame(self):
        assert slots_of(ConsecutiveClips(4, 2, pad="repeat_last"), 11)[1] == [8, 10, 10, 10]


def centered_oracle(plan, num_frames):
    """The slots of all windows, from the formula and the whole list of frames."""
    rows = []
    for at in range(plan.offset, num_frames, plan.stride):
        start = floor(at - plan.step * plan.num_frames / 2) if plan.anchor == "center" else at
        row = [start + floor(slot * plan.step + 0.5) for slot in range(plan.num_frames)]
        if plan.padding == "reflect":
            bounce = [*range(num_frames), *range(num_frames - 2, 0, -1)]
            row = [bounce[slot % len(bounce)] for slot in row]
        if plan.padding == "edge":
            row = [min(max(slot, 0), num_frames - 1) for slot in row]
        rows.append([slot if 0 <= slot < num_frames else -1 for slot in row])
    return rows


def consecutive_oracle(plan, num_frames):
    length, rate = plan.num_frames, plan.sampling_rate
    if not num_frames:
        return []
    if plan.num_clips is None:
        starts = range(0, num_frames, length * rate)
    elif plan.spread == "first":
        starts = range(0, plan.num_clips * length * rate, length * rate)
    else:
        free = max(0, num_frames - ((length - 1) * rate + 1))
        several = plan.num_clips > 1
        starts = [
            floor((clip / (plan.num_clips - 1) if several else 0.5) * free + 0.5)
            for clip in range(plan.num_clips)
        ]
    rows = []
    for start in starts:
        row = [start + slot * rate for slot in range(length)]
        if row[-1] >= num_frames:
            if plan.drop_last:
                continue
            valid = [slot for slot in row if slot < num_frames]
            if plan.pad == "repeat_last":
                row = [*valid, *[(valid or [num_frames - 1])[-1]] * (length - len(valid))]
            elif plan.num_clips is not None and plan.spread == "first":
                row = [slot % num_frames for slot in row]
            else:
                row = list(itertools.islice(itertools.cycle(valid), length))
        rows.append(row)
    return rows


class TestAgainstTheWholeList:
    def test_centered_windows(self):
        chance = random.Random(5)
        for _ in range(400):
            plan = CenteredWindows(
                chance.randint(1, 12),
                chance.choice([0.4, 0.5, 1, 1.5, 2, 2.4, 3]),
                chance.choice([1, 1, 2, 5, 32]),
                chance.choice([0, 0, 3, 16]),
                chance.choice(["center", "start"]),
                chance.choice(["zero", "edge", "reflect"]),
            )
            num_frames = chance.choice([0, 1, 2, 3, 7, 30, 60])
            expected = centered_oracle(plan, num_frames)
            assert slots_of(plan, num_frames) == expected, (plan, num_frames)
            assert plan.num_rows(num_frames) == len(expected)

    def test_consecutive_clips(self):
        chance = random.Random(6)
        for _ in range(400):
            plan = ConsecutiveClips(
                chance.randint(1, 6),
                chance.randint(1, 4),
                chance.choice([None, None, 1, 2, 3, 7]),
                chance.choice(["first", "uniform"]),
                chance.choice([False, False, True]),
                chance.choice(["tile", "repeat_last"]),
            )
            num_frames = chance.choice([0, 1, 2, 3, 7, 30, 60])
            expected = consecutive_oracle(plan, num_frames)
            assert slots_of(plan, num_frames) == expected, (plan, num_frames)
            assert plan.num_rows(num_frames) == len(expected)


class TestRows:
    def test_a_row_says_which_frames_and_times_a_clip_stands_for(self):
        clips = list(stream(made.frames(130), ConsecutiveClips(64), lambda pixels: pixels))
        assert [(clip.row.number, clip.row.stop_number) for clip in clips] == [(0, 64), (64, 128), (128, 130)]
        assert [(clip.row.start_pts, clip.row.stop_pts) for clip in clips] == [
            (0, 2560),
            (2560, 5120),
            (5120, 5200),
        ]

    def test_a_window_at_the_edges_stands_for_the_frames_that_are_there(self):
        rows = [
            clip.row for clip in stream(made.frames(6), CenteredWindows(4, stride=5), lambda pixels: pixels)
        ]
        assert [(row.number, row.stop_number) for row in rows] == [(0, 2), (3, 6)]

    def test_times_are_those_of_frames_that_come_unevenly(self):
        times = [0, 10, 50, 60, 200, 210]
        rows = [
            clip.row for clip in stream(made.frames(6, times), ConsecutiveClips(4), lambda pixels: pixels)
        ]
        assert [(row.start_pts, row.stop_pts, row.pts_seconds) for row in rows] == [
            (0, 200, 0.0),
            (200, 220, 0.2),
        ]


class TestCost:
    @pytest.mark.parametrize("plan", [CenteredWindows(16), CenteredWindows(16, padding="reflect")])
    def test_each_frame_is_prepared_once_however_many_windows_overlap(self, plan):
        prepared = []

        def prepare(pixels):
            prepared.append(int(pixels[0, 0, 2]))
            return pixels

        assert sum(1 for _ in stream(made.frames(100), plan, prepare)) == 100
        assert sorted(prepared) == list(range(1, 101))

    def test_a_frame_that_no_window_has_is_not_prepared(self):
        prepared = []
        list(stream(made.frames(100), sparse(4), lambda pixels: prepared.append(1) or pixels))
        assert len(prepared) == 3 * 4

    @pytest.mark.parametrize(
        ("plan", "most"),
        [
            (CenteredWindows(16), 18),
            (CenteredWindows(16, 2.0, padding="edge"), 35),
            (CenteredWindows(16, padding="reflect"), 34),
            (CenteredWindows(16, anchor="start", padding="reflect"), 34),
            (ConsecutiveClips(16, 2), 18),
            (ConsecutiveClips(16, 2, num_clips=60), 50),
            (sparse(16), 18),
        ],
    )
    def test_no_more_frames_are_held_than_a_window_spans(self, plan, most):
        alive, peaks = weakref.WeakSet(), []

        class Picture(np.ndarray):
            __hash__ = object.__hash__

        def prepare(pixels):
            picture = pixels.copy().view(Picture)
            alive.add(picture)
            peaks.append(len(alive))
            return picture

        list(stream(made.frames(1000), plan, prepare, num_frames=1000))
        assert max(peaks) <= most

    def test_a_wrong_count_is_told(self):
        plan = ConsecutiveClips(4, num_clips=3)
        with pytest.raises(FrameCountDiffers, match="12 frames were counted, 10 were decoded") as told:
            list(stream(made.frames(10), plan, lambda pixels: pixels, num_frames=12))
        assert told.value.num_frames == 10
        with pytest.raises(FrameCountDiffers, match="8 frames were counted, 10 were decoded"):
            list(stream(made.frames(10), plan, lambda pixels: pixels, num_frames=8))


def test_a_plan_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="padding must be zero, edge or reflect, got 'wrap'"):
        CenteredWindows(8, padding="wrap")
    with pytest.raises(ValueError, match="step must be above 0"):
        CenteredWindows(8, 0)
    with pytest.raises(ValueError, match="num_clips must be at least 1"):
        ConsecutiveClips(8, num_clips=0)
    with pytest.raises(ValueError, match="needs the number of frames"):
        list(stream(made.frames(8), ConsecutiveClips(8, num_clips=2), lambda pixels: pixels))
