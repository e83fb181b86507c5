"""Clips of spans of time, frames at a fixed rate, and crops: each against a plain look at everything."""

import random

import numpy as np
import pytest

from indexing.compute.clips.crops import crops
from indexing.compute.clips.resampling import nearest_at_rate
from indexing.compute.clips.streaming import stream
from indexing.compute.clips.windows import ConsecutiveClips, PtsWindows
from tests.indexing.compute.clips import made


def uneven_times(chance, num_frames):
    times = [chance.choice([0, 7, 500])]
    while len(times) < num_frames:
        times.append(times[-1] + chance.choice([1, 10, 33, 40, 200]))
    return times


def span_oracle(times, span, num_frames):
    start, stop = span
    within = [position for position, at in enumerate(times) if start <= at < stop]
    if not within:
        before = [position for position, at in enumerate(times) if at < start]
        return [before[-1] if before else 0] * num_frames
    wanted = [start + slot * (stop - start) / num_frames for slot in range(num_frames)]
    return [min(within, key=lambda position: (abs(times[position] - at), position)) for at in wanted]


class TestSpans:
    def test_the_frames_of_a_span_are_the_nearest_to_even_times(self):
        for seed in range(200):
            self.check_spans(random.Random(seed))

    def check_spans(self, chance):
        times = uneven_times(chance, chance.choice([1, 2, 10, 60]))
        begin = [chance.randint(0, times[-1] + 50) for _ in range(chance.randint(1, 12))]
        spans = [(start, start + chance.choice([1, 5, 64, 128, 1000])) for start in begin]
        num_frames = chance.choice([1, 2, 4, 8])
        clips = list(
            stream(made.frames(len(times), times), PtsWindows(spans, num_frames), lambda pixels: pixels)
        )
        assert sorted(clip.row.row for clip in clips) == list(range(len(spans)))
        for clip in clips:
            span = spans[clip.row.row]
            assert made.positions(clip) == span_oracle(times, span, num_frames), (times, span)

    def test_the_span_of_a_clip_gives_back_its_frames(self):
        times = [round(position * 1000 / 29.97) for position in range(300)]
        by_count = list(stream(made.frames(300, times), ConsecutiveClips(8, 4), lambda pixels: pixels))[:-1]
        spans = [(clip.row.start_pts, clip.row.stop_pts) for clip in by_count]
        by_time = stream(made.frames(300, times), PtsWindows(spans, 8), lambda pixels: pixels)
        assert [made.positions(clip) for clip in by_time] == [made.positions(clip) for clip in by_count]

    def test_a_frame_is_prepared_once_and_only_where_a_span_has_it(self):
        prepared = []

        def prepare(pixels):
            prepared.append(int(pixels[0, 0, 2]))
            return pixels

        plan = PtsWindows([(0, 400), (200, 600)], 5)
        assert sum(1 for _ in stream(made.frames(100), plan, prepare)) == 2
        assert sorted(prepared) == sorted(set(prepared)) == [1, 3, 5, 6, 7, 8, 9, 10, 12, 14]

    def test_a_span_without_length_is_refused(self):
        with pytest.raises(ValueError, match="start < stop"):
            PtsWindows([(5, 5)], 4)


class TestFixedRate:
    def test_each_tick_has_the_nearest_frame(self):
        for seed in range(200):
            self.check_ticks(random.Random(seed))

    def check_ticks(self, chance):
        times = uneven_times(chance, chance.choice([1, 2, 10, 60]))
        rate = chance.choice([0.5, 2, 7.5, 15, 29.97, 30])
        found = [frame.number for frame in nearest_at_rate(made.frames(len(times), times), rate)]
        last = times[-1] - times[-2] if len(times) > 1 else 1000 / rate
        duration = (times[-1] - times[0] + last) / 1000
        assert abs(len(found) - duration * rate) <= 1.5
        for tick, position in enumerate(found):
            at = times[0] + tick / rate * 1000
            nearest = min(abs(each - at) for each in times)
            assert abs(times[position] - at) <= nearest + 2e-3

    def test_the_own_rate_gives_every_frame_once(self):
        times = [round(position * 1000 / 29.97) for position in range(300)]
        found = [frame.number for frame in nearest_at_rate(made.frames(300, times), 29.97)]
        assert found == list(range(300))

    def test_a_rate_of_0_is_refused(self):
        with pytest.raises(ValueError, match="above 0"):
            list(nearest_at_rate(made.frames(3), 0))


class TestCrops:
    FRAMES = np.arange(2 * 8 * 11 * 3, dtype=np.uint8).reshape(2, 8, 11, 3)

    def test_the_order_is_corners_row_by_row_then_center(self):
        found = crops(self.FRAMES, "5-crop", 4)
        expected = [(0, 0), (0, 7), (4, 0), (4, 7), (2, 4)]
        assert found.shape == (5, 2, 4, 4, 3)
        for crop, (top, left) in zip(found, expected, strict=True):
            assert (crop == self.FRAMES[:, top : top + 4, left : left + 4]).all()

    def test_ten_crops_of_a_mirrored_video_are_those_of_the_video_with_halves_swapped(self):
        found = crops(self.FRAMES, "10-crop", 4)
        mirrored = crops(self.FRAMES[:, :, ::-1], "10-crop", 4)
        assert (np.concatenate((found[5:], found[:5])) == mirrored).all()

    def test_places_are_those_of_torchvision(self):
        torch = pytest.importorskip("torch")
        from indexing.compute.torchvision_shim import torchvision

        planes = torch.from_numpy(self.FRAMES).permute(0, 3, 1, 2)
        for size in (3, 4, 5, 8):
            theirs = torchvision.transforms.functional.ten_crop(planes, [size, size])
            ours = crops(self.FRAMES, "10-crop", size)
            for crop, their in zip(ours, theirs, strict=True):
                assert (crop == their.permute(0, 2, 3, 1).numpy()).all()

    def test_one_crop_keeps_the_axis(self):
        assert crops(self.FRAMES, "center", 4).shape == (1, 2, 4, 4, 3)

    def test_a_crop_larger_than_the_frames_is_refused(self):
        with pytest.raises(ValueError, match="at least 9 px"):
            crops(self.FRAMES, "center", 9)
        with pytest.raises(ValueError, match="crop_type must be one of"):
            crops(self.FRAMES, "3-crop", 4)
