"""Addresses that lead nowhere."""


def test_a_client_of_the_api_is_told_in_the_body_of_every_error(client, db):
    answer = client.get("/api/v1/nonsense/")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert "/api/v1/nonsense/" in answer.json()["detail"]


def test_a_person_sees_a_page(client, db):
    answer = client.get("/nonsense/")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")
