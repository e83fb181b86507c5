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


def test_who_follows_a_link_into_the_api_sees_a_page_or_signs_in(client, mia, corpus):
    visit = {"sec-fetch-dest": "document"}
    address = f"/api/v1/corpora/{corpus.pk}/exports/987654/file/"
    answer = client.get(address, headers=visit)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={address}")
    client.force_login(mia)
    answer = client.get(address, headers=visit)
    assert answer.status_code == 404
    assert "There is no such thing, or it is not yours" in answer.content.decode()
    assert client.get(address).json()["code"] == "not_found"
