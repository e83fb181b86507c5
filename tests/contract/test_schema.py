"""The OpenAPI schema: it validates, without a warning, and it is there to be read."""

import pytest
from django.core.management import call_command
from django.test import Client


def test_the_schema_validates_without_a_warning(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_a_signed_in_person_reads_it(ann, path):
    client = Client()
    assert client.get(path).status_code == 401
    client.force_login(ann)
    assert client.get(path).status_code == 200
