"""The map: the same features give the same map, neighbors stay neighbors, later ones move nothing."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from indexing.compute.projection import Layout, inside, lay_out, place
from tests.indexing.made import clustered


@pytest.fixture(scope="module")
def vectors():
    return clustered(900, 32, num_clusters=9, spread=0.6)


@pytest.fixture(scope="module")
def layout(vectors):
    return lay_out(vectors, num_landmarks=300)


def test_the_same_features_give_the_same_map(vectors, layout):
    again = lay_out(vectors, num_landmarks=300)
    assert np.array_equal(layout.places, again.places)
    assert np.array_equal(place(vectors, layout), place(vectors, again))


def test_a_landmark_lies_where_it_was_laid_out(layout):
    np.testing.assert_allclose(place(layout.landmarks, layout), layout.places, atol=2e-3)


def test_neighbors_stay_neighbors(vectors, layout):
    assert trustworthiness(vectors, place(vectors, layout), n_neighbors=10) > 0.9


def test_items_of_one_cluster_lie_together(vectors, layout):
    places, clusters = place(vectors, layout), np.arange(len(vectors)) % 9
    between = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(between, np.inf)
    of_neighbors = clusters[between.argmin(axis=1)]
    similarities = vectors @ vectors.T - 2 * np.eye(len(vectors))
    there_can_be = (clusters[similarities.argmax(axis=1)] == clusters).mean()
    assert (of_neighbors == clusters).mean() > there_can_be - 0.05


def test_a_place_does_not_depend_on_what_else_is_placed(vectors, layout):
    together = place(vectors, layout)
    np.testing.assert_allclose(place(vectors[7:8], layout), together[7:8], atol=1e-5)
    assert (together >= 0).all()
    assert (together <= 1).all()


@pytest.mark.parametrize("num", [1, 2, 3, 11, 13, 40])
def test_few_items_have_a_map_too(num):
    places = place(few := clustered(num, 16, num_clusters=num), lay_out(few))
    assert places.shape == (num, 2)
    assert np.isfinite(places).all()


def test_twins_are_laid_out_once():
    twins = np.repeat(clustered(20, 16), 30, axis=0)
    assert len(lay_out(twins).landmarks) == 20


def test_nothing_and_wrong_widths_are_refused(layout):
    with pytest.raises(ValueError, match="N > 0"):
        lay_out(np.empty((0, 8), np.float32))
    with pytest.raises(ValueError, match="must be"):
        place(np.zeros((2, 8), np.float32), layout)
    with pytest.raises(ValueError, match="places must be"):
        Layout(layout.landmarks, layout.places[:3])


def test_a_lasso_holds_what_is_inside_by_the_even_odd_rule():
    points = np.array([[0.5, 0.5], [0.1, 0.1], [0.9, 0.5], [0.5, 0.95]])
    square = np.array([[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]])
    assert inside(points, square).tolist() == [True, False, False, False]
    horseshoe = np.array([[0, 0], [1, 0], [1, 1], [0.6, 1], [0.6, 0.3], [0.4, 0.3], [0.4, 1], [0, 1]])
    assert inside(points, horseshoe).tolist() == [False, True, True, False]
    with pytest.raises(ValueError, match="three"):
        inside(points, square[:2])
