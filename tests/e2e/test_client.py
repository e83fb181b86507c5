"""The main job by the Python client, against a running instance, on real photos."""

import tarfile

import pytest

from sisyphus_client import Client, Term

pytestmark = pytest.mark.slow


def test_the_main_job_from_an_example_to_a_downloaded_dataset(
    instance, client, ready_corpus, media_root, tmp_path
):
    with Client(instance.url, client.token) as sisyphus:
        corpus = sisyphus.corpus(ready_corpus)
        minaret = corpus.label_class("minaret")
        photo = sorted((media_root / "media" / "minaret").iterdir())[0]
        image = corpus.query_image(photo)
        found = corpus.query([Term.image(image)], label_class=minaret, k=20)
        assert found.neighbors[0].similarity > 0.9
        answers = corpus.answer(minaret, [(tile, "accept") for tile in found.neighbors[:6]])
        answers += corpus.answer(minaret, [(tile, "reject") for tile in found.neighbors[-6:]])
        assert {each.outcome for each in answers} == {"applied"}
        learned = corpus.query(label_class=minaret, mode="learned", k=20)
        assert not {tile.item for tile in learned.neighbors} & {each.item for each in answers}
        told = []
        version = corpus.freeze(name="minarets", classes=[minaret], val_share=0.2, test_share=0)
        export = version.export("webdataset").wait(timeout_seconds=300, on_progress=told.append)
        path = export.download(tmp_path, on_progress=told.append)
        assert told[-1].share == 1.0
        with tarfile.open(path) as archive:
            names = archive.getnames()
        num_lines = sum(num for side in version.counts.values() for num in side.values())
        assert num_lines >= len(answers)  # stacks have members
        assert len([name for name in names if name.endswith(".jpg")]) == num_lines
        labels = corpus.import_labels(version.export("jsonl").download(tmp_path)).wait(timeout_seconds=300)
        assert (labels.preview["taken"], labels.preview["skipped"]) == (0, {"said-already": num_lines})
