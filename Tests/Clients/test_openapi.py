"""The published description is true: what schemathesis makes of it is answered as it says."""

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance, response_headers_conformance, response_schema_conformance, status_code_conformance)

from apus import ADMIN_KEY, USER_KEY

ROUTES = [
    ("POST", "/v1/chat/completions"), ("POST", "/v1/completions"), ("POST", "/v1/embeddings"),
    ("GET", "/v1/models"), ("GET", "/v1/models/{id}"), ("GET", "/api/v1/me"),
    ("POST", "/api/v1/keys"), ("GET", "/api/v1/keys"), ("GET", "/api/v1/keys/{id}"), ("PATCH", "/api/v1/keys/{id}"),
    ("DELETE", "/api/v1/keys/{id}"), ("POST", "/api/v1/keys/{id}/rotate"), ("GET", "/api/v1/limits"),
    ("GET", "/api/v1/limits/{user}"), ("PUT", "/api/v1/limits/{user}"), ("DELETE", "/api/v1/limits/{user}"),
    ("GET", "/health"), ("GET", "/health/live"), ("GET", "/health/ready"),
    ("GET", "/metrics"), ("GET", "/openapi.json")]
TRUE = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    response_headers_conformance]


@pytest.fixture(scope="module")
def description(shared_apus):
    return schemathesis.openapi.from_url(f"{shared_apus.address}/openapi.json")


def test_the_description_lists_every_route_and_no_other(apus):
    answer = apus.ask("GET", "/openapi.json", key=None)
    assert answer.header("content-type").startswith("application/json")
    assert answer.json()["openapi"].startswith("3.1")
    paths = answer.json()["paths"].items()
    methods = {"get", "post", "put", "patch", "delete", "head", "options"}
    assert {(method.upper(), path) for path, item in paths for method in item if method in methods} == set(ROUTES)


@pytest.mark.parametrize("method, path", ROUTES)
def test_every_answer_is_one_that_the_description_allows(apus, upstream, description, method, path):
    own = not path.startswith("/v1/")
    key = {"authorization": f"Bearer {ADMIN_KEY if own else USER_KEY}"}
    there = apus.make_key(user="una")["id"] if own else "scripted"

    @hypothesis.settings(
        max_examples=20, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(case=description[path][method].as_strategy())
    def holds(case):
        case.call_and_validate(headers=key, checks=TRUE)
        if isinstance(case.body, dict) and not own:  # once more with a model that exists, so that it is passed on
            case.body["model"] = "scripted"
            case.call_and_validate(headers=key, checks=TRUE)
        if "id" in (case.path_parameters or {}):  # once more with what exists
            case.path_parameters["id"] = there
            case.call_and_validate(headers=key, checks=TRUE)

    holds()
    assert bool(upstream.requests) == (method == "POST" and not own)


@pytest.mark.parametrize("method, path", ROUTES)
def test_a_caller_without_a_key_meets_what_the_description_says(apus, description, method, path):
    body = {"body": {}} if method in ("POST", "PUT", "PATCH") else {}
    case = description[path][method].Case(**body, path_parameters={"id": "scripted", "user": "una"})
    response = case.call(headers={"authorization": "Bearer wrong"})
    assert response.status_code == (401 if path.startswith(("/v1/", "/api/")) else response.status_code)
    case.validate_response(response, checks=TRUE)
